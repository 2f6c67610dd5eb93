// The metadata that a source tree promises, so that nothing in it has to be run.
#pragma once

#include "resolver/pep/name.h"
#include "resolver/pep/version.h"

#include <optional>
#include <string>
#include <string_view>

namespace moat {

// The files at the top of a tree that exist. A legacy egg-info is not read: its requirements are the ones
// that applied on one machine.
struct SourceFiles {
  // Of a source distribution only: in a checkout or folder it may be left over from some earlier build.
  std::optional<std::string> pkg_info;
  std::optional<std::string> pyproject;
};

// METADATA as the wheel will have it, as far as resolving needs it; nullopt if only a build can tell.
//   PKG-INFO of metadata 2.2 or newer, where Requires-Dist, Requires-Python and Provides-Extra are not
//     dynamic. (From 2.6 on a dynamic field may stand there too: it may only grow, which is not enough.)
//   [project] of pyproject.toml, where dependencies, optional-dependencies and requires-python are not
//     dynamic. A dynamic version is fine where PKG-INFO has one.
std::optional<std::string> static_metadata(const SourceFiles& files);

// The project's name, which the same files nearly always give.
std::optional<PackageName> static_name(const SourceFiles& files);

}  // namespace moat
