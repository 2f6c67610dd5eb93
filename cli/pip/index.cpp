// moat pip index versions
#include "cli/pip/commands.h"
#include "cli/pip/place.h"
#include "cli/pip/report.h"
#include "cli/session/available.h"
#include "cli/session/goal.h"
#include "cli/session/which_env.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {
namespace {

// The version installed in the chosen environment, if there is one.
std::optional<Version> installed_version(const PackageName& name, const PipCommand& command,
                                         Session& session) {
  const std::optional<ChosenEnvironment> chosen = choose_environment(session.settings());
  const bool base = command.has("python") && !session.settings().env;
  if (!base && (!chosen || !Environment::exists_at(chosen->root))) return std::nullopt;
  const PipPlace place = pip_place(command, session);
  const InstalledDistribution* there = place.installed.find(name);
  return there == nullptr ? std::nullopt : std::optional(there->version);
}

}  // namespace

int pip_index(const PipCommand& command, Session& session) {
  if (command.arguments.empty() || command.arguments.front() != "versions")
    throw Error(ErrorKind::Usage, "need an action (versions) to perform", {"moat pip index versions six"});
  if (command.arguments.size() != 2)
    throw Error(ErrorKind::Usage, "you need to specify exactly one argument",
                {"moat pip index versions six"});
  const std::string& query = command.arguments[1];
  const PackageName name = parse_package_name(query);
  const Target target = pip_target(command, pip_interpreter(command, session));
  const std::vector<AvailableVersion> versions =
      available_versions(name, target, command.has("ignore-requires-python"), session);
  if (versions.empty())
    throw Error(ErrorKind::NotFound, fmt::format("no matching distribution found for {}", query));
  std::vector<std::string> texts;
  for (const AvailableVersion& one : versions) texts.push_back(one.version.to_string());
  const std::optional<Version> installed = installed_version(name, command, session);
  if (command.has("json")) {
    nlohmann::ordered_json out{{"name", query}, {"versions", texts}, {"latest", texts.front()}};
    if (installed) out["installed_version"] = installed->to_string();
    pip_say(session, python_json(out));
    return 0;
  }
  pip_say(session, fmt::format("{} ({})", query, texts.front()));
  pip_say(session, fmt::format("Available versions: {}", join(texts, ", ")));
  if (installed) {
    pip_say(session, fmt::format("  INSTALLED: {}", installed->to_string()));
    pip_say(session, fmt::format("  LATEST:    {}{}", texts.front(),
                                 versions.front().version.is_prerelease()
                                     ? " (pre-release; install with `pip install --pre`)"
                                     : ""));
  }
  return 0;
}

}  // namespace moat
