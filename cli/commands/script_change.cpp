#include "cli/commands/script_change.h"

#include "cli/output/output.h"
#include "cli/session/required_python.h"
#include "envs/project/script.h"
#include "fetch/os/file.h"
#include "fetch/os/folder_lock.h"
#include "fetch/os/presence.h"
#include "fetch/os/staged_files.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <utility>

namespace moat {
namespace {

const Script& script_around(const Settings& settings) { return settings.script.value(); }

ScriptParts parts_of(const Script& script, const std::string& text) {
  Expected<ScriptParts> parts = take_script_apart(text);
  if (!parts) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", script.name, parts.error().message));
  return std::move(*parts);
}

// The whole script with the edited metadata.
std::string with_metadata(ScriptParts parts, const ProjectEdit& edit) {
  parts.toml = edit.text();
  if (!parts.toml.empty() && !parts.toml.ends_with('\n')) parts.toml += '\n';
  // A new block in a script with other line ends.
  if (parts.before.ends_with("\r\n") && parts.toml.find("\r\n") == std::string::npos) {
    std::string toml;
    for (const char c : parts.toml) toml += c == '\n' ? std::string("\r\n") : std::string(1, c);
    parts.toml = std::move(toml);
  }
  return parts.text();
}

void tell(const ProjectChange& change, const Script& script, const MadeLock& lock, bool writes_lock,
          Session& session) {
  Output& output = session.output();
  if (output.json()) {
    nlohmann::ordered_json lines = nlohmann::ordered_json::array();
    for (const ProjectLineChange& line : change.lines)
      lines.push_back({{"action", line.sign == '+' ? "add" : "remove"}, {"requirement", line.text}});
    output.document(
        {{"schema", 1},
         {"script", script.path.native()},
         {"metadata", std::move(lines)},
         {"lock", writes_lock ? nlohmann::ordered_json(lock.path.native()) : nlohmann::ordered_json()},
         {"dry_run", change.dry_run}});
    return;
  }
  for (const ProjectLineChange& line : change.lines)
    output.say(fmt::format("{}: {} {}", script.name, line.sign, line.text));
  if (writes_lock)
    for (const std::string& line : lock_changes(lock)) output.result(line);
  if (change.dry_run)
    output.say("nothing was done");
  else if (change.lines.empty())
    output.say("everything is as asked already");
}

}  // namespace

ProjectEdit open_script_edit(Session& session) {
  const Script& script = script_around(session.settings());
  const ScriptParts parts = parts_of(script, read_file(script.path));
  Expected<ProjectEdit> edit = ProjectEdit::parse_script(parts.toml);
  if (!edit) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", script.name, edit.error().message));
  if (parts.toml.empty())
    edit->set_project("requires-python", ">=" + interpreter_here(session).major_minor());
  return std::move(*edit);
}

void change_script(ProjectChange change, Session& session) {
  constexpr std::chrono::minutes kPatience{10};
  const Script& script = script_around(session.settings());
  const FolderLock alone = FolderLock::acquire(script.path.parent_path(), kPatience);
  sweep_staged(script.path);
  sweep_staged(script_lock_path(script));
  const std::string before = read_file(script.path);
  const ScriptParts parts = parts_of(script, before);
  if (parts.toml != change.edit.original())
    throw Error(ErrorKind::Refused, fmt::format("{} changed meanwhile", script.name), {"try again"});
  std::string text = with_metadata(parts, change.edit);
  const Script edited = script_of(script.name, script.path, text);
  change.how.script = script.name;
  MadeLock lock = make_lock(change.how, session, nullptr, &edited);
  if (change.finish) {
    const std::vector<ProjectLineChange> as_typed = change.lines;
    change.finish(change, *lock.lock);
    text = with_metadata(parts, change.edit);
    renew_inputs(as_typed, change.lines, lock);
  }
  const bool writes_lock = is_there(lock.path);
  if (!change.dry_run) {
    StagedFiles files(session.reporter());
    if (text != before) files.add(script.path, text, before);
    if (writes_lock && lock.differs) files.add(lock.path, lock.text, lock.before);
    files.keep();
  }
  tell(change, script, lock, writes_lock, session);
}

}  // namespace moat
