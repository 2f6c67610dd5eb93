// moat env info | history | rollback | remove | rename
#include "cli/commands/commands.h"
#include "cli/session/bytecode_later.h"
#include "cli/session/changes.h"
#include "cli/session/open_env.h"
#include "cli/session/which_env.h"
#include "envs/environment/installed.h"
#include "envs/environment/new_place.h"
#include "envs/environment/remove_environment.h"
#include "envs/install/requests.h"
#include "envs/install/shown_commands.h"
#include "envs/journal/change.h"
#include "envs/journal/move_check.h"
#include "envs/journal/sealed.h"
#include "fetch/os/presence.h"
#include "fetch/os/terminal.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>

namespace moat {
namespace {

std::string local_time(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  localtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts)};
}

std::uint64_t size_of(const Environment::Placed& placed) {
  std::uint64_t total = 0;
  for (const ManifestEntry& entry : placed.manifest.entries) total += entry.size;
  for (const BytecodeEntry& entry : placed.bytecode) total += entry.size;
  return total;
}

// "create it" would be the wrong hint for a command that removes or renames.
void require_there(const fs::path& root) {
  if (is_there(root / "pyvenv.cfg")) return;
  throw Error(ErrorKind::NoEnvironment, fmt::format("there is no environment at {}", quote(root.native())),
              {"`moat env list` shows those that have names"});
}

fs::path without_slash(const fs::path& path) { return path.has_filename() ? path : path.parent_path(); }

// Asks only at a terminal: a script is taken at its word.
bool is_confirmed(const fs::path& root, Session& session) {
  if (!someone_is_there() || session.output().json()) return true;
  return session.confirms(fmt::format("delete {} and everything in it?", root.native()));
}

}  // namespace

int execute(const EnvInfoCommand&, Session& session) {
  const Environment environment = open_for_reading(session);
  const std::size_t packages = InstalledDistributions::read(environment.site_packages()).all.size();
  nlohmann::ordered_json document{{"schema", 1},
                                  {"environment", environment.root().native()},
                                  {"foreign", environment.is_foreign()},
                                  {"packages", packages}};
  Output& output = session.output();
  const auto line = [&](std::string_view label, std::string_view value) {
    output.result(fmt::format("{:<14}{}", fmt::format("{}:", label), value));
  };
  line("Environment", environment.root().native());
  if (environment.is_foreign()) {
    line("Made by", "another tool (moat can read it, but does not change it)");
  } else {
    const Interpreter& interpreter = environment.interpreter();
    const Environment::Placed placed = environment.placed();
    const Manifest& manifest = placed.manifest;
    line("Python", fmt::format("{} {}", interpreter.implementation, interpreter.version));
    line("Runtime", manifest.runtime);
    line("Made from", interpreter.executable.native());
    line("State", std::to_string(manifest.state));
    line("Size", human_bytes(size_of(placed)));
    const bool is_pending = is_bytecode_pending(environment.root(), session.settings());
    line("Bytecode", fmt::format("{}{}", counted(placed.bytecode.size(), "file"),
                                 is_pending ? "; more is being made (`moat store jobs`)" : ""));
    document["bytecode_files"] = placed.bytecode.size();
    document["bytecode_pending"] = is_pending;
    const std::vector<std::string> asked_for = told_requests(manifest.requests);
    for (const std::string& words : asked_for) line("Asked for", words);
    document["asked_for"] = asked_for;
    document["python"] = interpreter.version;
    document["implementation"] = interpreter.implementation;
    document["runtime"] = manifest.runtime;
    document["base"] = interpreter.executable.native();
    document["state"] = manifest.state;
    document["bytes"] = size_of(placed);
    document["files"] = manifest.entries.size() + placed.bytecode.size();
  }
  line("Packages", std::to_string(packages));
  if (output.json()) output.document(document);
  return 0;
}

