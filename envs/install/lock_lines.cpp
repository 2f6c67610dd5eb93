#include "envs/install/lock_lines.h"

#include "envs/environment/shell_words.h"
#include "envs/install/prepare_sources.h"
#include "envs/install/read_goal.h"
#include "envs/project/project_conflicts.h"
#include "envs/project/workspace.h"

#include <fmt/format.h>

namespace moat {

void LockBuilds::prepare(Goal& goal) {
  with_.prepare(goal, builder_);
  SourcePolicy& sources = with_.sources.policy;
  if (const Target here = target_of(builder_); sources.builder != nullptr && is_foreign(here, target_))
    sources.builder = &foreign_.emplace(*sources.builder, here, target_, with_.reporter);
}

AskBackend LockBuilds::asker(const Goal& goal) {
  return [this, &goal](const fs::path& folder) {
    Goal options{.file_options = goal.file_options};
    prepare(options);
    return BackendAnswer{ask_backend(folder, with_.sources, with_.stop), target_.environment};
  };
}

void check_target(const Target& target, const std::optional<SpecifierSet>& required) {
  if (!required || required->contains(target.python)) return;
  const std::string python = shell_word(required->to_string());
  throw Error(ErrorKind::NoInterpreter,
              fmt::format("the project requires Python {}, but the lock would be for {}",
                          required->to_string(), target.description),
              {fmt::format("`moat lock -p {}` selects one that meets it", python)});
}

std::string group_seen_from(const std::string& group, const fs::path& from, const fs::path& to) {
  const std::size_t colon = group.rfind(':');
  if (colon == std::string::npos) return group;
  return (from / group.substr(0, colon)).lexically_normal().lexically_proximate(to).generic_string() +
         group.substr(colon);
}

std::vector<std::string> groups_from_lock(const LockQuestion& question) {
  std::vector<std::string> out;
  for (const std::string& group : question.groups)
    out.push_back(group_seen_from(group, question.around.working_directory, question.path.parent_path()));
  return out;
}

namespace {

void add(const std::vector<NamedLine>& lines, const LockQuestion& question, Goal& goal) {
  add_lines(lines, question.around.working_directory, goal);
}

// The project's own lines. → its requires-python. Error(BadInput or Usage) if there are none here.
std::optional<SpecifierSet> add_project(const LockQuestion& question, bool has_groups, const AskBackend& ask,
                                        Goal& goal) {
  const std::optional<fs::path> folder = project_folder(question.around);
  if (!folder)
    throw Error(ErrorKind::Usage,
                "there is no project here to lock: no pyproject.toml, setup.py or setup.cfg",
                {"`moat lock -r requirements.txt` locks what a file asks for"});
  const ProjectFacts project = read_workspace(question.around, ask);
  // Groups alone need no project (PEP 735).
  if (!project.dependencies && !has_groups)
    throw Error(
        ErrorKind::BadInput,
        fmt::format("{} does not describe a project: it has no [project] and no [build-system], and there is "
                    "no setup.py or setup.cfg",
                    (*folder / "pyproject.toml").native()),
        {"`dependencies` of [project] is where requirements go",
         "`moat lock -r requirements.txt` locks what a file asks for"});
  if (project.dependencies) add(*project.dependencies, question, goal);
  return project.requires_python;
}

// The project's extras and groups are added to its dependencies, each under its own root.
ProjectChoices add_choices(const LockQuestion& question, const AskBackend& ask, Goal& goal,
                           RootedLines& lines) {
  ProjectChoices choices;
  if (question.of_project) choices = read_workspace_choices(question.around, ask);
  for (const auto& [name, of_extra] : choices.extras) {
    add(of_extra, question, goal);
    lines.close({LockRoot::Kind::Extra, name}, goal);
  }
  for (const auto& [name, of_group] : choices.groups) {
    add(of_group, question, goal);
    lines.close({LockRoot::Kind::Group, name}, goal);
  }
  for (const std::string& group : question.groups) {
    const auto name = GroupName::parse(group.substr(group.rfind(':') + 1));
    if (name && choices.groups.contains(name->normalized())) continue;  // also one that only a member has
    add(read_groups({group}, question.around, ask), question, goal);
    lines.close({LockRoot::Kind::Group, name->normalized()}, goal);
  }
  return choices;
}

}  // namespace

void gather_for_one(const LockQuestion& question, const Target& target, LockBuilds& builds, Goal& goal) {
  const AskBackend ask = builds.asker(goal);
  if (question.of_project) check_target(target, add_project(question, !question.groups.empty(), ask, goal));
  if (question.script) add(*question.script, question, goal);
  add(read_groups(question.groups, question.around, ask), question, goal);
}

LockedInputs gather_for_all(const LockQuestion& question, const LockSpace& space, LockBuilds& builds,
                            const Target& here, Goal& goal, RootedLines& lines) {
  const AskBackend ask = builds.asker(goal);
  const bool has_groups =
      question.of_project && (!question.groups.empty() || !project_groups(question.around).empty());
  if (question.of_project) {
    const std::optional<SpecifierSet> required = add_project(question, has_groups, ask, goal);
    // If Pythons are named, the one here only builds. A build may have told requires-python only now.
    if (question.targets.python_versions.empty())
      check_target(here, required);
    else
      for (const LockTarget& one : space.targets) check_target(one.target, required);
  }
  if (question.script) add(*question.script, question, goal);
  lines.close({}, goal);
  const ProjectChoices choices = add_choices(question, ask, goal, lines);
  LockedInputs inputs = lines.inputs(goal);
  if (question.of_project) inputs.conflicts = read_conflicts(question.around, choices);
  inputs.targets = space.platforms;
  for (auto python = space.pythons.rbegin(); python != space.pythons.rend(); ++python)
    inputs.pythons.push_back(python->to_string());
  inputs.universal = space.is_universal;
  if (question.of_project)
    for (const GroupName& group : default_groups(question.around))
      inputs.default_groups.push_back(group.normalized());
  return inputs;
}

}  // namespace moat
