// UniversalResolution → Pylock.
#include "resolver/lock/lockfile.h"
#include "resolver/lock/universal.h"

#include <algorithm>
#include <map>
#include <utility>

namespace moat {
namespace {

Marker parse_lock_marker(const std::string& text) {
  return Marker::parse(text, MarkerContext::LockFile).value();
}

Marker marker_of_root(const LockRoot& root) {
  return parse_lock_marker('"' + root.name + "\" in " +
                           (root.kind == LockRoot::Kind::Extra ? "extras" : "dependency_groups"));
}

Marker any_of_roots(const std::vector<Marker>& markers) {
  Marker out = markers.front();
  for (std::size_t i = 1; i < markers.size(); ++i) out = out.either(markers[i]);
  return out;
}

// Where a package is installed: wherever it is always needed, elsewhere only with an extra or group.
std::optional<Marker> marker_for(const UniversalPackage& package, const std::vector<LockRoot>& roots,
                                 const MarkerCells& cells) {
  const CellSet& always = package.needed.front();
  const CellSet rest = cells.all() - always;
  std::optional<Marker> out;
  const auto add = [&out](const Marker& part) { out = out ? out->either(part) : part; };
  if (!always.empty()) {
    out = cells.marker_of(always);
    if (!out) return std::nullopt;
  }
  std::vector<std::pair<CellSet, std::vector<Marker>>> by_cells;
  for (std::size_t root = 1; root < roots.size(); ++root) {
    const CellSet more = package.needed[root] & rest;
    if (more.empty()) continue;
    auto found =
        std::find_if(by_cells.begin(), by_cells.end(), [&](const auto& one) { return one.first == more; });
    if (found == by_cells.end()) found = by_cells.insert(by_cells.end(), {more, {}});
    found->second.push_back(marker_of_root(roots[root]));
  }
  for (const auto& [where, markers] : by_cells) {
    const Marker asked = any_of_roots(markers);
    const std::optional<Marker> place = cells.marker_of(where, rest);
    add(place ? asked.both(*place) : asked);
  }
  return out;
}

}  // namespace

Pylock lock_universal(const UniversalRequest& request, const UniversalResolution& resolution,
                      const LockOptions& options) {
  Pylock lock;
  lock.created_by = "moat";
  if (!request.requires_python.empty()) lock.requires_python = request.requires_python;
  for (const LockRoot& root : request.roots) {
    if (root.kind == LockRoot::Kind::Extra) lock.extras.push_back(ExtraName::parse(root.name).value());
    if (root.kind == LockRoot::Kind::Group)
      lock.dependency_groups.push_back(GroupName::parse(root.name).value());
  }
  std::map<PackageName, int> versions;
  for (const UniversalPackage& one : resolution.packages) ++versions[one.package.name];
  for (const UniversalPackage& one : resolution.packages) {
    LockedPackage out = lock_package(one.package, options);
    out.marker = marker_for(one, request.roots, resolution.cells);
    for (const auto& [name, version] : one.dependencies)
      out.dependencies.emplace_back(name,
                                    versions[name] > 1 ? std::optional<Version>(version) : std::nullopt);
    lock.packages.push_back(std::move(out));
  }
  return lock;
}

}  // namespace moat
