// moat report: one HTML page about an environment.
#include "cli/commands/commands.h"
#include "cli/commands/doctor.h"
#include "cli/output/report_page.h"
#include "cli/session/environment_facts.h"
#include "cli/session/open_env.h"
#include "cli/session/requests.h"
#include "envs/place/direct_url.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/pep/licence_policy.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctime>
#include <map>

namespace moat {
namespace {

using Json = nlohmann::ordered_json;

struct Sizes {
  std::map<std::string, std::uint64_t>
      of_package;  // by normalised name; "": Python and the environment's own
  std::uint64_t all = 0;
  std::uint64_t of(const std::string& name) const {
    const auto found = of_package.find(name);
    return found == of_package.end() ? 0 : found->second;
  }
};

// As placed. Bytecode counts to whose file stands beside it.
Sizes sizes_of(const Environment::Placed& placed) {
  Sizes sizes;
  std::map<std::string, std::string> owners;  // folder → owner of what lies there
  for (const ManifestEntry& entry : placed.manifest.entries) {
    sizes.of_package[entry.owner] += entry.size;
    sizes.all += entry.size;
    owners.emplace(fs::path(entry.path).parent_path().native(), entry.owner);
  }
  for (const BytecodeEntry& entry : placed.bytecode) {
    const fs::path folder = fs::path(entry.path).parent_path();
    const auto owner =
        owners.find((folder.filename() == "__pycache__" ? folder.parent_path() : folder).native());
    sizes.of_package[owner == owners.end() ? "" : owner->second] += entry.size;
    sizes.all += entry.size;
  }
  return sizes;
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts)};
}

Json package_of(const InstalledNode& node, const InstalledGraph& graph, const Sizes& sizes,
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
          {"from", from}};
}

Json facts_of(const Environment& environment, Session& session) {
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const InstalledGraph graph = graph_of(environment, installed, session);
  const Environment::Placed placed = environment.is_foreign() ? Environment::Placed{} : environment.placed();
  const Sizes sizes = sizes_of(placed);
  Json packages = Json::array(), checks = Json::array();
  for (const auto& [name, node] : graph.nodes())
    packages.push_back(package_of(node, graph, sizes, placed.manifest));
  for (const Finding& finding : examine(environment, session))
    checks.push_back({{"level", level_name(finding.level)},
                      {"check", finding.check},
                      {"message", finding.message},
                      {"details", finding.details}});
  std::vector<std::string> asked_for;
  for (const ManifestRequest& request : placed.manifest.requests) asked_for.push_back(request.requirement);
  return {{"environment", environment.root().native()},
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

// ".venv" says nothing by itself: the folder around it does.
fs::path default_name(const Environment& environment) {
  fs::path name = environment.root().filename();
  if (name.native().starts_with('.') && environment.root().has_parent_path())
    name = environment.root().parent_path().filename();
  return name.native() + "-report.html";
}

}  // namespace

int execute(const ReportCommand& command, Session& session) {
  const Environment environment = open_for_reading(session);
  const fs::path file =
      session.settings().working_directory / command.output.value_or(default_name(environment).native());
  const std::string page = report_page(facts_of(environment, session));
  write_output_file(file, page);
  session.output().result(file.native());
  if (session.output().json())
    session.output().document({{"schema", 1},
                               {"environment", environment.root().native()},
                               {"file", file.native()},
                               {"bytes", page.size()}});
  return 0;
}

}  // namespace moat
