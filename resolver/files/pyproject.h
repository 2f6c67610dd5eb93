// pyproject.toml: text → what a frontend may read of it.
// [build-system] is PEP 517/518, [project] is PEP 621 (639, 794, 808), [dependency-groups] is PEP 735.
#pragma once

#include "resolver/files/project_line.h"
#include "resolver/files/toml.h"
#include "resolver/pep/name.h"
#include "resolver/pep/specifier.h"
#include "resolver/pep/version.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// How a source tree is to be built.
struct BuildSystem {
  std::vector<std::string> requirements;  // PEP 508, as written
  std::string backend;                    // "flit_core.buildapi", "module:object.attribute"
  std::vector<std::string> backend_path;  // folders of the tree, relative; where the backend must lie

  // The default for trees without a (complete) [build-system]: setuptools, as before there were backends.
  static BuildSystem legacy();
};

// [project]. Only the backend knows the dynamic fields.
struct ProjectTable {
  PackageName name;
  std::optional<Version> version;  // nullopt: dynamic
  std::optional<SpecifierSet> requires_python;
  std::vector<ProjectLine> dependencies;
  std::map<ExtraName, std::vector<ProjectLine>> optional_dependencies;
  std::set<std::string, std::less<>> dynamic;  // keys, as written

  // May dependencies, extras and requires-python be taken without asking the backend?
  bool dependencies_are_static() const;
};

// Name and version as [project] has them; version: "" where the backend says it.
struct ProjectName {
  std::string name, version;
};

// Errors end in "(line N)"; each part fails only when it is asked for: one bad table spoils no other.
class PyProject {
 public:
  static Expected<PyProject> parse(std::string_view text);

  // A file without the table, or a table without backend, is built by setuptools; a table without `requires`
  // is an error (PEP 518).
  Expected<BuildSystem> build_system() const;
  // nullopt: there is no [project].
  Expected<std::optional<ProjectTable>> project() const;

  const TomlTable& table() const { return table_; }

 private:
  TomlTable table_;
};

}  // namespace moat
