#include "envs/install/rooted_lines.h"

#include "resolver/base/redact.h"

#include <utility>

namespace moat {
namespace {

std::string text_of(const UnnamedRequirement& unnamed) {
  return (unnamed.editable ? "-e " : "") + hide_credentials(unnamed.text);
}

std::string text_of(const RootRequirement& line, const Goal& goal) {
  return (goal.editables.contains(line.requirement.name) ? "-e " : "") +
         hide_credentials(line.requirement.to_string());
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

}  // namespace moat
