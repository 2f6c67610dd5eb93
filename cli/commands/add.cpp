// moat add REQ…: into pyproject.toml, the lock and the environment.
#include "cli/commands/commands.h"
#include "cli/commands/project_change.h"
#include "cli/commands/script_change.h"
#include "cli/session/required_python.h"
#include "cli/session/source_setup.h"
#include "envs/environment/shell_words.h"
#include "envs/project/project_files.h"
#include "envs/project/workspace.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/files/requirement_bounds.h"
#include "resolver/files/source_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace moat {
namespace {

Bounds bounds_of(const AddCommand& command) {
  const std::string& text = command.bounds.value_or("lower");
  if (text == "lower") return Bounds::Lower;
  if (text == "exact") return Bounds::Exact;
  if (text == "compatible") return Bounds::Compatible;
  if (text == "none") return Bounds::None;
  throw Error(ErrorKind::Usage,
              fmt::format("--bounds: {} must be one of: lower, exact, compatible, none", quote(text)));
}

RequirementList list_of(const AddCommand& command) {
  if (command.dev) return {RequirementList::Kind::Group, "dev"};
  if (command.group) {
    if (const auto name = GroupName::parse(*command.group); !name)
      throw Error(ErrorKind::Usage,
                  fmt::format("--group: {}: {}", quote(*command.group), name.error().message));
    return {RequirementList::Kind::Group, *command.group};
  }
  if (!command.optional) return {};
  if (const auto name = ExtraName::parse(*command.optional); !name)
    throw Error(ErrorKind::Usage,
                fmt::format("--optional: {}: {}", quote(*command.optional), name.error().message));
  return {RequirementList::Kind::Extra, *command.optional};
}

// A requirement to add, and its source if that is on this machine.
struct Addition {
  Requirement requirement;
  std::string typed;
  std::optional<ProjectSource> source;
};

bool is_member(const PackageName& name, const std::vector<WorkspaceMember>& members) {
  return std::any_of(members.begin(), members.end(),
                     [&](const WorkspaceMember& one) { return one.name == name; });
}

// The name of the project that is edited.
std::optional<PackageName> edited_name(const Settings& settings,
                                       const std::vector<WorkspaceMember>& members) {
  const fs::path folder = edited_pyproject(settings).parent_path();
  for (const WorkspaceMember& member : members)
    if (member.folder == folder) return member.name;
  const std::optional<ProjectName> project = project_name(settings);
  const Expected<PackageName> name = PackageName::parse(project ? project->name : "");
  return name ? std::optional(*name) : std::nullopt;
}

// Finds the names of paths and URLs as well, which may take a build.
std::vector<Addition> additions_of(const AddCommand& command, Session& session) {
  Goal goal = read_goal(command.requirements, {}, {}, session, command.editables);
  const std::size_t named = goal.requirements.size();
  const bool learns = !goal.unnamed.empty();
  if (learns) prepare_sources(goal, interpreter_here(session), session, std::nullopt, true);
  const Settings& settings = session.settings();
  const fs::path folder =
      settings.script ? settings.script->path.parent_path() : edited_pyproject(settings).parent_path();
  std::vector<Addition> out;
  const std::vector<WorkspaceMember> members =
      settings.script ? std::vector<WorkspaceMember>() : workspace_members(settings);
  const std::optional<PackageName> self = settings.script ? std::nullopt : edited_name(settings, members);
  for (const RootRequirement& root : goal.requirements) {
    Addition addition{root.requirement, root.requirement.to_string(), std::nullopt};
    const Expected<SourceUrl> source = SourceUrl::parse(root.requirement.url.value_or(""));
    if (!settings.script && source && source->url.scheme() == "file" && source->kind != SourceKind::Git) {
      addition.source = ProjectSource{.path = fs::path(source->url.file_path())
                                                  .lexically_normal()
                                                  .lexically_proximate(folder)
                                                  .generic_string(),
                                      .editable = goal.editables.count(root.requirement.name) != 0};
      addition.requirement.url.reset();
    } else if (!root.requirement.url && is_member(root.requirement.name, members)) {
      addition.source = ProjectSource{};
    } else if (goal.editables.count(root.requirement.name) != 0) {
      throw Error(ErrorKind::Usage,
                  fmt::format("--editable: {} is not a folder", quote(root.requirement.name.display())));
    }
    if (addition.requirement.name == self && addition.requirement.extras.empty())
      throw Error(ErrorKind::Usage,
                  fmt::format("{} is the project itself", quote(addition.requirement.name.display())),
                  {"`moat sync` installs the project"});
    out.push_back(std::move(addition));
  }
  // As it was typed, if it was a requirement.
  if (!learns && out.size() == named && command.editables.empty())
    for (std::size_t i = 0; i < named && i < command.requirements.size(); ++i)
      if (Requirement::parse(command.requirements[i]))
        out[i].typed = std::string(trim(command.requirements[i]));
  return out;
}

std::vector<std::string> hints_without_project(const Settings& settings) {
  std::vector<std::string> out;
  if (const std::vector<WorkspaceMember> members = workspace_members(settings); !members.empty())
    out.push_back(fmt::format("`moat add --package {} …` adds to a member of this workspace",
                              members.front().name.normalized()));
  out.emplace_back("`moat add --group NAME …` adds to a dependency group, which needs none");
  return out;
}

void check_can_add(const RequirementList& list, const Settings& settings) {
  if (list.kind == RequirementList::Kind::Group) return;
  const std::string key =
      list.kind == RequirementList::Kind::Dependencies ? "dependencies" : "optional-dependencies";
  if (is_dynamic(key, settings))
    throw Error(ErrorKind::Refused,
                fmt::format("{} leaves `{}` to its build backend (`dynamic`)",
                            edited_pyproject(settings).native(), key),
                {"add the requirement where the backend reads it, then `moat sync`",
                 "`--group NAME` adds it to a dependency group"});
  if (!has_project_table(settings))
    throw Error(ErrorKind::BadInput,
                fmt::format("{} has no [project] table", edited_pyproject(settings).native()),
                hints_without_project(settings));
}

}  // namespace

