// What goes into a bundle for one machine: from the packages of a lock to files with their hashes.
#pragma once

#include "envs/deploy/bundle.h"
#include "envs/place/transaction.h"
#include "envs/project/surrounding_project.h"
#include "envs/python/interpreter.h"
#include "envs/python/runtime.h"
#include "fetch/download/originals.h"
#include "fetch/store/tools.h"
#include "resolver/files/pyproject.h"
#include "resolver/lock/lockfile.h"
#include "resolver/solve/resolution.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// A machine and its Python.
struct BundleFor {
  Target target;
  BundlePython python;
  std::string architecture;
};

BundleFor bundle_for_here(const Interpreter& python);
// From tables: neither the machine nor its Python must be here. `platform`: "" for this one. Error(Usage).
BundleFor bundle_for(const std::string& version, const std::string& platform, const Interpreter& python);

// The project next to a lock, as far as its files describe it.
struct ProjectBeside {
  ProjectTable table;
  // It has a build system: then it is a package, and not only a list of its requirements.
  bool is_packaged = false;
};

std::optional<ProjectBeside> project_beside(const std::filesystem::path& lock);

// The packages of the lock's project, and of all members of its workspace, if their names are known and the
// lock does not list them; else the project next to the lock.
std::vector<LockedPackage> own_packages_of(const std::optional<ProjectBeside>& beside,
                                           const std::filesystem::path& lock,
                                           const std::vector<SelectedPackage>& selected,
                                           const SurroundingProject& around);

// Downloaded wheels are added as they were served; from here on they come from the store.
std::map<PackageName, Original> obtain_originals(Resolution& resolution, const Tools& with);

// Error(NoSolution) for a built wheel that does not run on the target.
void check_built(const std::vector<WantedPackage>& packages, const BundleFor& wanted);

// Adds the packages to the contents. Wheels that were built are written into `folder`.
void add_packages(const std::vector<WantedPackage>& wanted, const std::map<PackageName, Original>& originals,
                  const std::filesystem::path& folder, BundleContents& contents);

// Bytecode from this Python is valid for every one of its minor version. Error(Usage) for another one.
void add_bytecode(const std::vector<WantedPackage>& packages, const Runtime& runtime,
                  const BundlePython& wanted, const std::filesystem::path& folder, BundleContents& contents,
                  const Tools& with);

}  // namespace moat
