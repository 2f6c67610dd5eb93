// One wheel on its way into the store, in units of work that never wait for one another:
// begin(), then each slice (any threads), then finish().
#pragma once

#include "fetch/archive/archive.h"
#include "fetch/archive/wheel_check.h"
#include "fetch/os/file.h"
#include "fetch/store/store.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace moat {

class WheelAddition {
 public:
  // `now`: no file gets a later time, unix seconds.
  WheelAddition(const StoreLayout& layout, WheelToAdd wheel, std::int64_t now);

  // Checks the zip directory, WHEEL and METADATA against each other and notes what is wrong with RECORD, and
  // makes the directories.
  // Error(BadArchive), Error(Disk).
  void begin();
  // The same for a file that is still arriving (ZipUnpacking describes `read` and `entries`).
  void begin_arriving(ReadAt read, std::vector<ZipEntry> entries);
  std::size_t slices() const { return unpacking_->slices(); }
  ZipUnpacking::Span span_of(std::size_t slice) const { return unpacking_->span_of(slice); }
  void unpack(std::size_t slice) { unpacking_->unpack(slice); }

  // Compares the written files with RECORD, notes differences, and writes the manifest. The entry is then
  // complete at entry(), inside tmp/; it is removed with this object unless it is renamed.
  StoredWheel finish();
  fs::path entry() const { return temp_->path() / "entry"; }

 private:
  void check_and_make_room();
  [[noreturn]] void refuse(const std::string& why) const;

  StoreLayout layout_;
  WheelToAdd wheel_;
  std::int64_t now_;
  std::optional<TempDir> temp_;
  std::optional<ZipUnpacking> unpacking_;
  WheelContents contents_;
};

// Renames the result of finish() to its place. If another process was first, its entry is used, and ours is
// dropped. Error(Disk) if neither works.
StoredWheel admit_wheel(const std::filesystem::path& entry, StoredWheel wheel, const Store& store);

}  // namespace moat
