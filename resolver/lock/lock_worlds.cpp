#include "resolver/lock/lock_worlds.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace moat {
namespace {

bool exclude_each_other(std::size_t a, std::size_t b, const std::vector<RootSet>& conflicts) {
  return a != b && std::any_of(conflicts.begin(), conflicts.end(),
                               [&](const RootSet& one) { return one.contains(a) && one.contains(b); });
}

bool may_join(std::size_t root, const RootSet& world, const std::vector<RootSet>& conflicts) {
  return std::none_of(world.begin(), world.end(),
                      [&](std::size_t other) { return exclude_each_other(root, other, conflicts); });
}

// May a root be left out? Not if no root of the set, now or later, excludes it: it could still be added.
bool may_be_left(std::size_t root, std::size_t roots, const RootSet& world,
                 const std::vector<RootSet>& conflicts) {
  if (!may_join(root, world, conflicts)) return true;
  for (std::size_t later = root + 1; later < roots; ++later)
    if (exclude_each_other(root, later, conflicts) && may_join(later, world, conflicts)) return true;
  return false;
}

// Collects all maximal sets by taking or leaving each root in turn.
void extend(std::size_t root, std::size_t roots, RootSet world, const std::vector<RootSet>& conflicts,
            std::vector<RootSet>& out) {
  if (out.size() > kMostWorlds) return;
  if (root == roots) {
    for (std::size_t other = 0; other < roots; ++other)
      if (!world.contains(other) && may_join(other, world, conflicts)) return;
    out.push_back(std::move(world));
    return;
  }
  const bool may_stay_out = may_be_left(root, roots, world, conflicts);
  if (may_join(root, world, conflicts)) {
    RootSet with = world;
    with.insert(root);
    extend(root + 1, roots, std::move(with), conflicts, out);
  }
  if (may_stay_out) extend(root + 1, roots, std::move(world), conflicts, out);
}

Marker asks_for(const LockRoot& root, bool asked) {
  return Marker::parse('"' + root.name + (asked ? "\" in " : "\" not in ") +
                           (root.kind == LockRoot::Kind::Extra ? "extras" : "dependency_groups"),
                       MarkerContext::LockFile)
      .value();
}

std::optional<Marker> both(const std::optional<Marker>& a, const std::optional<Marker>& b) {
  if (!a) return b;
  return b && *a != *b ? a->both(*b) : *a;
}

// The marker for a world: true if the choice names nothing outside the world, and for each earlier world
// something that it lacks.
class Guards {
 public:
  Guards(const std::vector<RootSet>& worlds, const std::vector<RootSet>& conflicts,
         const std::vector<LockRoot>& roots)
      : worlds_(worlds), conflicts_(conflicts), roots_(roots) {}

  std::optional<Marker> of(std::size_t world) const {
    const std::vector<RootSet> asked = asked_in(world);
    std::optional<Marker> out;
    for (const RootSet& any : asked) out = both(out, any_of(any));
    for (std::size_t root = 0; root < roots_.size(); ++root)
      if (!worlds_[world].contains(root) && !is_excluded_by(root, asked))
        out = both(out, asks_for(roots_[root], false));
    return out;
  }

 private:
  // Sets of roots; at least one root of each is asked for.
  std::vector<RootSet> asked_in(std::size_t world) const {
    std::vector<RootSet> out;
    for (std::size_t earlier = 0; earlier < world; ++earlier) {
      RootSet any;
      std::set_difference(worlds_[world].begin(), worlds_[world].end(), worlds_[earlier].begin(),
                          worlds_[earlier].end(), std::inserter(any, any.end()));
      if (std::find(out.begin(), out.end(), any) == out.end()) out.push_back(std::move(any));
    }
    return out;
  }

  Marker any_of(const RootSet& roots) const {
    std::optional<Marker> out;
    for (const std::size_t root : roots) {
      const Marker one = asks_for(roots_[root], true);
      out = out ? out->either(one) : one;
    }
    return out.value();
  }

  // A root needs no marker if the choices already asked for exclude it.
  bool is_excluded_by(std::size_t root, const std::vector<RootSet>& asked) const {
    return std::any_of(asked.begin(), asked.end(), [&](const RootSet& any) {
      return std::all_of(any.begin(), any.end(),
                         [&](std::size_t other) { return exclude_each_other(root, other, conflicts_); });
    });
  }

