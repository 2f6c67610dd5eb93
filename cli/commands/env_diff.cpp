// moat env diff A [B]
#include "cli/commands/commands.h"
#include "cli/session/open_env.h"
#include "cli/session/which_env.h"
#include "envs/environment/installed.h"
#include "envs/environment/states.h"
#include "envs/journal/history.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <map>

namespace moat {
namespace {

struct Side {
  std::string told, python;
  std::map<std::string, std::string> versions;  // by normalised name
};

Side as_it_is(const Environment& environment) {
  Side side{
      environment.root().native(), environment.is_foreign() ? "" : environment.interpreter().version, {}};
  for (const InstalledDistribution& distribution :
       InstalledDistributions::read(environment.site_packages()).all)
    side.versions.emplace(distribution.name.normalized(), distribution.version.to_string());
  return side;
}

// "7": a state of the chosen environment.
Side side_of(const std::string& text, Session& session) {
  int state = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), state);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return as_it_is(
        Environment::open(environment_path(text, session.settings()), Environment::Foreign::Allowed));
  const Environment environment = open_for_change(session);
  const Manifest manifest = manifest_of_state(environment, state);
  Side side{fmt::format("state {}", state), std::string(python_version_of(manifest.runtime)), {}};
  for (const ManifestPackage& package : manifest.packages)
    side.versions.emplace(package.name, package.version);
  return side;
}

struct Difference {
  std::string name, from, to;  // "" : it is missing
};

std::vector<Difference> differences(const Side& a, const Side& b) {
  std::map<std::string, Difference> out;
  for (const auto& [name, version] : a.versions) out[name] = {name, version, ""};
  for (const auto& [name, version] : b.versions) {
    Difference& one = out[name];
    one.name = name;
    one.to = version;
  }
  std::vector<Difference> list;
  for (auto& [name, one] : out)
    if (one.from != one.to) list.push_back(std::move(one));
  return list;
}

std::string told(const Difference& one) {
  if (one.from.empty()) return fmt::format("+ {} {}", one.name, one.to);
  if (one.to.empty()) return fmt::format("- {} {}", one.name, one.from);
  return fmt::format("~ {} {} → {}", one.name, one.from, one.to);
}

}  // namespace

int execute(const EnvDiffCommand& command, Session& session) {
  const Side a = side_of(command.from, session);
  const Side b = command.to ? side_of(*command.to, session) : as_it_is(open_for_reading(session));
  Output& output = session.output();
  if (a.python != b.python && !a.python.empty() && !b.python.empty())
    output.result(fmt::format("~ Python {} → {}", a.python, b.python));
  const std::vector<Difference> list = differences(a, b);
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const Difference& one : list) {
    output.result(told(one));
    documents.push_back(
        {{"name", one.name},
         {"from", one.from.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(one.from)},
         {"to", one.to.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(one.to)}});
  }
  if (output.json())
    output.document({{"schema", 1},
                     {"from", {{"environment", a.told}, {"python", a.python}}},
                     {"to", {{"environment", b.told}, {"python", b.python}}},
                     {"packages", documents}});
  else if (list.empty() && a.python == b.python)
    output.say(fmt::format("{} and {} have the same packages", a.told, b.told));
  return 0;
}

}  // namespace moat
