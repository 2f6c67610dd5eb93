// moat why NAME…
#include "cli/commands/commands.h"
#include "cli/session/goal.h"
#include "cli/session/open_env.h"
#include "envs/environment/installed.h"
#include "envs/install/requests.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace moat {
namespace {

struct Link {
  const InstalledNode* package = nullptr;
  std::string asks;  // of the next one in the chain
};
using Chain = std::vector<Link>;  // from what was asked for by name down to the one who asks for NAME

// One shortest chain for each package asked for by name: breadth first, against the arrows.
std::vector<Chain> chains_to(const PackageName& name, const InstalledGraph& graph) {
  std::vector<Chain> out;
  std::set<PackageName> seen{name};
  std::vector<std::pair<PackageName, Chain>> level{{name, {}}};
  while (!level.empty()) {
    std::vector<std::pair<PackageName, Chain>> next;
    for (const auto& [current, chain] : level)
      for (const InstalledNode* dependent : graph.dependents_of(current)) {
        Chain longer;
        for (Requirement requirement : graph.requirements_of(*dependent))
          if (requirement.name == current) {
            requirement.marker.reset();
            longer.push_back({dependent, requirement.to_string()});
            break;
          }
        longer.insert(longer.end(), chain.begin(), chain.end());
        const PackageName& other = dependent->distribution.name;
        if (dependent->distribution.requested) out.push_back(longer);
        if (seen.insert(other).second) next.emplace_back(other, std::move(longer));
      }
    level = std::move(next);
  }
  return out;
}

// "you asked for app 1.0, which needs left; left 0.9 needs core"
std::string told(const Chain& chain) {
  std::string out = "you asked for ";
  for (const Link& link : chain)
    out += fmt::format(
        "{}{} {}{} needs {}", &link == &chain.front() ? "" : "; ", link.package->distribution.name.display(),
        link.package->distribution.version.to_string(), &link == &chain.front() ? ", which" : "", link.asks);
  return out;
}

nlohmann::ordered_json to_document(const Chain& chain) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const Link& link : chain)
    out.push_back({{"name", link.package->distribution.name.normalized()},
                   {"version", link.package->distribution.version.to_string()},
                   {"requires", link.asks}});
  return out;
}

nlohmann::ordered_json explain_one(const InstalledNode& node, const InstalledGraph& graph,
                                   const std::vector<std::string>& asked_for, Output& output) {
  const InstalledDistribution& distribution = node.distribution;
  output.result(fmt::format("{} {}", output.out(Paint::Bold, distribution.name.display()),
                            distribution.version.to_string()));
  for (const std::string& words : asked_for) output.result("  you asked for " + words);
  if (distribution.requested && asked_for.empty()) output.result("  you asked for it by name");
  const std::vector<Chain> chains = chains_to(distribution.name, graph);
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const Chain& chain : chains) {
    output.result("  " + told(chain));
    documents.push_back(to_document(chain));
  }
  if (chains.empty() && !distribution.requested)
    output.result("  nothing that is installed needs it; `moat uninstall` removes it");
  return {{"name", distribution.name.normalized()},
          {"version", distribution.version.to_string()},
          {"requested", distribution.requested},
          {"asked_for", asked_for},
          {"chains", documents}};
}

}  // namespace

int execute(const WhyCommand& command, Session& session) {
  const Environment environment = open_for_reading(session);
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const InstalledGraph graph = graph_of(environment, installed, session);
  const std::vector<ManifestRequest> requests = environment.is_foreign()
                                                    ? std::vector<ManifestRequest>{}
                                                    : environment.manifest_without_files().requests;
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const std::string& text : command.names) {
    const InstalledNode* node = graph.find(parse_package_name(text));
    if (node == nullptr)
      throw Error(ErrorKind::NotFound,
                  fmt::format("{} is not installed in {}", quote(text), environment.root().native()));
    documents.push_back(
        explain_one(*node, graph, told_requests(requests, &node->distribution.name), session.output()));
  }
  if (session.output().json()) session.output().document({{"schema", 1}, {"packages", documents}});
  return 0;
}

}  // namespace moat
