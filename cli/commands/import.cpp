// moat import FILE: continues a project of another tool with moat, at its locked versions.
#include "cli/commands/commands.h"
#include "cli/commands/project_change.h"
#include "cli/commands/sync.h"
#include "cli/session/goal.h"
#include "envs/install/foreign_project.h"
#include "envs/project/project_files.h"
#include "fetch/os/file.h"
#include "resolver/files/conda_environment.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

namespace moat {
namespace {

// "flask 3.0.3 is now 3.1.0"
std::vector<std::string> differences(const ForeignVersions& before, const Pylock& lock) {
  std::vector<std::string> out;
  for (const LockedPackage& package : lock.packages) {
    const auto was = before.find(package.name);
    if (was == before.end() || !package.version) continue;
    const std::vector<Version>& versions = was->second;
    if (std::find(versions.begin(), versions.end(), *package.version) == versions.end())
      out.push_back(fmt::format("{} {} is now {}", package.name.display(), versions.front().to_string(),
                                package.version->to_string()));
  }
  return out;
}

}  // namespace

int execute(const ImportCommand& command, Session& session) {
  const Settings& settings = session.settings();
  std::optional<FolderLock> alone;
  if (settings.pyproject) alone.emplace(lock_project(session));
  if (!settings.pyproject && is_yaml_name(command.file))
    throw Error(
        ErrorKind::Usage, "there is no pyproject.toml here or above",
        {"`touch pyproject.toml`, then the same command again: it takes over name and Python as well"});
  ProjectEdit edit = open_project_edit(session);
  const fs::path pyproject = edited_pyproject(settings);
  const std::string before = edit.text();
  const ForeignImport imported =
      read_foreign((settings.working_directory / command.file).lexically_normal(), edit, pyproject, settings,
                   file_terms(session), session.reporter());
  std::vector<std::string> added;
  add_to_project(imported.project, edit, has_project_table(settings), added);
  take_edited_text(edit.text(), session);

  const Pylock kept = newest_of(imported.versions);
  const MadeLock made = project_lock({}, session, {}, &kept);
  const std::vector<std::string> changed = differences(imported.versions, *made.lock);
  if (!command.dry_run) {
    StagedFiles files(session.reporter());
    if (edit.text() != before) files.add(pyproject, edit.text(), before);
    if (made.differs) files.add(made.path, made.text, made.before);
    files.keep();
  }
  Output& output = session.output();
  if (output.json())
    output.document({{"schema", 1},
                     {"lock", made.path.native()},
                     {"packages", made.lock.packages()},
                     {"changed", changed},
                     {"left_out", imported.project.left_out}});
  for (const std::string& line : added) output.say(fmt::format("{}: + {}", shown_pyproject(settings), line));
  for (const std::string& text : imported.project.left_out) output.warn("left out: " + text);
  for (const std::string& text : changed) output.warn(text);
  output.say(fmt::format("{}: {}{}", made.path.native(), counted(made.lock.packages(), "package"),
                         command.dry_run ? "; nothing was written" : ", `moat sync` installs them"));
  return 0;
}

}  // namespace moat
