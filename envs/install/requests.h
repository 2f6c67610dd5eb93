// Earlier requests in an environment: `moat install flake8==3.9.2` stays in force for later changes. The
// manifest records them; this decides which of them bind a change, and which ones a change replaces.
//
// A bare name keeps the specifier that is remembered for it, a new specifier or URL replaces it. -P NAME, and
// -U of a name, take `==` away. The requests of a requirements file are replaced when the file is installed
// again. What `moat pip` recorded binds nothing, as with pip.
#pragma once

#include "envs/install/goal.h"
#include "envs/install/present.h"
#include "envs/journal/manifest.h"
#include "resolver/solve/resolution.h"
#include "resolver/solve/target.h"

#include <set>
#include <string>
#include <vector>

namespace moat {

// Adds the earlier requests that bind this change to the goal. `upgraded`: names whose `==` is dropped.
void add_earlier_requests(const std::vector<ManifestRequest>& before, const std::set<PackageName>& upgraded,
                          Goal& goal);

// Bare names on the command line of packages that came from no index: they come from the same origin again.
// An index may have a foreign project of the same name.
void keep_sources(const Present& present, Goal& goal);

// The requests of the user's lines, with the remembered ones for the same names.
std::vector<RootRequirement> with_earlier_of_named(const Goal& goal);

// Those of goal.earlier that the answer does not meet here.
std::vector<RootRequirement> broken_requests(const Resolution& resolution, const Target& target,
                                             const Goal& goal);

// The earlier requests for a package that stay in force: texts of requirements, or its bare name if there are
// none.
std::vector<std::string> held_requests(const PackageName& name, const std::vector<ManifestRequest>& requests,
                                       bool is_unpinned);

// For the manifest: the requests of this change, and those it drops. Nothing if all of them are repetitions.
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
