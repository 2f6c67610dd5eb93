#include "fetch/store/wheel_addition.h"

#include "fetch/bytes/hasher.h"
#include "fetch/store/store_manifest.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

namespace moat {

WheelAddition::WheelAddition(const StoreLayout& layout, WheelToAdd wheel, std::int64_t now)
    : layout_(layout), wheel_(std::move(wheel)), now_(now) {}

void WheelAddition::refuse(const std::string& why) const {
  throw Error(ErrorKind::BadArchive, fmt::format("cannot use {}: {}", quote(wheel_.filename), why),
              {"the file is not a wheel as the standards want it; ask its publisher for a repaired one"});
}

void WheelAddition::begin() {
  unpacking_.emplace(wheel_.filename, open_file(wheel_.file, O_RDONLY), now_);
  check_and_make_room();
}

void WheelAddition::begin_arriving(ReadAt read, std::vector<ZipEntry> entries) {
  unpacking_.emplace(wheel_.filename, std::move(read), std::move(entries), now_);
  check_and_make_room();
}

void WheelAddition::check_and_make_room() {
  auto contents = check_wheel(unpacking_->entries(), wheel_.name,
                              [&](const ZipEntry& entry) { return unpacking_->read_member(entry); });
  if (!contents) refuse(contents.error().message);
  contents_ = std::move(*contents);

  const auto space = free_space(layout_.tmp());
  if (space && *space < unpacking_->total_size())
    throw Error(
        ErrorKind::Disk,
        fmt::format("cannot unpack {}: it needs {} MB, and {} has {} MB left", quote(wheel_.filename),
                    unpacking_->total_size() >> 20U, quote(layout_.root.native()), *space >> 20U),
        {fmt::format("free some space; `moat store prune` empties {}", quote(layout_.root.native()))});
  temp_.emplace(layout_.tmp(), "wheel");
  make_directories(entry() / "tree");
  unpacking_->make_directories(entry() / "tree");
}

StoredWheel WheelAddition::finish() {
  StoredWheel stored;
  stored.files = unpacking_->take_files();
  // check_wheel() gave a row for each file, in the same order.
  stored.faults = std::move(contents_.faults);
  for (std::size_t i = 0; i < stored.files.size(); ++i) {
    const StoredFile& file = stored.files[i];
    const RecordEntry& row = contents_.rows[i];
    if (row.algorithm.empty()) continue;
    const bool same = row.algorithm == "sha256"
                          ? agrees(row, file.digest)
                          : agrees(row, hash_file(entry() / "tree" / file.path, row.algorithm));
    if (!same) stored.faults.push_back({std::string(record_fault::kOtherHash), file.path});
  }
  // From here on every file matches the wheel's RECORD, or the entry says that it does not.

  std::sort(stored.files.begin(), stored.files.end(),
            [](const StoredFile& a, const StoredFile& b) { return a.path < b.path; });
  stored.digest = wheel_.sha256;
  stored.filename = wheel_.filename;
  stored.tree = layout_.wheel(wheel_.sha256) / "tree";
  stored.dist_info = contents_.dist_info;
  stored.root_is_purelib = contents_.root_is_purelib;
  for (const std::string& warning : contents_.warnings)
    stored.warnings.push_back(fmt::format("{}: {}", wheel_.filename, warning));
  const std::string manifest = format_wheel_manifest(stored);
  const UniqueFd file = open_file(entry() / "manifest", O_WRONLY | O_CREAT | O_EXCL, 0644);
  write_all(file.get(), manifest, entry() / "manifest");
  return stored;
}

StoredWheel admit_wheel(const fs::path& entry, StoredWheel wheel, const Store& store) {
  const fs::path target = store.layout().wheel(wheel.digest);
  // Tried twice, in case another process has just made an entry that turns out to be damaged.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (rename_if_absent(entry, target)) return wheel;
    if (auto first = store.find_wheel(wheel.digest)) return std::move(*first);
  }
  throw Error(ErrorKind::Disk,
              fmt::format("cannot put {} into the store {}: its place is taken", quote(wheel.filename),
                          quote(store.layout().root.native())),
              {"moat store verify"});
}

}  // namespace moat
