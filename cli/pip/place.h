// The place that a `moat pip` command examines, or installs for.
#pragma once

#include "cli/args/args.h"
#include "cli/session/session.h"
#include "envs/environment/environment.h"
#include "envs/environment/installed.h"
#include "envs/install/installed_graph.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// An environment (another tool's will do), a base interpreter named with --python, or the folders of --path.
struct PipPlace {
  InstalledDistributions installed;
  std::optional<Environment> environment;
  std::optional<Interpreter> interpreter;  // of a base
  InstalledGraph graph(Session& session) const;
  MarkerEnvironment markers(Session& session) const;
};

// Never changes anything; Error(NoEnvironment) if there is nothing to examine.
PipPlace pip_place(const PipCommand& command, Session& session);

// moat does not install into a base interpreter: Error(Refused), with an alternative.
void refuse_base_interpreter(const PipCommand& command, Session& session);

// The chosen environment, by --env or by the working directory; none with --python.
std::optional<Environment> pip_environment(const PipCommand& command, const Settings& settings);
// The Python that files are chosen for: --python, else the environment's, else the default one.
Interpreter pip_interpreter(const PipCommand& command, Session& session);
// Also with --platform, --python-version, --implementation and --abi, which need not exist here.
Target pip_target(const PipCommand& command, const Interpreter& here);
bool is_foreign_target(const PipCommand& command);

// The requirements of a package without any extra: pip does not know the extras of installed packages.
std::vector<Requirement> plain_requirements(const InstalledNode& node, const MarkerEnvironment& markers);

// As pip writes to standard output: nothing with -q.
void pip_say(Session& session, std::string_view line);

// The project folder of an editable installation. nullopt: it is not editable.
std::optional<std::string> editable_location(const InstalledDistribution& distribution);

}  // namespace moat
