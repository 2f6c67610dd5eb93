#include "resolver/lock/left_out_targets.h"

#include "resolver/base/text.h"
#include "resolver/solve/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace moat {
namespace {

// The reason that two targets with the same lack share.
std::string reason_of(const Conflict& conflict) {
  std::string out;
  for (const ConflictStep& step : conflict.steps)
    out += fmt::format("{} {} {} {}\n", step.package ? step.package->normalized() : "", step.versions,
                       step.requirement.to_string(), step.lack ? to_string(*step.lack) : "");
  return out;
}

// "3.9", "3.9 to 3.11", "3.9, 3.12": indices into the space's Pythons, newest first.
std::string pythons_told(const LockSpace& space, const std::set<std::size_t>& places) {
  const std::size_t newest = *places.begin(), oldest = *places.rbegin();
  if (places.size() > 1 && oldest - newest + 1 == places.size())
    return fmt::format("{} to {}", space.pythons[oldest].to_string(), space.pythons[newest].to_string());
  std::vector<std::string> texts;
  for (auto place = places.rbegin(); place != places.rend(); ++place)
    texts.push_back(space.pythons[*place].to_string());
  return join(texts, ", ");
}

std::size_t place_of_python(const LockSpace& space, const LockTarget& target) {
  const auto found = std::find_if(space.pythons.begin(), space.pythons.end(), [&](const PythonMinor& python) {
    return python.to_string() == target.target.environment.python_version;
  });
  return static_cast<std::size_t>(found - space.pythons.begin());
}

using Places = std::set<std::size_t>;

// "windows-x86_64", "macos-arm64 with Python 3.9", or "Python 3.9" if it concerns all platforms.
std::string targets_told(const LockSpace& space, const std::map<std::string, Places>& pythons) {
  std::map<Places, std::vector<std::string>> platforms;
  for (const std::string& platform : space.platforms)
    if (const auto found = pythons.find(platform); found != pythons.end())
      platforms[found->second].push_back(platform);
  std::vector<std::string> out;
  for (const auto& [places, names] : platforms) {
    if (places.size() == space.pythons.size())
      out.push_back(join(names, ", "));
    else if (names.size() == space.platforms.size())
      out.push_back("Python " + pythons_told(space, places));
    else
      out.push_back(fmt::format("{} with Python {}", join(names, ", "), pythons_told(space, places)));
  }
  return join(out, ", nor for ");
}

}  // namespace

std::vector<std::string> left_out_warnings(const LockSpace& space,
                                           const std::vector<LeftOutTarget>& left_out) {
  struct Group {
    const UniversalConflict* first = nullptr;
    std::map<std::string, Places> pythons;  // by platform
  };
  std::vector<std::string> reasons;  // in the order in which they were found
  std::map<std::string, Group> groups;
  for (const LeftOutTarget& one : left_out) {
    const LockTarget& target = space.targets[one.place];
    std::string reason = reason_of(one.why.conflict);
    Group& group = groups[reason];
    group.pythons[target.name].insert(place_of_python(space, target));
    if (group.first != nullptr) continue;
    group.first = &one.why;
    reasons.push_back(std::move(reason));
  }
  std::vector<std::string> out;
  for (const std::string& reason : reasons) {
    const Group& group = groups.at(reason);
    const Explanation why = explain(group.first->conflict, group.first->request.target);
    out.push_back(fmt::format("the lock is not for {}: {}", targets_told(space, group.pythons),
                              why.lines.empty() ? why.headline : join(why.lines, "; ")));
  }
  if (!out.empty())
    out.emplace_back(
        "`targets` under [tool.moat] of pyproject.toml says which platforms the lock is for, and "
        "`requires-python` which Pythons");
  return out;
}

}  // namespace moat
