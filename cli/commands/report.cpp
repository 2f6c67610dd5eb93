// moat report: one HTML page about an environment, or a lock.
#include "cli/commands/commands.h"
#include "cli/commands/doctor.h"
#include "cli/output/report_page.h"
#include "cli/session/available.h"
#include "cli/session/environment_facts.h"
#include "cli/session/goal.h"
#include "cli/session/open_env.h"
#include "envs/environment/placed_sizes.h"
#include "envs/environment/shell_words.h"
#include "envs/install/requests.h"
#include "envs/place/direct_url.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/lock/lockfile.h"
#include "resolver/pep/licence_policy.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <map>
#include <set>
#include <utility>

namespace moat {
namespace {

using Json = nlohmann::ordered_json;

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts)};
}

Json package_of(const InstalledNode& node, const InstalledGraph& graph, const PlacedSizes& sizes,
                const Manifest& manifest) {
  const InstalledDistribution& distribution = node.distribution;
  const std::string name = distribution.name.normalized();
  std::string from = "no index and no URL is known";
  if (const auto direct =
          distribution.direct_url ? DirectUrl::parse(*distribution.direct_url) : std::nullopt) {
    from = direct->place();
  } else {
    for (const ManifestPackage& package : manifest.packages)
      if (package.name == name && !package.index.empty()) from = package.index;
  }
  std::vector<std::string> requires_list, needed_by;
  for (const Requirement& requirement : graph.requirements_of(node))
    if (const std::string& other = requirement.name.normalized();
        requires_list.empty() || requires_list.back() != other)
      requires_list.push_back(other);
  for (const InstalledNode* dependent : graph.dependents_of(distribution.name))
    needed_by.push_back(dependent->distribution.name.normalized());
  return {{"name", name},
          {"version", distribution.version.to_string()},
          {"bytes", sizes.of(name)},
          {"requested", distribution.requested},
          {"licence", licence_of(distribution.metadata)},
          {"summary", node.metadata ? node.metadata->summary : ""},
          {"requires", requires_list},
          {"needed_by", needed_by},
          {"from", from},
          {"newest", ""}};
}

using Versions = std::vector<std::pair<PackageName, Version>>;

// Adds the newest version of each package for which the indexes have a newer one.
void add_newest(Json& packages, const Versions& there, const Target& target, Session& session) {
  const auto newest = newest_versions(there, target, NewerPrereleases::OfThose, session);
  for (const auto& [name, version] : there) {
    const auto found = newest.find(name);
    if (found == newest.end() || found->second.version <= version) continue;
    for (Json& package : packages)  // a lock may have several versions of one
      if (package["name"] == name.normalized() && package["version"] == version.to_string())
        package["newest"] = found->second.version.to_string();
  }
}

Json facts_of(const Environment& environment, bool outdated, Session& session) {
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const InstalledGraph graph = graph_of(environment, installed, session);
  const Environment::Placed placed = environment.is_foreign() ? Environment::Placed{} : environment.placed();
  const PlacedSizes sizes = sizes_of(placed);
  Json packages = Json::array(), checks = Json::array();
  for (const auto& [name, node] : graph.nodes())
    packages.push_back(package_of(node, graph, sizes, placed.manifest));
  if (outdated) {
    std::vector<InstalledDistribution> of_indexes = installed.all;
    std::erase_if(of_indexes, [](const InstalledDistribution& one) { return one.direct_url.has_value(); });
    add_newest(packages, versions_of(of_indexes), target_of(environment, session), session);
  }
  for (const Finding& finding : examine(environment, session))
    checks.push_back({{"level", level_name(finding.level)},
                      {"check", finding.check},
                      {"message", finding.message},
                      {"details", finding.details},
                      {"hint", finding.hint}});
  std::vector<std::string> asked_for;
  for (const ManifestRequest& request : placed.manifest.requests) asked_for.push_back(request.requirement);
  return {{"subject", environment.root().native()},
          {"is_lock", false},
          {"python",
           environment.is_foreign() ? "of another tool's environment" : environment.interpreter().version},
          {"bytes", sizes.all},
          {"runtime_bytes", sizes.of("")},
          {"asked_for", asked_for},
          {"state", placed.manifest.state},
          {"made", today()},
          {"packages", packages},
          {"checks", checks}};
}

