#include "cli/pip/sources.h"

#include "cli/pip/place.h"
#include "cli/session/source_setup.h"
#include "envs/project/project_files.h"
#include "envs/project/script.h"
#include "resolver/base/text.h"
#include "resolver/solve/fold_options.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {

namespace {

void refuse_together(const PipCommand& command, std::string_view one,
                     std::initializer_list<std::string_view> others) {
  if (!command.has(one)) return;
  for (const std::string_view other : others)
    if (command.has(other))
      throw Error(ErrorKind::Usage, fmt::format("cannot combine --{} and --{}", one, other));
}

// As in pip, a group without a path belongs to the pyproject.toml of the working directory.
std::vector<std::string> groups_of(const PipCommand& command) {
  std::vector<std::string> groups = command.values("group");
  for (std::string& group : groups)
    if (group.find(':') == group.npos) group.insert(0, "pyproject.toml:");
  return groups;
}

void check_python(const Script& script, const Version& python) {
  const std::optional<SpecifierSet>& wanted = script.metadata.requires_python;
  if (wanted && !wanted->contains(python))
    throw Error(ErrorKind::Refused, fmt::format("{} requires Python {}, and this is {}", script.name,
                                                wanted->to_string(), python.to_string()));
}

// Outside an environment nothing can point into a folder: editables are built like any other
// source.
void forget_editables(Goal& goal) {
  goal.editables.clear();
  for (UnnamedRequirement& unnamed : goal.unnamed) unnamed.editable = false;
}

}  // namespace

void check_pip_sources(const PipCommand& command) {
  refuse_together(command, "only-deps", {"no-deps", "requirement", "requirements-from-script", "group"});
  refuse_together(command, "require-hashes", {"no-require-hashes"});
  if (command.count("requirements-from-script") > 1)
    throw Error(ErrorKind::Usage, "--requirements-from-script can only be given once");
  const bool asks = !command.arguments.empty() || command.has("requirement") || command.has("editable") ||
                    command.has("group") || command.has("requirements-from-script");
  if (!asks)
    throw Error(ErrorKind::Usage,
                fmt::format("you must give at least one requirement to {0} (see `moat pip help {0}`)",
                            command.command));
}

Goal read_pip_goal(const PipCommand& command, const Version& python, Session& session) {
  Goal goal = read_goal(command.arguments, command.values("requirement"), command.values("constraint"),
                        session, command.values("editable"));
  const AskBackend ask = backend_asker(
      goal, [&] { return pip_interpreter(command, session); }, session);
  add_lines(read_groups(groups_of(command), session.settings(), ask), goal, session);
  for (const std::string& name : command.values("requirements-from-script")) {
    const Script script = read_script(name, session.settings().working_directory);
    check_python(script, python);
    add_lines(script.lines(), goal, session);
  }
  goal.only_dependencies = command.has("only-deps");
  goal.binds = false;
  goal.ignore_requires_python = command.has("ignore-requires-python");
  goal.require_hashes =
      (goal.require_hashes || command.has("require-hashes")) && !command.has("no-require-hashes");
  return goal;
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
  choice->goal = read_pip_goal(command, target.python, session);
  Goal& goal = choice->goal;
  forget_editables(goal);
  // Without isolation builds use the packages of the environment.
  prepare_sources(
      goal, here, session,
      session.settings().build_isolation ? std::nullopt : pip_environment(command, session.settings()));
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
