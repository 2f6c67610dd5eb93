// Shared by pip's install, download and wheel: the requested packages, and which requests moat cannot fulfil.
#pragma once

#include "cli/args/args.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/session.h"

#include <memory>
#include <string>
#include <vector>

namespace moat {

// There must be a request, without contradictions. Throws Error(Usage).
void check_pip_sources(const PipCommand& command);

// The requests of the command line, for this Python. Throws Error(Usage, BadInput or Refused).
Goal read_pip_goal(const PipCommand& command, const Version& python, Session& session);

// pip's rule for --platform, --python-version, --implementation and --abi: nothing may have to be built.
// Error(Usage).
void check_foreign_target(const PipCommand& command, const Settings& settings);

// The wanted packages, chosen for a Python that need not be an environment's: changes nothing.
struct PipChoice {
  Goal goal;
  Resolution resolution;
  InstallPlan plan;  // into the resolution
};
// `here`: builds the sources. `there`: packages that need not be fetched again.
std::unique_ptr<const PipChoice> choose_packages(const PipCommand& command, const Interpreter& here,
                                                 const Target& target, const InstalledDistributions& there,
                                                 Session& session);

// "idna-3.7 six-1.16.0"
std::string names_and_versions(const std::vector<WantedPackage>& packages);

}  // namespace moat
