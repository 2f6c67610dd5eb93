#include "envs/place/parent_folders.h"

#include "envs/place/presence.h"

#include <sys/stat.h>

namespace moat {

Way ParentFolders::to(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return Way::Real;
  const std::string parent = path.substr(0, slash);
  if (const auto known = known_.find(parent); known != known_.end()) return known->second;
  Way way = to(parent);
  if (way == Way::Real) {
    const auto facts = lstat_of(root_ / parent);
    if (!facts)
      way = Way::Missing;
    else if (!S_ISDIR(facts->st_mode))
      way = S_ISLNK(facts->st_mode) ? Way::Linked : Way::Missing;
  }
  return known_[parent] = way;
}

}  // namespace moat
