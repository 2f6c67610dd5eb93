// One wheel on its way into the store, in units of work that never wait for one another:
// begin(), then each slice (any threads), then finish().
#pragma once

#include "fetch/archive/archive.h"
#include "fetch/archive/wheel_check.h"
#include "fetch/os/file.h"
#include "fetch/store/store.h"

#include <optional>
#include <string>

namespace moat {

class WheelAddition {
 public:
  // `now`: no file gets a later time, unix seconds.
  WheelAddition(const StoreLayout& layout, WheelToAdd wheel, std::int64_t now);

  // Checks the zip directory, WHEEL and METADATA against each other and notes what is wrong with RECORD, and
  // makes the directories.
  // Error(BadArchive), Error(Disk).
  void begin();
  std::size_t slices() const { return unpacking_->slices(); }
  void unpack(std::size_t slice) { unpacking_->unpack(slice); }

  // Compares what was written with RECORD, notes what differs, and writes the manifest. The entry is then
  // complete at entry(), inside tmp/; it vanishes with this object unless it is renamed.
  StoredWheel finish();
  fs::path entry() const { return temp_->path() / "entry"; }

 private:
  [[noreturn]] void refuse(const std::string& why) const;

  StoreLayout layout_;
  WheelToAdd wheel_;
  std::int64_t now_;
  std::optional<TempDir> temp_;
  std::optional<ZipUnpacking> unpacking_;
  WheelContents contents_;
};

}  // namespace moat