int execute(const AddCommand& command, Session& session) {
  const Bounds bounds = bounds_of(command);
  const RequirementList list = list_of(command);
  if (command.script && !command.editables.empty())
    throw Error(ErrorKind::Usage, "a script cannot have editable packages",
                {"`moat add --script FILE ./folder` adds the folder as it is"});
  ProjectChange change{.edit = command.script ? open_script_edit(session) : open_project_edit(session),
                       .lines = {},
                       .how = {}};
  if (!command.script) check_can_add(list, session.settings());
  change.no_sync = command.no_sync;
  change.dry_run = command.dry_run;

  struct Open {
    Requirement requirement;
    std::size_t line;
  };
  std::vector<Open> open;                                           // whose version is to be written
  std::map<std::pair<PackageName, std::string>, std::string> seen;  // by name and marker: as typed
  // Later commands ask only the indexes in the project's settings.
  if (command.passing_index)
    session.output().warn(fmt::format(
        "`{}` holds for this command only: put it under [tool.moat] of {}, so that later ones find "
        "the same",
        *command.passing_index, command.script ? "the script's metadata" : "pyproject.toml"));
  for (const Addition& addition : additions_of(command, session)) {
    const std::optional<Marker>& marker = addition.requirement.marker;
    const auto [first, is_new] =
        seen.try_emplace({addition.requirement.name, marker ? marker->to_string() : ""}, addition.typed);
    if (!is_new && first->second != addition.typed)
      throw Error(ErrorKind::Usage,
                  fmt::format("{} is given twice: {} and {}", addition.requirement.name.display(),
                              quote(first->second), quote(addition.typed)),
                  {"combine both in one requirement, as in `lib>1,<2`"});
    const std::optional<std::string> there =
        change.edit.find(list, addition.requirement.name, addition.requirement.marker);
    const Requirement wanted = command.raw ? addition.requirement : joined_with(addition.requirement, there);
    const bool says_all = command.raw || wanted.url || addition.source || !wanted.specifier.empty();
    const bool as_typed = wanted == addition.requirement && !addition.source;
    const std::string text = as_typed ? addition.typed : wanted.to_string();
    if (addition.source) change.edit.set_source(wanted.name, *addition.source);
    const bool is_same = there && Requirement::parse(*there) && *Requirement::parse(*there) == wanted;
    if (is_same) continue;
    change.edit.set(list, text);
    change.lines.push_back({'+', text, list});
    if (!says_all && bounds != Bounds::None) open.push_back({wanted, change.lines.size() - 1});
  }
  if (!open.empty())
    change.finish = [&open, &list, bounds](ProjectChange& now, const Pylock& lock) {
      for (Open& one : open) {
        std::optional<Version> lowest;
        for (const LockedPackage& package : lock.packages)
          if (package.name == one.requirement.name && package.version &&
              (!lowest || *package.version < *lowest))
            lowest = package.version;
        if (!lowest) continue;  // its marker excludes it
        std::string text = with_bound(one.requirement, bound(*lowest, bounds));
        now.edit.set(list, text);
        now.lines[one.line].text = std::move(text);
      }
    };
  command.script ? change_script(std::move(change), session) : change_project(std::move(change), session);
  return 0;
}

}  // namespace moat
