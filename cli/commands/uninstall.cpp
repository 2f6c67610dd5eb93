// moat uninstall PACKAGE…
#include "cli/commands/uninstall.h"

#include "cli/commands/commands.h"
#include "cli/session/dry_run.h"
#include "cli/session/goal.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/open_env.h"
#include "envs/install/shown_commands.h"
#include "envs/place/damaged.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

namespace moat {
namespace {

std::set<PackageName> named_and_there(const UninstallCommand& command, const InstalledGraph& graph,
                                      Output& output) {
  std::set<PackageName> out;
  for (const std::string& text : command.packages) {
    const PackageName name = parse_package_name(text);
    if (graph.find(name) != nullptr)
      out.insert(name);
    else
      output.warn(fmt::format("{} is not installed", quote(text)));
  }
  return out;
}

// Packages that none of the remaining ones need. Extras are not recorded, so a requirement of any extra keeps
// its package: rather too much stays than too little. With named packages, only their dependencies; else
// everything.
std::set<PackageName> orphans(const std::set<PackageName>& removed, const InstalledGraph& graph) {
  const std::set<PackageName> candidates =
      removed.empty() ? std::set<PackageName>{} : graph.closure(removed, InstalledGraph::Extras::All);
  std::set<PackageName> roots;
  for (const auto& [name, node] : graph.nodes()) {
    const bool may_go = !node.distribution.requested && (removed.empty() || candidates.count(name) != 0);
    if (removed.count(name) == 0 && !may_go) roots.insert(name);
  }
  // The removed packages must not keep others, even if a remaining package needs them.
  std::set<PackageName> kept;
  std::vector<PackageName> open(roots.begin(), roots.end());
  while (!open.empty()) {
    const PackageName name = open.back();
    open.pop_back();
    if (removed.count(name) != 0 || graph.find(name) == nullptr || !kept.insert(name).second) continue;
    const std::set<PackageName> next = graph.direct(name, InstalledGraph::Extras::All);
    open.insert(open.end(), next.begin(), next.end());
  }
  std::set<PackageName> out;
  for (const auto& [name, node] : graph.nodes())
    if (kept.count(name) == 0 && removed.count(name) == 0) out.insert(name);
  return out;
}

void warn_of_dependents(const std::set<PackageName>& removed, const InstalledGraph& graph, Output& output) {
  for (const PackageName& name : removed)
    for (const InstalledNode* node : graph.dependents_of(name))
      if (removed.count(node->distribution.name) == 0)
        output.warn(fmt::format("{} needs {}", node->distribution.name.display(), name.display()));
}

}  // namespace

ChangeReport uninstall_packages(const UninstallCommand& command, Session& session) {
  const Environment environment = open_for_change(session);
  const InstalledDistributions installed = read_installed(environment);
  const InstalledGraph graph = graph_of(environment, installed, session);
  TransactionRequest request;
  request.remove = named_and_there(command, graph, session.output());
  if (command.orphans && (command.packages.empty() || !request.remove.empty()))
    request.remove.merge(orphans(request.remove, graph));
  if (session.settings().tool && request.remove.contains(*session.settings().tool))
    throw Error(ErrorKind::Usage,
                fmt::format("{} is the application itself", quote(session.settings().tool->display())),
                {fmt::format("`moat tool uninstall {}` removes it, with its environment",
                             session.settings().tool->normalized())});
  warn_of_dependents(request.remove, graph, session.output());

  ChangeReport report{.environment = environment.root(),
                      .state = environment.manifest_without_files().state,
                      .dry_run = command.dry_run,
                      .nothing = "nothing was removed"};
  if (command.dry_run) {
    report.operations = dry_run(std::move(request), environment, session);
  } else if (!request.remove.empty()) {
    const Settings& settings = session.settings();
    Manifest after = environment.manifest();
    std::erase_if(after.packages, [&](const ManifestPackage& package) {
      const Expected<PackageName> name = PackageName::parse(package.name);
      return name && request.remove.count(*name) != 0;
    });
    const CommandPlaces places = settings.command_places();
    const fs::path& root = environment.root();
    expect_commands(root, root, places);
    try {
      hide_other_commands(shown_commands(root, after, places), root, places);
      report.take(apply(std::move(request), environment, session));
    } catch (const Error&) {
      show_as_before(root, places);
      throw;
    }
    finish_showing(environment, places);
  }
  return report;
}

int execute(const UninstallCommand& command, Session& session) {
  report_changes(uninstall_packages(command, session), session);
  return 0;
}

}  // namespace moat
