// Edits the requirements in a pyproject.toml as its author would: next to their neighbours, in their style,
// and sorted if the list is sorted.
#pragma once

#include "resolver/base/error.h"
#include "resolver/files/toml_edit.h"
#include "resolver/pep/name.h"
#include "resolver/pep/requirement.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// One of the lists of requirements.
struct RequirementList {
  enum class Kind { Dependencies, Extra, Group };
  Kind kind = Kind::Dependencies;
  std::string name;  // of the extra or the group

  // "`dependencies`", "the extra `async`", "the group `dev`"
  std::string told() const;
  friend bool operator==(const RequirementList&, const RequirementList&) = default;
};

// [tool.moat.sources]: where a requirement comes from if not from an index.
struct ProjectSource {
  std::string path;  // relative to the project; "": a member of the workspace
  bool editable = false;
};

class ProjectEdit {
 public:
  // Fails as parse_toml does, and if a list holds anything but strings (and, in a group, includes).
  static Expected<ProjectEdit> parse(std::string text);
  // For the metadata of a script (PEP 723), which has only `dependencies`.
  static Expected<ProjectEdit> parse_script(std::string toml);

  const std::string& text() const { return edit_.text(); }
  const std::string& original() const { return original_; }  // what was parsed

  // The lists that the file has, in its order.
  std::vector<RequirementList> lists() const;
  // The lists that name this package.
  std::vector<RequirementList> lists_of(const PackageName& name) const;
  // The line of the list that names the package, with this marker.
  std::optional<std::string> find(const RequirementList& list, const PackageName& name,
                                  const std::optional<Marker>& marker) const;

  // Every line of the list that names it.
  std::vector<std::string> lines_of(const RequirementList& list, const PackageName& name) const;

  // `text` is a requirement. It replaces a line for the same package with the same marker.
  void set(const RequirementList& list, const std::string& text);
  // Removes every line that names the package; returns how many.
  std::size_t remove(const RequirementList& list, const PackageName& name);

  // Sets a string in [project], creating the table if needed; in a script, at the top level.
  void set_project(const std::string& key, std::string_view text);

  void set_source(const PackageName& name, const ProjectSource& source);
  void remove_source(const PackageName& name);

 private:
  ProjectEdit(TomlEdit edit, bool of_script)
      : original_(edit.text()), edit_(std::move(edit)), of_script_(of_script) {}
  static Expected<ProjectEdit> checked(ProjectEdit edit);
  TomlPath path_of(const RequirementList& list) const;
  std::string original_;
  TomlEdit edit_;
  bool of_script_;
};

}  // namespace moat