  const std::vector<RootSet>& worlds_;
  const std::vector<RootSet>& conflicts_;
  const std::vector<LockRoot>& roots_;
};

// An entry without its marker, as text.
std::string identity(LockedPackage package) {
  package.marker.reset();
  Pylock lock;
  lock.packages.push_back(std::move(package));
  return format_pylock(lock);
}

struct Entry {
  LockedPackage package;
  std::map<std::size_t, std::optional<Marker>> markers;  // by world
};

bool same(const std::optional<Marker>& a, const std::optional<Marker>& b) {
  return a.has_value() == b.has_value() && (!a || *a == *b);
}

// Do all worlds that have the entry agree on its marker, and do the others lack what it asks for?
bool needs_no_guard(const Entry& entry, const std::vector<RootSet>& worlds,
                    const std::vector<LockRoot>& roots) {
  const std::optional<Marker>& marker = entry.markers.begin()->second;
  for (const auto& [world, other] : entry.markers)
    if (!same(marker, other)) return false;
  if (entry.markers.size() == worlds.size()) return true;
  if (!marker) return false;
  const std::string text = marker->to_string();
  for (std::size_t root = 1; root < roots.size(); ++root) {
    const std::string asks = asks_for(roots[root], true).to_string();
    // `or` binds loosest: if there is one, the first clause is not the whole condition.
    if (text != asks && (!text.starts_with(asks + " and ") || text.find(" or ") != text.npos)) continue;
    bool exactly = true;
    for (std::size_t world = 0; world < worlds.size(); ++world)
      exactly &= worlds[world].contains(root) == entry.markers.contains(world);
    if (exactly) return true;
  }
  return false;
}

}  // namespace

std::vector<RootSet> worlds_of(std::size_t roots, const std::vector<RootSet>& conflicts) {
  std::vector<RootSet> out;
  extend(0, roots, {}, conflicts, out);
  if (out.size() > kMostWorlds)
    throw Error(
        ErrorKind::Usage,
        fmt::format("`conflicts` allows more than {} combinations of extras and groups, and each must be "
                    "resolved by itself",
                    kMostWorlds),
        {"list in `conflicts` only extras and groups that cannot be installed together"});
  return out;
}

std::vector<RootSet> conflicting_roots(const std::vector<std::vector<std::string>>& conflicts,
                                       const std::vector<LockRoot>& roots) {
  std::vector<RootSet> out;
  for (const std::vector<std::string>& conflict : conflicts) {
    RootSet& set = out.emplace_back();
    for (std::size_t root = 1; root < roots.size(); ++root) {
      const char* const kind = roots[root].kind == LockRoot::Kind::Extra ? "extra " : "group ";
      if (std::find(conflict.begin(), conflict.end(), kind + roots[root].name) != conflict.end())
        set.insert(root);
    }
  }
  return out;
}

WorldChoice choice_of(const RootSet& world, const std::vector<LockRoot>& roots) {
  WorldChoice out;
  for (const std::size_t root : world) {
    if (roots[root].kind == LockRoot::Kind::Extra)
      out.extras.insert(ExtraName::parse(roots[root].name).value());
    else if (roots[root].kind == LockRoot::Kind::Group)
      out.groups.insert(GroupName::parse(roots[root].name).value());
  }
  return out;
}

UniversalRequest request_of_world(const UniversalRequest& request, const RootSet& world) {
  UniversalRequest out = request;
  out.request.requirements.clear();
  out.root_of.clear();
  for (std::size_t i = 0; i < request.request.requirements.size(); ++i) {
    if (!world.contains(request.root_of[i])) continue;
    out.request.requirements.push_back(request.request.requirements[i]);
    out.root_of.push_back(request.root_of[i]);
  }
  return out;
}

Pylock join_worlds(const std::vector<Pylock>& locks, const std::vector<RootSet>& worlds,
                   const std::vector<RootSet>& conflicts, const std::vector<LockRoot>& roots) {
  Pylock out = locks.front();
  out.packages.clear();
  std::vector<Entry> entries;
  std::map<std::string, std::size_t> places;
  for (std::size_t world = 0; world < locks.size(); ++world)
    for (const LockedPackage& package : locks[world].packages) {
      // Dependencies may differ between worlds; they are informational.
      LockedPackage bare = package;
      bare.dependencies.clear();
      const auto [place, is_new] = places.try_emplace(identity(std::move(bare)), entries.size());
      if (is_new) entries.push_back({package, {}});
      Entry& entry = entries[place->second];
      entry.markers.emplace(world, package.marker);
      for (const auto& dependency : package.dependencies)
        if (auto& known = entry.package.dependencies;
            std::find(known.begin(), known.end(), dependency) == known.end())
          known.push_back(dependency);
    }
  const Guards guards(worlds, conflicts, roots);
  for (Entry& entry : entries) {
    std::optional<Marker> marker;
    if (needs_no_guard(entry, worlds, roots)) {
      marker = entry.markers.begin()->second;
    } else {
      for (const auto& [world, when] : entry.markers) {
        const std::optional<Marker> here = both(guards.of(world), when);
        marker = marker ? marker->either(*here) : *here;
      }
    }
    entry.package.marker = std::move(marker);
    std::sort(entry.package.dependencies.begin(), entry.package.dependencies.end());
    out.packages.push_back(std::move(entry.package));
  }
  std::stable_sort(out.packages.begin(), out.packages.end(),
                   [](const LockedPackage& a, const LockedPackage& b) {
                     return a.name != b.name ? a.name < b.name : b.version < a.version;
                   });
  return out;
}

}  // namespace moat
