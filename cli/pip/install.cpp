// moat pip install
#include "cli/commands/install.h"

#include "cli/commands/sync.h"
#include "cli/pip/commands.h"
#include "cli/pip/place.h"
#include "cli/pip/report.h"
#include "cli/pip/sources.h"
#include "cli/session/which_env.h"
#include "envs/environment/pip_shim.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <set>

namespace moat {
namespace {

// What to do with the requested packages.
InstallCommand as_moat_install(const PipCommand& command) {
  InstallCommand install;
  const bool anew = command.has("force-reinstall") || command.has("ignore-installed");
  const bool eager = command.value("upgrade-strategy") == "eager";
  install.upgrade = anew || (command.has("upgrade") && eager);
  install.upgrade_named = command.has("upgrade");
  install.reinstall = anew;
  install.no_deps = command.has("no-deps");
  install.dry_run = command.has("dry-run");
  return install;
}

// The messages that pip prints first.
void say_what_is_there(const Goal& goal, const TransactionRequest& request,
                       const InstalledDistributions& installed, Session& session) {
  std::set<PackageName> said;
  for (const RootRequirement& root : goal.requirements) {
    const PackageName& name = root.requirement.name;
    const bool comes = std::any_of(request.install.begin(), request.install.end(),
                                   [&](const WantedPackage& wanted) { return wanted.name == name; });
    const InstalledDistribution* there = installed.find(name);
    if (comes || there == nullptr || !said.insert(name).second) continue;
    pip_say(session, fmt::format("Requirement already satisfied: {} in {} ({})", root.requirement.to_string(),
                                 there->info.parent_path().native(), there->version.to_string()));
  }
}

// The environment's own pip counts as the newest; the real pip is installed if another version is asked for.
void leave_out_own_pip(Goal& goal, const PipCommand& command, const InstalledDistributions& installed,
                       Session& session) {
  static const PackageName kPip = *PackageName::parse("pip");
  static const Version kVersion = *Version::parse(kPipVersion);
  if (!command.has("inside") || command.has("force-reinstall") || installed.find(kPip) != nullptr) return;
  std::erase_if(goal.requirements, [&](const RootRequirement& root) {
    const Requirement& asked = root.requirement;
    if (asked.name != kPip || asked.url || !asked.specifier.contains(kVersion)) return false;
    pip_say(session, fmt::format("Requirement already satisfied: {} in {} ({})", asked.to_string(),
                                 command.value("inside"), kPipVersion));
    return true;
  });
}

InstalledDistributions installed_now(const Settings& settings) {
  const std::optional<ChosenEnvironment> chosen = choose_environment(settings);
  if (!chosen || !Environment::exists_at(chosen->root)) return {};
  const Environment environment = Environment::open(chosen->root, Environment::Foreign::Allowed);
  return InstalledDistributions::read(environment.site_packages());
}

// `-r pylock.toml`: the packages of the lock. nullopt: none is named.
std::optional<SyncCommand> lock_of(const PipCommand& command) {
  InstallCommand words = as_moat_install(command);
  words.packages = command.arguments;
  words.requirement_files = command.values("requirement");
  words.constraint_files = command.values("constraint");
  words.editables = command.values("editable");
  words.groups = command.values("group");
  return as_sync(words);
}

int install_lock(const SyncCommand& lock, Session& session) {
  const ChangeReport report = sync_named_lock(lock, session);
  for (const std::string& warning : report.warnings) session.output().warn(warning);
  std::string summary;
  for (const Operation& operation : report.operations)
    if (operation.to)
      summary += fmt::format("{}{}-{}", summary.empty() ? "" : " ", operation.name.display(),
                             operation.to->to_string());
  if (!summary.empty())
    pip_say(session,
            fmt::format("{} {}", report.dry_run ? "Would install" : "Successfully installed", summary));
  return 0;
}

int install_here(const PipCommand& command, Session& session) {
  if (const std::optional<SyncCommand> lock = lock_of(command)) {
    if (command.has("report")) throw Error(ErrorKind::Usage, "--report cannot be used with a lock file");
    return install_lock(*lock, session);
  }
  const InstalledDistributions installed = installed_now(session.settings());
  const Target target = target_of(pip_interpreter(command, session));
  std::string summary;
  const InstallLook look = [&](const Goal& goal, const InstallPlan& plan, const TransactionRequest& request) {
    say_what_is_there(goal, request, installed, session);
    if (command.has("report"))
      write_report(installation_report(goal, plan, request, target.environment), command.value("report"),
                   session);
    summary = names_and_versions(request.install);
  };
  Goal goal = read_pip_goal(command, target.python, session);
  leave_out_own_pip(goal, command, installed, session);
  const ChangeReport report = install_packages(as_moat_install(command), std::move(goal), session, look);
  for (const std::string& warning : report.warnings) session.output().warn(warning);
  if (!summary.empty())
    pip_say(session,
            fmt::format("{} {}", report.dry_run ? "Would install" : "Successfully installed", summary));
  return 0;
}

}  // namespace

int pip_install(const PipCommand& command, Session& session) {
  check_pip_sources(command);
  check_foreign_target(command, session.settings());
  if (command.has("target") || command.has("prefix") || command.has("root"))
    return pip_install_into_folder(command, session);
  if (command.has("dry-run") && (is_foreign_target(command) || session.settings().python))
    return pip_install_nowhere(command, session);
  if (is_foreign_target(command))
    throw Error(
        ErrorKind::Usage,
        "--python-version, --platform, --abi and --implementation are for --target and --dry-run only");
  refuse_base_interpreter(command, session);
  return install_here(command, session);
}

}  // namespace moat
