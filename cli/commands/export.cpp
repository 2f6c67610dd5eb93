// moat export: the lock in the form of another tool.
#include "cli/commands/commands.h"
#include "cli/commands/sync.h"
#include "cli/session/environment_facts.h"
#include "cli/session/required_python.h"
#include "envs/project/project_files.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/lock/exports.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <vector>

namespace moat {
namespace {

struct Source {
  Pylock lock;
  fs::path folder;
  LockChoice choice;
  bool of_project = false;
};

template <class Name>
void check_offered(const std::set<Name>& asked, const std::vector<Name>& offered, std::string_view kind) {
  for (const Name& name : asked)
    if (std::find(offered.begin(), offered.end(), name) == offered.end())
      throw Error(ErrorKind::Usage, fmt::format("the lock has no {} {}", kind, quote(name.display())));
}

void check_offered(const LockChoice& choice, const Pylock& lock) {
  check_offered(choice.extras, lock.extras, "extra");
  std::vector<GroupName> groups = lock.dependency_groups;
  for (const std::string& text : lock.default_groups)
    if (Expected<GroupName> group = GroupName::parse(text)) groups.push_back(std::move(*group));
  check_offered(choice.groups.value_or(std::set<GroupName>()), groups, "dependency group");
}

// Of a lock that is named.
void check_options(const ExportCommand& command) {
  const SyncCommand& choice = command.choice;
  if (choice.all_extras || choice.no_default_groups || choice.frozen || !choice.only_groups.empty())
    throw Error(
        ErrorKind::Usage,
        "`--all-extras`, `--no-default-groups`, `--only-group` and `--frozen` are about a project's lock",
        {"`--extra NAME` and `--group NAME` choose of a lock that is named"});
}

// The lock that is named, else the project's.
Source source_of(const ExportCommand& command, Session& session) {
  const Settings& settings = session.settings();
  if (command.choice.lock || !is_in_project(session.settings())) {
    const fs::path path =
        (settings.working_directory / command.choice.lock.value_or("pylock.toml")).lexically_normal();
    if (std::error_code ignored; !command.choice.lock && !fs::is_regular_file(path, ignored))
      throw Error(ErrorKind::Usage, "there is no project here, and no pylock.toml",
                  {"`moat export FILE` names a lock"});
    Pylock lock = read_pylock(path, session.reporter());
    check_options(command);
    LockChoice choice = choice_of(command.choice);
    check_offered(choice, lock);
    return {std::move(lock), path.parent_path(), std::move(choice), false};
  }
  SyncCommand check = command.choice;
  check.locked = !check.frozen;
  MadeLock made = project_lock(check, session);
  LockChoice choice = choice_of_project(command.choice, *made.lock, settings);
  check_offered(choice, *made.lock);
  return {*made.lock, made.path.parent_path(), std::move(choice), true};
}

std::string form_of(const ExportCommand& command) { return command.format.value_or("requirements"); }

std::string text_of(const ExportCommand& command, const Source& source, Session& session) {
  const std::string form = form_of(command);
  if (form != "pylock" && (session.settings().python_is_option || session.settings().env))
    throw Error(ErrorKind::Usage,
                "`-p` and `--env` require `--format pylock`: other forms are for every Python");
  const std::set<GroupName> groups = source.choice.all_groups(source.lock);
  const Settings& settings = session.settings();
  if (form == "pylock") {
    const Interpreter python =
        settings.python_is_option ? session.chosen_interpreter() : interpreter_here(session);
    return export_target(source.lock, target_of(python), source.choice.extras, groups);
  }
  const Pylock settled = settled_lock(source.lock, source.choice.extras, groups);
  if (form == "constraints") return export_constraints(settled);
  if (form == "cyclonedx")
    return export_cyclonedx(settled, source.of_project ? project_name(session.settings()) : std::nullopt);
  std::vector<std::string> left_out;
  std::string text = export_requirements(settled, source.folder, left_out);
  for (const std::string& name : left_out)
    session.output().warn(fmt::format("{} is a folder and is left out: pip takes none beside hashes", name));
  return text;
}

}  // namespace

int execute(const ExportCommand& command, Session& session) {
  const Source source = source_of(command, session);
  const std::string text = text_of(command, source, session);
  std::optional<fs::path> path;
  if (command.output && *command.output != "-")
    path = (session.settings().working_directory / *command.output).lexically_normal();
  if (path) write_output_file(*path, text);
  Output& output = session.output();
  if (output.json())
    output.document(
        {{"schema", 1},
         {"format", form_of(command)},
         {"output", path ? nlohmann::ordered_json(path->native()) : nlohmann::ordered_json(nullptr)},
         {"text", path ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text)}});
  else if (!path)
    output.text(text);
  else
    output.say(fmt::format("{}: written", path->native()));
  return 0;
}

}  // namespace moat
