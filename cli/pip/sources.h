// What pip's install, download and wheel have in common: what is asked for, and what of it moat cannot do.
#pragma once

#include "cli/args/args.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/session.h"

#include <memory>
#include <string>
#include <vector>

namespace moat {

// Something must be asked for, and nothing that contradicts itself. Throws Error(Usage).
void check_pip_sources(const PipCommand& command);

// What the command line asks for, for this Python. Throws Error(Usage, BadInput or Refused).
Goal read_pip_goal(const PipCommand& command, const Version& python, Session& session);

// pip's rule for --platform, --python-version, --implementation and --abi: nothing may have to be built.
// Error(Usage).
void check_foreign_target(const PipCommand& command, const Settings& settings);

// What is wanted, chosen for a Python that need not be an environment's: nothing is changed anywhere.
struct PipChoice {
  Goal goal;
  Resolution resolution;
  InstallPlan plan;  // into the resolution
};
// `here`: what sources are built with. `there`: what need not come again.
std::unique_ptr<const PipChoice> choose_packages(const PipCommand& command, const Interpreter& here,
                                                 const Target& target, const InstalledDistributions& there,
                                                 Session& session);

// "idna-3.7 six-1.16.0"
std::string names_and_versions(const std::vector<WantedPackage>& packages);

}  // namespace moat
