#include "cli/commands/project_change.h"

#include "cli/commands/sync.h"
#include "cli/output/output.h"
#include "cli/session/which_env.h"
#include "envs/project/project_files.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace moat {
namespace {

std::string list_json(const RequirementList& list) {
  switch (list.kind) {
    case RequirementList::Kind::Dependencies:
      return "dependencies";
    case RequirementList::Kind::Extra:
      return "extra:" + list.name;
    case RequirementList::Kind::Group:
      return "group:" + list.name;
  }
  return {};
}

fs::path own_environment(const Settings& settings) {
  const std::optional<ChosenEnvironment> chosen = choose_environment(settings, ForProject::Yes);
  return chosen ? chosen->root : settings.pyproject->parent_path() / ".venv";
}

// `synced`: the report covers a change of the environment, real or simulated.
void tell(const ProjectChange& change, const MadeLock& lock, const ChangeReport& report, bool synced,
          Session& session) {
  Output& output = session.output();
  if (output.json()) {
    nlohmann::ordered_json document = changes_document(report);
    nlohmann::ordered_json lines = nlohmann::ordered_json::array();
    for (const ProjectLineChange& line : change.lines)
      lines.push_back({{"action", line.sign == '+' ? "add" : "remove"},
                       {"requirement", line.text},
                       {"list", list_json(line.list)}});
    document["pyproject"] = std::move(lines);
    document["lock"] = lock.path.native();
    output.document(document);
    return;
  }
  const Settings& settings = session.settings();
  const std::string shown = shown_pyproject(settings);
  for (const ProjectLineChange& line : change.lines)
    output.say(fmt::format("{}: {} {}{}", shown, line.sign, line.text,
                           line.list == RequirementList{} ? "" : fmt::format(" in {}", line.list.told())));
  if (synced) return report_changes(report, session);
  if (change.dry_run) output.say("nothing was done");
}

}  // namespace

void renew_inputs(const std::vector<ProjectLineChange>& before, const std::vector<ProjectLineChange>& now,
                  MadeLock& made) {
  if (!made.lock->inputs) return;
  Pylock lock = *made.lock;
  LockedInputs& inputs = *lock.inputs;
  const auto renew = [&](std::vector<std::string>& lines) {
    for (std::string& line : lines)
      for (std::size_t i = 0; i < now.size(); ++i)
        if (line == Requirement::parse(before[i].text)->to_string())
          line = Requirement::parse(now[i].text)->to_string();
  };
  renew(inputs.requirements);
  for (auto& [name, lines] : inputs.extras) renew(lines);
  for (auto& [name, lines] : inputs.groups) renew(lines);
  made.text = format_pylock(lock);
  made.lock = LockDocument(std::move(lock));
  made.differs = made.before != made.text;
}

namespace {

const std::optional<std::string>& edited_text(const Settings& settings) {
  return settings.member ? settings.member_text : settings.pyproject_text;
}

}  // namespace

std::string shown_pyproject(const Settings& settings) {
  return settings.member ? settings.member->lexically_relative(settings.pyproject->parent_path()).native()
                         : "pyproject.toml";
}

// In a workspace the member's file is edited, and the root's lock is updated.
void take_edited_text(std::string text, Session& session) {
  if (session.settings().member)
    session.take_member_text(std::move(text));
  else
    session.take_project_text(std::move(text));
}

fs::path edited_pyproject(const Settings& settings) {
  return settings.member ? *settings.member : settings.pyproject.value();
}

ProjectEdit open_project_edit(Session& session) {
  const Settings& settings = session.settings();
  if (!settings.pyproject)
    throw Error(ErrorKind::Usage, "there is no pyproject.toml here or above",
                {"`moat init` makes one; `moat install PACKAGE` installs without a project"});
  const fs::path path = edited_pyproject(settings);
  const std::string text = edited_text(settings) ? *edited_text(settings) : read_file(path);
  Expected<ProjectEdit> edit = ProjectEdit::parse(text);
  if (!edit) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", path.native(), edit.error().message));
  take_edited_text(text, session);
  return std::move(*edit);
}

namespace {

// `sync` skips extras, and groups outside default-groups, unless they are asked for: hence the hint.
std::string what_has_it(const ProjectChange& change, const Settings& settings) {
  const std::vector<GroupName> by_default = default_groups(settings);
  for (const ProjectLineChange& line : change.lines) {
    const RequirementList& list = line.list;
    if (line.sign != '+' || list.kind == RequirementList::Kind::Dependencies) continue;
    const bool is_extra = list.kind == RequirementList::Kind::Extra;
    if (!is_extra && std::ranges::any_of(by_default, [&](const GroupName& group) {
          const auto named = GroupName::parse(list.name);
          return named && *named == group;
        }))
      continue;
    return is_extra ? fmt::format("added to the lock; `moat sync --extra {}` installs it", list.name)
                    : fmt::format("added to the lock; `moat sync --group {}` installs it", list.name);
  }
  return "the environment has it all";
}

}  // namespace

void change_project(ProjectChange change, Session& session) {
  const fs::path pyproject = edited_pyproject(session.settings());
  const std::optional<std::string> known = edited_text(session.settings());
  const FolderLock alone = lock_project(session);
  const std::string before = *edited_text(session.settings());
  if (before != known)
    throw Error(ErrorKind::Refused, fmt::format("{} changed meanwhile", pyproject.native()), {"try again"});
  take_edited_text(change.edit.text(), session);
  MadeLock lock = project_lock({}, session, change.how, nullptr, change.edit.text() != before);
  if (change.finish) {
    const std::vector<ProjectLineChange> as_typed = change.lines;
    change.finish(change, *lock.lock);
    take_edited_text(change.edit.text(), session);
    renew_inputs(as_typed, change.lines, lock);
  }
  StagedFiles files(session.reporter());
  const bool edits = change.edit.text() != before;
  if (edits && !change.dry_run) files.add(pyproject, change.edit.text(), before);
  ChangeReport report{.environment = own_environment(session.settings()),
                      .operations = {},
                      .dry_run = change.dry_run,
                      .nothing = {},
                      .warnings = {},
                      .files = {}};
  // A dry run does not create an environment to compare with.
  const bool syncs = !change.no_sync && (!change.dry_run || Environment::exists_at(report.environment));
  if (syncs) {
    report = sync_project({.inexact = true, .dry_run = change.dry_run}, lock, files, session);
    report.nothing = change.dry_run ? "nothing was done"
                     : edits        ? what_has_it(change, session.settings())
                                    : "everything is as asked already";
  } else if (!change.dry_run) {
    if (lock.differs) files.add(lock.path, lock.text, lock.before);
    files.keep();
  }
  tell(change, lock, report, syncs, session);
}

}  // namespace moat
