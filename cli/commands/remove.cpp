// moat remove NAME…: from pyproject.toml, the lock and the environment.
#include "cli/commands/commands.h"
#include "cli/commands/project_change.h"
#include "cli/commands/script_change.h"
#include "resolver/base/nearest.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

std::vector<RequirementList> lists_of(const RemoveCommand& command) {
  if (command.dev) return {{RequirementList::Kind::Group, "dev"}};
  if (command.group) return {{RequirementList::Kind::Group, *command.group}};
  if (command.optional) return {{RequirementList::Kind::Extra, *command.optional}};
  return {{}};
}

std::string option_of(const RequirementList& list) {
  if (list.kind == RequirementList::Kind::Dependencies) return "";
  if (list.kind == RequirementList::Kind::Extra) return " --optional " + list.name;
  return normalize_name(list.name) == "dev" ? " --dev" : " --group " + list.name;
}

Error not_there(const PackageName& name, const RequirementList& list, const ProjectEdit& edit,
                const std::string& file) {
  std::vector<std::string> hints;
  for (const RequirementList& other : edit.lists_of(name))
    hints.push_back(
        fmt::format("`moat remove {}{}` removes it from {}", name.display(), option_of(other), other.told()));
  return {ErrorKind::NotFound, fmt::format("{} is not in {} of {}", quote(name.display()), list.told(), file),
          std::move(hints)};
}

}  // namespace

int execute(const RemoveCommand& command, Session& session) {
  ProjectChange change{.edit = command.script ? open_script_edit(session) : open_project_edit(session),
                       .lines = {},
                       .how = {}};
  change.no_sync = command.no_sync;
  change.dry_run = command.dry_run;
  for (const std::string& text : command.names) {
    const PackageName name = parse_package_name(text);
    for (const RequirementList& list : lists_of(command)) {
      const std::vector<std::string> lines = change.edit.lines_of(list, name);
      if (lines.empty() && command.script)
        throw Error(ErrorKind::NotFound, fmt::format("{} is not in the `dependencies` of {}",
                                                     quote(name.display()), *command.script));
      if (lines.empty()) {
        const Settings& settings = session.settings();
        const fs::path file = edited_pyproject(settings).lexically_proximate(settings.working_directory);
        throw not_there(name, list, change.edit, file.native());
      }
      change.edit.remove(list, name);
      for (const std::string& line : lines) change.lines.push_back({'-', line, list});
    }
    if (change.edit.lists_of(name).empty()) change.edit.remove_source(name);
  }
  command.script ? change_script(std::move(change), session) : change_project(std::move(change), session);
  return 0;
}

}  // namespace moat
