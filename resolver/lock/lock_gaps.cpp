#include "resolver/lock/lock_gaps.h"

#include "resolver/base/text.h"
#include "resolver/pep/requirement.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace moat {
namespace {

// "" if the line is met, or names no project (a path does not).
std::string unmet(std::string_view line, const Pylock& lock, const MarkerEnvironment& there,
                  const WorldChoice& choice) {
  if (line.starts_with("-e ")) line.remove_prefix(3);
  const Expected<Requirement> requirement = Requirement::parse(line);
  if (!requirement || (requirement->marker && !requirement->marker->evaluate(there))) return "";
  const auto entry = std::ranges::find_if(lock.packages, [&](const LockedPackage& package) {
    return package.name == requirement->name &&
           (!package.marker || package.marker->evaluate(there, choice.extras, choice.groups));
  });
  const std::string shown = quote(line);
  if (entry == lock.packages.end())
    return fmt::format("{}: the lock has no {}", shown, requirement->name.display());
  if (entry->version && !entry->direct && !requirement->url &&
      !requirement->specifier.contains(*entry->version))
    return fmt::format("{}: the lock has {} {}", shown, entry->name.display(), entry->version->to_string());
  return "";
}

}  // namespace

std::vector<std::string> unmet_lines(const Pylock& lock, const MarkerEnvironment& there,
                                     const WorldChoice& choice) {
  std::vector<std::string> out;
  const auto look = [&](const std::vector<std::string>& lines) {
    for (const std::string& line : lines)
      if (std::string what = unmet(line, lock, there, choice); !what.empty()) out.push_back(std::move(what));
  };
  look(lock.inputs->requirements);
  for (const ExtraName& extra : choice.extras)
    if (const auto lines = lock.inputs->extras.find(extra.normalized()); lines != lock.inputs->extras.end())
      look(lines->second);
  for (const GroupName& group : choice.groups)
    if (const auto lines = lock.inputs->groups.find(group.normalized()); lines != lock.inputs->groups.end())
      look(lines->second);
  return out;
}

std::vector<std::string> dangling_dependencies(const Pylock& lock) {
  std::set<PackageName> there;
  for (const LockedPackage& package : lock.packages) there.insert(package.name);
  std::vector<std::string> out;
  for (const LockedPackage& package : lock.packages)
    for (const auto& [name, version] : package.dependencies)
      if (!there.contains(name))
        out.push_back(fmt::format("{}{} requires {}, which is not in the lock", package.name.display(),
                                  package.version ? " " + package.version->to_string() : "", name.display()));
  return out;
}

}  // namespace moat
