#include "envs/install/unmet.h"

#include "fetch/index/index_pages.h"
#include "resolver/base/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace moat {

bool lacks_a_project(const Conflict& conflict) {
  return std::any_of(conflict.steps.begin(), conflict.steps.end(),
                     [](const ConflictStep& step) { return step.lack == MissingCandidates::UnknownProject; });
}

std::map<PackageName, std::string> near_names(const Conflict& conflict,
                                              const std::map<PackageName, Version>& present,
                                              const Store& store) {
  // More edits than this make it another word.
  constexpr std::size_t kMostEdits = 2, kMostLonger = 3;
  std::map<PackageName, std::string> near;
  if (!lacks_a_project(conflict)) return near;
  std::vector<std::string> names = seen_projects(store);
  for (const auto& [name, version] : present) names.push_back(name.normalized());
  std::sort(names.begin(), names.end());
  for (const ConflictStep& step : conflict.steps) {
    if (step.lack != MissingCandidates::UnknownProject) continue;
    const std::string typed = step.requirement.name.normalized();
    std::vector<std::string> alike;
    for (const std::string& name : names)
      if (name != typed && name.size() <= typed.size() + kMostLonger) alike.push_back(name);
    if (auto found = nearest_name(typed, alike, kMostEdits))
      near.insert_or_assign(step.requirement.name, std::move(*found));
  }
  return near;
}

Goal apply_fix(const Goal& goal, const Unmet& unmet, int number) {
  const std::size_t count = unmet.found.fixes.size();
  if (number < 1 || static_cast<std::size_t>(number) > count)
    throw Error(ErrorKind::Usage,
                count == 0 ? fmt::format("--fix {}: no fix is known for this conflict", number)
                           : fmt::format("--fix {}: there {} {}", number, count == 1 ? "is only" : "are only",
                                         count == 1 ? "1 fix" : fmt::format("{} fixes", count)),
                {"run it without `--fix` to see the conflict and its fixes"});
  const Fix& fix = unmet.found.fixes[static_cast<std::size_t>(number) - 1];
  Goal changed = goal;
  loosen_lines(changed.requirements, fix);
  loosen_lines(changed.constraints, fix);
  loosen_lines(changed.earlier, fix);
  return changed;
}

}  // namespace moat
