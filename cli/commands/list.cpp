// moat list
#include "cli/commands/commands.h"
#include "cli/session/available.h"
#include "cli/session/environment_facts.h"
#include "cli/session/open_env.h"
#include "envs/environment/installed.h"
#include "envs/place/direct_url.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace moat {
namespace {

// The file that an install would take, if it differs. Unknown for packages that came from no index.
std::map<PackageName, Version> newer_versions(const Environment& environment,
                                              const InstalledDistributions& installed, Session& session) {
  std::vector<InstalledDistribution> of_indexes;
  for (const InstalledDistribution& distribution : installed.all)
    if (!distribution.direct_url) of_indexes.push_back(distribution);
  const auto newest = newest_versions(versions_of(of_indexes), target_of(environment, session),
                                      NewerPrereleases::OfThose, session);
  std::map<PackageName, Version> out;
  for (const InstalledDistribution& distribution : of_indexes)
    if (const auto found = newest.find(distribution.name);
        found != newest.end() && found->second.version > distribution.version)
      out.emplace(distribution.name, found->second.version);
  return out;
}

std::string freeze_line(const InstalledDistribution& distribution) {
  return fmt::format("{}=={}", distribution.name.display(), distribution.version.to_string());
}

void print_columns(const std::vector<std::vector<std::string>>& rows, Output& output) {
  std::vector<std::size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i + 1 == row.size() ? row[i] : fmt::format("{:<{}}  ", row[i], widths[i]);
    output.result(line);
  }
}

}  // namespace

int execute(const ListCommand& command, Session& session) {
  const Environment environment = open_for_reading(session);
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  for (const std::string& problem : installed.problems) session.reporter().warn(problem);
  std::map<PackageName, Version> newer;
  if (command.outdated) newer = newer_versions(environment, installed, session);

  nlohmann::ordered_json packages = nlohmann::ordered_json::array();
  std::vector<std::vector<std::string>> rows;
  for (const InstalledDistribution& distribution : installed.all) {
    const auto latest = newer.find(distribution.name);
    if (command.outdated && latest == newer.end()) continue;
    nlohmann::ordered_json package{{"name", distribution.name.normalized()},
                                   {"version", distribution.version.to_string()},
                                   {"requested", distribution.requested},
                                   {"installer", distribution.installer}};
    std::vector<std::string> row{distribution.name.display(), distribution.version.to_string()};
    if (command.outdated) {
      package["latest"] = latest->second.to_string();
      row.push_back(latest->second.to_string());
    }
    if (const auto from =
            distribution.direct_url ? DirectUrl::parse(*distribution.direct_url) : std::nullopt) {
      package["from"] = from->place();
      package["editable"] = from->editable;
      row.push_back(from->place() + (from->editable ? " (editable)" : ""));
    }
    if (command.format == "freeze") row = {freeze_line(distribution)};
    packages.push_back(std::move(package));
    rows.push_back(std::move(row));
  }
  Output& output = session.output();
  if (output.json())
    output.document({{"schema", 1}, {"environment", environment.root().native()}, {"packages", packages}});
  else if (rows.empty())
    output.say(command.outdated ? "everything is up to date" : "nothing is installed");
  else
    print_columns(rows, output);
  return 0;
}

}  // namespace moat
