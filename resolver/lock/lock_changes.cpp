#include "resolver/lock/lock_changes.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace moat {
namespace {

using HashesByFile = std::map<std::string, std::vector<Digest>>;

HashesByFile hashes_in(const Pylock& lock) {
  HashesByFile out;
  for (const LockedPackage& package : lock.packages) {
    for (const LockedFile& wheel : package.wheels) out[wheel.name] = wheel.hashes;
    if (package.sdist) out[package.sdist->name] = package.sdist->hashes;
  }
  return out;
}

// Has a hash of the same algorithm changed?
bool differ(const std::vector<Digest>& before, const std::vector<Digest>& now) {
  return std::ranges::any_of(before, [&](const Digest& old) {
    return std::ranges::any_of(
        now, [&](const Digest& one) { return one.algorithm == old.algorithm && one != old; });
  });
}

// A package has several versions if targets have different ones.
std::map<PackageName, std::vector<std::string>> versions_in(const Pylock& lock) {
  std::map<PackageName, std::vector<std::string>> out;
  for (const LockedPackage& package : lock.packages)
    out[package.name].push_back(package.version ? package.version->to_string() : "");
  for (auto& [name, versions] : out) std::sort(versions.begin(), versions.end());
  return out;
}

}  // namespace

std::vector<std::string> lock_changes(const Pylock& was, const Pylock& now) {
  const auto before = versions_in(was), after = versions_in(now);
  std::vector<std::string> out;
  std::map<PackageName, std::string> lines;
  for (const auto& [name, versions] : after) {
    const auto found = before.find(name);
    if (found == before.end())
      lines[name] = fmt::format("+ {} {}", name.display(), join(versions, ", "));
    else if (found->second != versions)
      lines[name] =
          fmt::format("~ {} {} → {}", name.display(), join(found->second, ", "), join(versions, ", "));
  }
  for (const auto& [name, versions] : before)
    if (after.count(name) == 0) lines[name] = fmt::format("- {} {}", name.display(), join(versions, ", "));
  for (auto& [name, line] : lines) out.push_back(std::move(line));
  const auto old_hashes = hashes_in(was);
  for (const auto& [file, hashes] : hashes_in(now))
    if (const auto old = old_hashes.find(file); old != old_hashes.end() && differ(old->second, hashes))
      out.push_back(fmt::format("~ {}: hash changed", file));
  return out;
}

std::optional<ChangedHash> changed_hash(const Pylock& was, const Pylock& now) {
  const HashesByFile present = hashes_in(now);
  for (const auto& [name, hashes] : hashes_in(was)) {
    const auto found = present.find(name);
    if (found == present.end()) continue;
    for (const Digest& old : hashes)
      for (const Digest& is : found->second)
        if (old.algorithm == is.algorithm && old.hex != is.hex) return ChangedHash{name, old, is};
  }
  return std::nullopt;
}

std::set<PackageName> gone_packages(const Pylock& was, const Pylock& now) {
  std::set<PackageName> names;
  for (const LockedPackage& package : was.packages) names.insert(package.name);
  for (const LockedPackage& package : now.packages) names.erase(package.name);
  return names;
}

}  // namespace moat
