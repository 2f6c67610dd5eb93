// The requests of the user: requirements from the command line and from files, with the files' options about
// indexes.
#pragma once

#include "cli/session/session.h"
#include "cli/settings/project_files.h"
#include "envs/journal/manifest.h"
#include "resolver/files/requirement_line.h"
#include "resolver/files/requirements_txt.h"
#include "resolver/solve/solve.h"

#include <cstddef>
#include <filesystem>
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
  // The requests are remembered (cli/session/requests.h); those of `moat pip` are not binding.
  bool binds = true;
  bool upgrades = false;  // newest versions were asked for
  // Earlier requests that bind the answer; and their form in the manifest.
  std::vector<RootRequirement> earlier;
  std::vector<ManifestRequest> earlier_said;
};

// `packages`: requirements, paths, URLs. Throws Error(BadInput) naming the text or the file and line.
Goal read_goal(const std::vector<std::string>& packages, const std::vector<std::string>& requirement_files,
               const std::vector<std::string>& constraint_files, Session& session,
               const std::vector<std::string>& editables = {});

// More requirements, of a project or a script.
void add_lines(const std::vector<NamedLine>& lines, Goal& goal, const Session& session);

// A file named by the user. Error(BadInput) if it does not exist.
std::string read_named_file(const std::filesystem::path& path);

// One name, as uninstall and show take it. Throws Error(Usage).
PackageName parse_package_name(const std::string& text);

}  // namespace moat
