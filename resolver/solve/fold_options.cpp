#include "resolver/solve/fold_options.h"

#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <map>

namespace moat {
namespace {

// pip keeps two sets for such a pair of options; a name put into one leaves the other.
struct NameSet {
  bool all = false;
  std::map<PackageName, bool> names;  // false: not in the set, whatever `all` says

  bool holds(const PackageName& name) const {
    const auto found = names.find(name);
    return found == names.end() ? all : found->second;
  }
};

// `options`: {name, "foo,bar"}, {name, ":all:"} or {name, ":none:"}, in order; `first` names the first set's.
std::pair<NameSet, NameSet> fold_sides(const std::vector<std::pair<std::string, std::string>>& options,
                                       std::string_view first) {
  std::pair<NameSet, NameSet> sides;
  for (const auto& [option, value] : options) {
    if (option == "pre") {  // all, except for what has been named
      sides.first.all = true;
      continue;
    }
    NameSet& side = option == first ? sides.first : sides.second;
    NameSet& other = option == first ? sides.second : sides.first;
    for (const std::string_view part : split(value, ',')) {
      const std::string_view name = trim(part);
      if (name.empty()) continue;
      if (name == ":none:") {
        side = {};
      } else if (name == ":all:") {
        side = {.all = true, .names = {}};
        other = {};
      } else {
        const PackageName package = parse_package_name(name, "--" + option);
        side.names.insert_or_assign(package, true);
        other.names.insert_or_assign(package, false);
      }
    }
  }
  return sides;
}

}  // namespace

PackageName parse_package_name(std::string_view text, std::string_view where) {
  Expected<PackageName> name = PackageName::parse(text);
  if (!name)
    throw Error(ErrorKind::Usage, fmt::format("{}: {}: {}", where, quote(text), name.error().message));
  return std::move(*name);
}

BinaryPolicy fold_binary(const std::vector<std::pair<std::string, std::string>>& binary) {
  const auto [no, only] = fold_sides(binary, "no-binary");
  BinaryPolicy policy;
  policy.allow_wheels = !no.all;
  policy.allow_sdists = !only.all;
  for (const NameSet* side : {&no, &only})
    for (const auto& [name, in] : side->names)
      policy.by_name.insert_or_assign(name, std::pair{!no.holds(name), !only.holds(name)});
  return policy;
}

PrereleasePolicy fold_releases(const RequirementsOptions& file) {
  const auto [all, final] = fold_sides(file.releases, "all-releases");
  PrereleasePolicy policy;
  if (all.all)
    policy.otherwise = Prereleases::Allow;
  else if (final.all)
    policy.otherwise = Prereleases::Forbid;
  for (const auto& [side, as] : {std::pair{&all, Prereleases::Allow}, std::pair{&final, Prereleases::Forbid}})
    for (const auto& [name, in] : side->names)
      if (in) policy.by_name.insert_or_assign(name, as);
  return policy;
}

}  // namespace moat
