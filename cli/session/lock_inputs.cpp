#include "cli/session/lock_inputs.h"

#include "resolver/base/redact.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace moat {
namespace {

std::string text_of(const UnnamedRequirement& unnamed) {
  return (unnamed.editable ? "-e " : "") + hide_credentials(unnamed.text);
}

std::string text_of(const RootRequirement& line, const Goal& goal) {
  return (goal.editables.contains(line.requirement.name) ? "-e " : "") +
         hide_credentials(line.requirement.to_string());
}

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

void RootedLines::close(const LockRoot& root, const Goal& goal) {
  const End begin = ends_.empty() ? End() : ends_.back();
  const std::size_t place = roots_.size();
  roots_.push_back(root);
  ends_.push_back({goal.requirements.size(), goal.unnamed.size()});
  // Lines without a name are inserted once they have one, each at its place.
  root_of_.insert(root_of_.end(), ends_.back().requirements - begin.requirements, place);
  root_of_.insert(root_of_.end(), ends_.back().unnamed - begin.unnamed, place);
}

LockedInputs RootedLines::inputs(const Goal& goal) const {
  LockedInputs out;
  for (std::size_t i = 0; i < roots_.size(); ++i) {
    const End begin = i == 0 ? End() : ends_[i - 1];
    std::vector<std::string> lines;
    for (std::size_t line = begin.requirements; line < ends_[i].requirements; ++line)
      lines.push_back(text_of(goal.requirements[line], goal));
    for (std::size_t line = begin.unnamed; line < ends_[i].unnamed; ++line)
      lines.push_back(text_of(goal.unnamed[line]));
    switch (roots_[i].kind) {
      case LockRoot::Kind::Always:
        out.requirements = std::move(lines);
        break;
      case LockRoot::Kind::Extra:
        out.extras.emplace(roots_[i].name, std::move(lines));
        break;
      case LockRoot::Kind::Group:
        out.groups.emplace(roots_[i].name, std::move(lines));
        break;
    }
  }
  for (const RootRequirement& line : goal.constraints) out.constraints.push_back(text_of(line, goal));
  return out;
}

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
