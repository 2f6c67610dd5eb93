#include "resolver/lock/lock_document.h"

#include <set>

namespace moat {

std::size_t package_count(const Pylock& lock) {
  std::set<PackageName> names;
  for (const LockedPackage& package : lock.packages) names.insert(package.name);
  return names.size();
}

const Pylock& LockDocument::operator*() const {
  if (!lock_) lock_ = parse_pylock(*text_, "").value();
  return *lock_;
}

const std::string& LockDocument::text() const {
  if (!text_) text_ = format_pylock(*lock_);
  return *text_;
}

std::size_t LockDocument::packages() const {
  if (!packages_) packages_ = package_count(**this);
  return *packages_;
}

}  // namespace moat
