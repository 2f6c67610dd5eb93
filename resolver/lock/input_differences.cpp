#include "resolver/lock/input_differences.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string_view>

namespace moat {
namespace {

void compare(std::string_view what, const std::vector<std::string>& before,
             const std::vector<std::string>& now, std::vector<std::string>& out) {
  const std::set<std::string> old(before.begin(), before.end()), present(now.begin(), now.end());
  for (const std::string& line : now)
    if (!old.contains(line)) out.push_back(fmt::format("{}: + {}", what, line));
  for (const std::string& line : before)
    if (!present.contains(line)) out.push_back(fmt::format("{}: - {}", what, line));
}

using ByName = std::map<std::string, std::vector<std::string>>;

void compare(std::string_view what, const ByName& before, const ByName& now, std::vector<std::string>& out) {
  std::set<std::string> names;
  for (const ByName* one : {&before, &now})
    for (const auto& [name, lines] : *one) names.insert(name);
  for (const std::string& name : names) {
    if (!before.contains(name)) out.push_back(fmt::format("{} {} is new", what, name));
    if (!now.contains(name)) out.push_back(fmt::format("{} {} is gone", what, name));
    if (before.contains(name) && now.contains(name))
      compare(fmt::format("{} {}", what, name), before.at(name), now.at(name), out);
  }
}

std::vector<std::string> texts_of(const std::vector<std::vector<std::string>>& lists) {
  std::vector<std::string> out;
  for (const std::vector<std::string>& list : lists) out.push_back(join(list, ", "));
  return out;
}

}  // namespace

std::vector<std::string> input_differences(const LockedInputs& before, const LockedInputs& now) {
  std::vector<std::string> out;
  compare("requirements", before.requirements, now.requirements, out);
  compare("constraints", before.constraints, now.constraints, out);
  compare("extra", before.extras, now.extras, out);
  compare("group", before.groups, now.groups, out);
  compare("default-groups", before.default_groups, now.default_groups, out);
  compare("conflicts", texts_of(before.conflicts), texts_of(now.conflicts), out);
  compare("targets", before.targets, now.targets, out);
  compare("pythons", before.pythons, now.pythons, out);
  if (before.universal != now.universal)
    out.push_back(now.universal ? "--universal is new" : "--universal is gone");
  return out;
}

}  // namespace moat
