#include "fetch/store/wheel_file.h"

#include "fetch/archive/archive_writer.h"

#include <algorithm>
#include <vector>

namespace moat {

void write_wheel_file(const StoredWheel& wheel, const fs::path& file) {
  const std::string info = wheel.dist_info + "/", record = info + "RECORD";
  const auto part = [&](const StoredFile& member) {
    return member.path == record ? 2 : member.path.substr(0, info.size()) == info ? 1 : 0;
  };
  std::vector<StoredFile> members = wheel.files;
  std::stable_sort(members.begin(), members.end(),
                   [&](const StoredFile& a, const StoredFile& b) { return part(a) < part(b); });
  write_zip(file, wheel.tree, members);
}

}  // namespace moat