// The file of a release that most machines would use: the largest wheel, else the source.
std::uint64_t download_size(const LockedPackage& package) {
  std::uint64_t largest = 0;
  for (const LockedFile& wheel : package.wheels) largest = std::max(largest, wheel.size.value_or(0));
  if (largest > 0) return largest;
  if (package.direct) return package.direct->archive.size.value_or(0);
  return package.sdist ? package.sdist->size.value_or(0) : 0;
}

std::string place_of(const LockedPackage& package) {
  if (!package.direct) return package.index.empty() ? "no index is named" : package.index;
  if (!package.direct->url.empty()) return package.direct->url;
  if (!package.direct->path.empty()) return package.direct->path;
  return package.direct->archive.url.empty() ? package.direct->archive.path : package.direct->archive.url;
}

// A lock may have several versions of a package, each for different environments.
Json facts_of_lock(const std::string& name, bool outdated, Session& session) {
  const fs::path file = session.settings().working_directory / name;
  const Expected<Pylock> lock = parse_pylock(read_named_file(file), "");
  if (!lock) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", name, lock.error().message));
  std::map<PackageName, std::set<std::string>> needed_by;
  for (const LockedPackage& package : lock->packages)
    for (const auto& [dependency, version] : package.dependencies)
      needed_by[dependency].insert(package.name.normalized());
  Json packages = Json::array();
  Versions of_indexes;
  std::uint64_t all = 0;
  std::vector<std::string> asked_for;
  for (const LockedPackage& package : lock->packages) {
    std::set<std::string> needs;
    for (const auto& [dependency, version] : package.dependencies) needs.insert(dependency.normalized());
    const bool requested = !needed_by.contains(package.name);
    if (requested) asked_for.push_back(package.name.normalized());
    if (!package.direct && package.version) of_indexes.emplace_back(package.name, *package.version);
    const std::uint64_t size = download_size(package);
    all += size;
    packages.push_back({{"name", package.name.normalized()},
                        {"version", package.version ? package.version->to_string() : ""},
                        {"bytes", size},
                        {"requested", requested},
                        {"licence", ""},
                        {"summary", package.marker ? "where " + package.marker->to_string() : ""},
                        {"requires", needs},
                        {"needed_by", needed_by[package.name]},
                        {"from", place_of(package)},
                        {"newest", ""}});
  }
  if (outdated) {
    const Target target = target_of(session.chosen_interpreter(lock->requires_python));
    add_newest(packages, of_indexes, target, session);
  }
  return {{"subject", file.lexically_normal().native()},
          {"is_lock", true},
          {"python", lock->requires_python ? lock->requires_python->to_string() : "any"},
          {"bytes", all},
          {"runtime_bytes", 0},
          {"asked_for", asked_for},
          {"state", nullptr},
          {"made", today()},
          {"packages", packages},
          {"checks", Json::array()}};
}

// ".venv" alone is not a useful name: take the folder around it.
fs::path default_name(const Environment& environment) {
  fs::path name = environment.root().filename();
  if (name.native().starts_with('.') && environment.root().has_parent_path())
    name = environment.root().parent_path().filename();
  return name.native() + "-report.html";
}

}  // namespace

int execute(const ReportCommand& command, Session& session) {
  std::optional<Environment> environment;
  if (!command.lock) environment = open_for_reading(session);
  const fs::path name = environment ? default_name(*environment)
                                    : fs::path(fs::path(*command.lock).stem().native() + "-report.html");
  const fs::path file = command.output == "-"
                            ? fs::path("/dev/stdout")
                            : session.settings().working_directory / command.output.value_or(name.native());
  if (std::error_code unknown; fs::is_directory(file, unknown))
    throw Error(ErrorKind::Usage, fmt::format("{} is a folder", quote(file.native())),
                {fmt::format("-o {}", shell_word((file / name).lexically_normal().native()))});
  const Json facts = environment ? facts_of(*environment, command.outdated, session)
                                 : facts_of_lock(*command.lock, command.outdated, session);
  const std::string page = report_page(facts);
  write_output_file(file, page);
  if (command.output != "-") session.output().result(file.native());
  if (session.output().json())
    session.output().document({{"schema", 1},
                               {environment ? "environment" : "lock", facts.at("subject")},
                               {"file", file.native()},
                               {"bytes", page.size()}});
  return 0;
}

}  // namespace moat