int execute(const EnvHistoryCommand& command, Session& session) {
  if (command.limit && *command.limit < 1) throw Error(ErrorKind::Usage, "--limit must be at least 1");
  const Environment environment = open_for_change(session);
  Output& output = session.output();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const HistoryEntry& entry : read_history(environment.root())) {
    if (command.limit && documents.size() == static_cast<std::size_t>(*command.limit)) break;
    output.result(fmt::format("{:<4} {}  {}{}", entry.state, local_time(entry.time), entry.reason,
                              entry.can_return ? "" : "  (can no longer be undone)"));
    for (const std::string& change : entry.summary) output.result("     " + change);
    documents.push_back({{"state", entry.state},
                         {"time", entry.time},
                         {"reason", entry.reason},
                         {"summary", entry.summary},
                         {"can_return", entry.can_return}});
  }
  if (output.json())
    output.document({{"schema", 1}, {"environment", environment.root().native()}, {"history", documents}});
  else if (documents.empty())
    output.say("nothing has changed since it was created");
  return 0;
}

// The change is already made: unreadable entries are not shown, and cause no failure.
static std::vector<std::string> summary_of_newest(const fs::path& environment) {
  try {
    const std::vector<HistoryEntry> history = read_history(environment);
    return history.empty() ? std::vector<std::string>{} : history.front().summary;
  } catch (const Error&) {
    return {};
  }
}

int execute(const EnvRollbackCommand& command, Session& session) {
  if (command.force) {
    const auto chosen = choose_environment(session.settings(), ForProject::No);
    if (chosen && give_up_change(chosen->root)) {
      session.output().say("abandoned the unfinished change; `moat doctor` checks for damage");
      return 0;
    }
  }
  const Environment environment = open_for_change(session);
  const Settings& settings = session.settings();
  const int before = environment.manifest_without_files().state;
  expect_commands(environment.root(), environment.root(), settings.command_places());
  const int state = rollback(environment.root(), command.state, session.command_line(), settings.durable);
  session.lacks_bytecode(environment.root());  // what came back may have gone before it had all of its own
  show_or_take_back(environment, settings.command_places(),
                    [&] { rollback(environment.root(), before, session.command_line(), settings.durable); });
  const std::vector<std::string> summary = summary_of_newest(environment.root());
  Output& output = session.output();
  if (output.verbosity() >= -1)
    for (const std::string& change : summary) output.result(change);
  output.say(fmt::format("now at state {}; `{}` undoes it", state,
                         "moat env rollback" + as_named(session.settings())));
  if (output.json())
    output.document({{"schema", 1},
                     {"environment", environment.root().native()},
                     {"state", state},
                     {"summary", summary}});
  return 0;
}

int execute(const EnvRemoveCommand& command, Session& session) {
  const fs::path named = environment_path(command.env, session.settings());
  require_there(named);
  const Environment environment = Environment::open(named);  // only what moat made
  const fs::path& root = environment.root();
  refuse_release(root);
  refuse_mounts_below(root);
  if (command.dry_run) {
    session.output().say(fmt::format("would delete {} (dry run)", root.native()));
    if (session.output().json())
      session.output().document({{"schema", 1}, {"removed", nullptr}, {"would_remove", root.native()}});
    return 0;
  }
  if (!command.yes && !is_confirmed(root, session)) {
    session.output().say("nothing was deleted");
    return 1;
  }
  const fs::path removed = root;
  remove_environment(removed, session.reporter());
  // Links that led to it are dangling now.
  if (std::error_code gone; fs::is_symlink(without_slash(named), gone))
    fs::remove(without_slash(named), gone);
  session.output().say(fmt::format("removed {}", removed.native()));
  if (session.output().json()) session.output().document({{"schema", 1}, {"removed", removed.native()}});
  return 0;
}

int execute(const EnvRenameCommand& command, Session& session) {
  const Settings& settings = session.settings();
  for (const std::string& name : {command.from, command.to})
    if (!is_environment_name(name))
      throw Error(ErrorKind::Usage, fmt::format("{} is not a valid name for an environment", quote(name)));
  const fs::path from = settings.envs_dir() / command.from, to = settings.envs_dir() / command.to;
  require_there(from);
  const Environment environment = Environment::open(from);
  const bool is_pending = is_bytecode_pending(from, settings);
  if (!rename_if_absent(environment.root(), to))
    throw Error(ErrorKind::Exists, fmt::format("an environment named {} already exists", quote(command.to)));
  if (is_pending) session.lacks_bytecode(to);
  session.output().say(fmt::format("renamed {} to {}", command.from, command.to));
  if (session.output().json())
    session.output().document({{"schema", 1}, {"from", from.native()}, {"to", to.native()}});
  return 0;
}

}  // namespace moat
