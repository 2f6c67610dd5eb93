// What was asked for earlier in an environment: `moat install flake8==3.9.2` means that version tomorrow,
// too. The manifest remembers it; here is what of that binds a change, and what a change says again.
//
// A bare name keeps the specifier that is remembered for it, a new specifier or URL replaces it. -P NAME, and
// -U of a name, take `==` away. The requests of a requirements file are replaced when the file is installed
// again. What `moat pip` recorded binds nothing, as with pip.
#pragma once

#include "cli/session/goal.h"
#include "cli/session/install_pipeline.h"
#include "envs/journal/manifest.h"

#include <set>
#include <string>
#include <vector>

namespace moat {

// Puts into the goal what of the earlier requests binds this change. `upgraded`: names whose `==` goes.
void add_earlier_requests(const std::vector<ManifestRequest>& before, const std::set<PackageName>& upgraded,
                          Goal& goal);

// Names alone that were typed, of packages that no index gave: they come from there again. An index may have
// something of the same name that is somebody else's.
void keep_sources(const Present& present, Goal& goal);

// What the user's lines ask for, with what is remembered of the same names.
std::vector<RootRequirement> with_earlier_of_named(const Goal& goal);

// Those of goal.earlier that the answer does not meet here.
std::vector<RootRequirement> broken_requests(const Resolution& resolution, const Target& target,
                                             const Goal& goal);

// What was asked of a package once, as far as it holds on: texts of requirements, its name alone where
// nothing was.
std::vector<std::string> held_requests(const PackageName& name, const std::vector<ManifestRequest>& requests,
                                       bool is_unpinned);

// For the manifest: what this change says, and what it takes back. Nothing where all of it was said before.
struct RequestChanges {
  std::vector<ManifestRequest> said;
  std::set<PackageName> forgotten;
  bool empty() const { return said.empty() && forgotten.empty(); }
};
RequestChanges request_changes(const Goal& goal, const std::vector<ManifestRequest>& before,
                               const std::string& command_line);

// Names whose requests a lock contradicts.
std::set<PackageName> contradicted(const std::vector<ManifestRequest>& before, const Resolution& resolution,
                                   const Target& target);

// "flake8==3.9.2 (moat install flake8==3.9.2)", of one package or all.
std::vector<std::string> told_requests(const std::vector<ManifestRequest>& requests,
                                       const PackageName* name = nullptr);

}  // namespace moat
