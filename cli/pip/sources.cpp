#include "cli/pip/sources.h"

#include "cli/fold_options.h"
#include "cli/pip/place.h"
#include "cli/source_setup.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {

void check_pip_sources(const PipCommand& command) {
  for (const char* option :
       {"group", "requirements-from-script", "only-deps", "no-require-hashes", "ignore-requires-python"})
    if (command.has(option))
      throw Error(ErrorKind::BadInput,
                  fmt::format("`moat pip {} --{}` is not supported yet", command.command, option));
  if (command.arguments.empty() && !command.has("requirement") && !command.has("editable"))
    throw Error(ErrorKind::Usage,
                fmt::format("you must give at least one requirement to {0} (see `moat pip help {0}`)",
                            command.command));
}

void check_foreign_target(const PipCommand& command, const Settings& settings) {
  if (!is_foreign_target(command)) return;
  const BinaryPolicy binary = fold_binary(settings.binary);
  const bool wheels_only = !binary.allow_sdists && binary.by_name.empty();
  if (!wheels_only && !command.has("no-deps"))
    throw Error(
        ErrorKind::Usage,
        "with --python-version, --platform, --abi or --implementation either --no-deps must be set, or "
        "--only-binary=:all: must be set and --no-binary must not",
        {"--only-binary=:all:"});
}

std::unique_ptr<const PipChoice> choose_packages(const PipCommand& command, const Interpreter& here,
                                                 const Target& target, const InstalledDistributions& there,
                                                 Session& session) {
  auto choice = std::make_unique<PipChoice>();
  choice->goal =
      read_goal(command.arguments, command.values("requirement"), command.values("constraint"), session);
  Goal& goal = choice->goal;
  prepare_sources(goal, here, session);
  goal.require_hashes = goal.require_hashes || command.has("require-hashes");
  Present present;
  for (const InstalledDistribution& distribution : there.all)
    present.versions.emplace(distribution.name, distribution.version);
  ResolvePolicy policy{.no_deps = command.has("no-deps")};
  if (command.has("upgrade"))
    for (const RootRequirement& root : goal.requirements)
      policy.upgrade_packages.insert(root.requirement.name);
  choice->resolution = resolve_goal(goal, policy, target, present.versions, session);
  for (const std::string& note : choice->resolution.notes) session.reporter().warn(note);
  choice->plan = plan_install(goal, choice->resolution, present, command.has("force-reinstall"));
  return choice;
}

std::string names_and_versions(const std::vector<WantedPackage>& packages) {
  std::vector<std::string> out;
  for (const WantedPackage& package : packages)
    out.push_back(fmt::format("{}-{}", package.name.display(), package.version.to_string()));
  std::sort(out.begin(), out.end());
  return join(out, " ");
}

}  // namespace moat
