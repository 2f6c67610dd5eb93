// What is asked of an installation: the lines of the command line, of files and of projects, as values.
#pragma once

#include "envs/journal/manifest.h"
#include "fetch/sources/source_builder.h"
#include "resolver/files/requirement_line.h"
#include "resolver/files/requirements_txt.h"
#include "resolver/solve/solve.h"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace moat {

// A line that names a project's place, but not its name.
struct UnnamedRequirement {
  UnnamedSource source;
  std::string text;  // as written
  Origin origin;
  std::vector<Digest> hashes;
  ConfigSettings config_settings;
  bool editable = false;
  std::size_t place = 0;  // index of the requirement before which it stands
};

struct Goal {
  std::vector<RootRequirement> requirements;
  std::vector<RootRequirement> constraints;
  std::vector<RootRequirement> overrides;
  RequirementsOptions file_options;
  bool require_hashes = false;
  bool ignore_requires_python = false;
  bool only_dependencies = false;           // only dependencies of the named packages, not these themselves
  std::vector<UnnamedRequirement> unnamed;  // in order; prepare_sources() finds their names
  std::set<PackageName> editables;
  std::map<PackageName, ConfigSettings> config_settings;  // of single lines

  // Where a requirement stands ("base.txt:3") → the absolute path of the file that was named ("/p/all.txt").
  std::map<std::string, std::string> files;
  // The requests are remembered (requests.h); those of `moat pip` are not binding.
  bool binds = true;
  bool upgrades = false;  // newest versions were asked for
  // Earlier requests that bind the answer; and their form in the manifest.
  std::vector<RootRequirement> earlier;
  std::vector<ManifestRequest> earlier_said;
};

}  // namespace moat
