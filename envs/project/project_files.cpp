#include "envs/project/project_files.h"

#include "envs/project/workspace.h"
#include "fetch/os/file.h"
#include "fetch/sources/sources.h"
#include "resolver/base/text.h"
#include "resolver/files/dependency_groups.h"
#include "resolver/files/dynamic_project.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {

std::optional<std::string> pyproject_text(const fs::path& path, const SurroundingProject& around) {
  if (around.pyproject_text && around.pyproject == path) return around.pyproject_text;
  if (around.member_text && around.member == path) return around.member_text;
  return read_file_if_exists(path);
}

namespace {

// pyproject.toml, parsed, with its name for messages.
struct ProjectFile {
  std::string shown;
  fs::path folder;
  PyProject file;

  Error bad(const ParseError& error) const {
    return {ErrorKind::BadInput, fmt::format("{}: {}", shown, error.message)};
  }
  std::vector<NamedLine> named(const std::vector<ProjectLine>& lines) const {
    std::vector<NamedLine> out;
    // Line 0: it comes from the build backend.
    for (const ProjectLine& line : lines)
      out.push_back(
          from_source({line.text, line.line == 0 ? shown : fmt::format("{}:{}", shown, line.line)}));
    return out;
  }
  // With the URL that [tool.moat.sources] has for it.
  NamedLine from_source(NamedLine line) const {
    const TomlValue* sources = find_path(file.table(), {"tool", "moat", "sources"});
    if (sources == nullptr) return line;
    if (sources->table() == nullptr)
      throw bad({fmt::format("`sources` is not a table (line {})", sources->line)});
    Expected<Requirement> requirement = Requirement::parse(line.text);
    if (!requirement || requirement->url) return line;
    for (const auto& [key, value] : *sources->table()) {
      if (normalize_name(key) != requirement->name.normalized()) continue;
      const TomlValue* workspace = value.table() != nullptr ? find_key(*value.table(), "workspace") : nullptr;
      if (workspace != nullptr && workspace->boolean() != nullptr && *workspace->boolean()) {
        line.of_workspace = true;
        return line;
      }
      const TomlValue* path = value.table() != nullptr ? find_key(*value.table(), "path") : nullptr;
      const TomlValue* editable = value.table() != nullptr ? find_key(*value.table(), "editable") : nullptr;
      if (path == nullptr || path->string() == nullptr ||
          (editable != nullptr && editable->boolean() == nullptr))
        throw bad(
            {fmt::format("the source of {} is neither {{ path = \"…\", editable = true }} nor {{ workspace = "
                         "true }} (line {})",
                         quote(key), value.line)});
      const fs::path place = (folder / *path->string()).lexically_normal();
      requirement->url =
          Url::from_path(place.has_filename() ? place.native() : place.parent_path().native()).to_string();
      requirement->specifier = {};
      line.text = requirement->to_string();
      line.editable = editable != nullptr && *editable->boolean();
      return line;
    }
    return line;
  }
  std::optional<ProjectTable> project() const {
    Expected<std::optional<ProjectTable>> table = file.project();
    if (!table) throw bad(table.error());
    return std::move(*table);
  }
  std::vector<ProjectLine> with_own_extras(const std::optional<ProjectTable>& project,
                                           const std::vector<ProjectLine>& lines) const {
    if (!project) return lines;
    Expected<std::vector<ProjectLine>> expanded = expand_own_extras(*project, lines);
    if (!expanded) throw bad(expanded.error());
    return std::move(*expanded);
  }
};

ProjectFile open_project(const fs::path& path, const SurroundingProject& around) {
  const fs::path relative = path.lexically_relative(around.working_directory);
  const bool inside = !relative.empty() && *relative.begin() != "..";
  ProjectFile project{inside ? relative.native() : path.native(), path.parent_path(), {}};
  const std::optional<std::string> text = pyproject_text(path, around);
  if (!text) throw Error(ErrorKind::BadInput, fmt::format("no such file: {}", quote(path.native())));
  Expected<PyProject> file = PyProject::parse(*text);
  if (!file) throw project.bad(file.error());
  project.file = std::move(*file);
  return project;
}

struct GroupSpec {
  fs::path pyproject;
  GroupName name;
};

// NAME, or PATH/pyproject.toml:NAME as in pip.
GroupSpec parse_group(const std::string& text, const SurroundingProject& around) {
  const std::size_t colon = text.rfind(':');
  const std::string name_text = colon == std::string::npos ? text : text.substr(colon + 1);
  Expected<GroupName> name = GroupName::parse(name_text);
  if (!name)
    throw Error(ErrorKind::Usage, fmt::format("--group: {}: {}", quote(name_text), name.error().message));
  if (colon != std::string::npos) {
    const fs::path path = (around.working_directory / text.substr(0, colon)).lexically_normal();
    if (path.filename() != "pyproject.toml")
      throw Error(ErrorKind::Usage,
                  fmt::format("--group: {} is not a pyproject.toml", quote(text.substr(0, colon))),
                  {"--group path/to/pyproject.toml:NAME"});
    return {path, std::move(*name)};
  }
  if (!around.pyproject)
    throw Error(ErrorKind::Usage, "no pyproject.toml here to take the group from",
                {"--group path/to/pyproject.toml:NAME"});
  return {*around.pyproject, std::move(*name)};
}

// Does one of the lines ask for extras of the project itself?
bool asks_itself(const std::vector<ProjectLine>& lines, const PackageName& name) {
  return std::any_of(lines.begin(), lines.end(), [&](const ProjectLine& line) {
    const Expected<Requirement> requirement = Requirement::parse(line.text);
    return requirement && requirement->name == name && !requirement->extras.empty();
  });
}

bool leaves_open(const ProjectTable& project) {
  return project.dynamic.contains("dependencies") || project.dynamic.contains("requires-python") ||
         (project.dynamic.contains("optional-dependencies") &&
          asks_itself(project.dependencies, project.name));
}

// setuptools names a project without metadata UNKNOWN: then there is no project here.
void check_has_name(const CoreMetadata& metadata, const std::string& shown) {
  if (metadata.name.normalized() != "unknown") return;
  throw Error(
      ErrorKind::BadInput,
      fmt::format("{}: there is no [project] table, and the build backend finds no project either", shown),
      {"[project] needs a `name` and a `version`; requirements go into its `dependencies`"});
}

// [project], with dynamic fields filled in; nullopt if there is no project here.
std::optional<ProjectTable> whole_table(const std::optional<ProjectFile>& file, const fs::path& folder,
                                        const AskBackend& ask) {
  std::optional<ProjectTable> table;
  if (file) table = file->project();
  if (table && !leaves_open(*table)) return table;
  const bool has_backend = file && find_key(file->file.table(), "build-system") != nullptr;
  if (!table && !has_backend && !is_setuptools_project(folder)) return std::nullopt;
  const BackendAnswer answer = ask(folder);
  check_has_name(answer.metadata, file ? file->shown : folder.native());
  if (!table) return project_table_of(answer.metadata, answer.environment);
  take_dynamic(*table, answer.metadata, answer.environment);
  return table;
}

}  // namespace

std::optional<fs::path> project_folder(const SurroundingProject& around) {
  if (around.pyproject) return around.pyproject->parent_path();
  if (is_setuptools_project(around.working_directory)) return around.working_directory;
  return std::nullopt;
}

fs::path project_lock_path(const SurroundingProject& around) {
  return *project_folder(around) / "pylock.toml";
}

ProjectFacts read_project(const fs::path& folder, const SurroundingProject& around, const AskBackend& ask) {
  std::optional<ProjectFile> file;
  if (std::error_code ignored; fs::exists(folder / "pyproject.toml", ignored))
    file = open_project(folder / "pyproject.toml", around);
  const std::optional<ProjectTable> project = whole_table(file, folder, ask);
  if (!project) return {};
  if (!file)
    file = ProjectFile{(folder / "setup.py").lexically_proximate(around.working_directory), folder, {}};
  return {project->requires_python, file->named(file->with_own_extras(project, project->dependencies))};
}

ProjectChoices read_choices(const fs::path& folder, const SurroundingProject& around, const AskBackend& ask) {
  ProjectChoices out;
  if (std::error_code ignored; !fs::exists(folder / "pyproject.toml", ignored)) return out;
  const ProjectFile file = open_project(folder / "pyproject.toml", around);
  std::optional<ProjectTable> project = whole_table(file, folder, ask);
  if (project && project->dynamic.contains("optional-dependencies")) {
    const BackendAnswer answer = ask(folder);
    take_dynamic(*project, answer.metadata, answer.environment);
  }
  if (project)
    for (const auto& [name, lines] : project->optional_dependencies)
      out.extras.emplace(name.normalized(), file.named(file.with_own_extras(project, lines)));
  const TomlValue* groups = find_key(file.file.table(), "dependency-groups");
  if (groups == nullptr || groups->table() == nullptr) return out;
  for (const auto& [text, value] : *groups->table()) {
    const Expected<GroupName> name = GroupName::parse(text);
    if (!name) throw file.bad(name.error());
    const Expected<std::vector<ProjectLine>> lines = expand_group(file.file, *name);
    if (!lines) throw file.bad(lines.error());
    out.groups.emplace(name->normalized(), file.named(file.with_own_extras(project, *lines)));
  }
  return out;
}

bool describes_project(const SurroundingProject& around) {
  if (!around.pyproject) return is_setuptools_project(around.working_directory);
  const ProjectFile file = open_project(*around.pyproject, around);
  return find_key(file.file.table(), "project") != nullptr ||
         find_path(file.file.table(), {"tool", "moat", "workspace"}) != nullptr ||
         find_key(file.file.table(), "build-system") != nullptr || is_setuptools_project(file.folder);
}

bool has_project_table(const SurroundingProject& around) {
  return around.pyproject &&
         open_project(around.member.value_or(*around.pyproject), around).project().has_value();
}

bool is_dynamic(std::string_view key, const SurroundingProject& around) {
  if (!around.pyproject) return false;
  const std::optional<ProjectTable> project =
      open_project(around.member.value_or(*around.pyproject), around).project();
  return project && project->dynamic.contains(key);
}

std::optional<ProjectName> project_name(const SurroundingProject& around) {
  if (!around.pyproject) return std::nullopt;
  const std::optional<ProjectTable> project = open_project(*around.pyproject, around).project();
  if (!project) return std::nullopt;
  return ProjectName{project->name.display(), project->version ? project->version->to_string() : ""};
}

std::optional<OwnPackage> own_package(const SurroundingProject& around) {
  const std::optional<fs::path> folder = project_folder(around);
  if (!folder) return std::nullopt;
  if (!around.pyproject) return OwnPackage{*folder, std::nullopt};
  return own_package(*folder, around);
}

namespace {

// A project of another tool may say in that tool's settings that it is only a list of
// requirements.
bool is_package_to_no_tool(const TomlTable& table) {
  const auto is_denied = [&](const char* tool, const char* key) {
    const TomlValue* said = find_path(table, {"tool", tool, key});
    return said != nullptr && said->boolean() != nullptr && !*said->boolean();
  };
  return is_denied("poetry", "package-mode") || is_denied("pdm", "distribution") ||
         is_denied("uv", "package");
}

}  // namespace

std::optional<OwnPackage> own_package(const fs::path& folder, const SurroundingProject& around) {
  const ProjectFile file = open_project(folder / "pyproject.toml", around);
  const std::optional<ProjectTable> project = file.project();
  const TomlTable& table = file.file.table();
  bool is_package = (find_key(table, "build-system") != nullptr || is_setuptools_project(folder)) &&
                    !is_package_to_no_tool(table);
  if (const TomlValue* said = find_path(table, {"tool", "moat", "package"})) {
    if (said->boolean() == nullptr)
      throw file.bad({fmt::format("`package` is not true or false (line {})", said->line)});
    is_package = *said->boolean();
  }
  if (!is_package) return std::nullopt;
  return OwnPackage{folder, project ? std::optional(project->name) : std::nullopt};
}

namespace {

void add_groups(const ProjectFile& file, std::vector<GroupName>& out) {
  const TomlValue* groups = find_key(file.file.table(), "dependency-groups");
  if (groups == nullptr) return;
  if (groups->table() == nullptr)
    throw file.bad({fmt::format("`dependency-groups` is not a table (line {})", groups->line)});
  for (const auto& [key, value] : *groups->table()) {
    Expected<GroupName> name = GroupName::parse(key);
    if (!name) throw file.bad({fmt::format("{} is not a name of a group (line {})", quote(key), value.line)});
    if (std::find(out.begin(), out.end(), *name) == out.end()) out.push_back(std::move(*name));
  }
}

}  // namespace

std::vector<GroupName> project_groups(const SurroundingProject& around) {
  if (!around.pyproject) return {};
  std::vector<GroupName> out;
  add_groups(open_project(*around.pyproject, around), out);
  for (const fs::path& member : workspace_folders(around))
    add_groups(open_project(member / "pyproject.toml", around), out);
  return out;
}

std::vector<GroupName> default_groups(const SurroundingProject& around) {
  const std::vector<GroupName> groups = project_groups(around);
  const bool is_said = !around.default_groups.empty();
  std::vector<GroupName> out;
  for (const std::string& text : is_said ? around.default_groups : std::vector<std::string>{"dev"}) {
    Expected<GroupName> name = GroupName::parse(text);
    if (name && std::find(groups.begin(), groups.end(), *name) != groups.end())
      out.push_back(std::move(*name));
    else if (is_said)
      throw Error(ErrorKind::BadInput,
                  fmt::format("`default-groups` names {}, which is not a dependency group of the project",
                              quote(text)));
  }
  return out;
}

std::optional<SpecifierSet> required_python(const fs::path& folder, const SurroundingProject& around) {
  const std::optional<ProjectTable> project = open_project(folder / "pyproject.toml", around).project();
  return project ? project->requires_python : std::nullopt;
}

std::optional<SpecifierSet> required_python(const SurroundingProject& around) {
  if (!around.pyproject) return std::nullopt;
  std::optional<SpecifierSet> out = required_python(around.pyproject->parent_path(), around);
  // One environment serves all members.
  for (const fs::path& member : workspace_folders(around)) {
    const std::optional<SpecifierSet> one = required_python(member, around);
    if (one) out = out ? out->intersected(*one) : *one;
  }
  return out;
}

std::vector<NamedLine> read_groups(const std::vector<std::string>& groups, const SurroundingProject& around,
                                   const AskBackend& ask) {
  std::vector<NamedLine> lines;
  for (const std::string& text : groups) {
    const GroupSpec spec = parse_group(text, around);
    const ProjectFile file = open_project(spec.pyproject, around);
    const Expected<std::vector<ProjectLine>> group = expand_group(file.file, spec.name);
    if (!group) throw file.bad(group.error());
    std::optional<ProjectTable> project = file.project();
    if (project && project->dynamic.contains("optional-dependencies") && asks_itself(*group, project->name)) {
      const BackendAnswer answer = ask(spec.pyproject.parent_path());
      take_dynamic(*project, answer.metadata, answer.environment);
    }
    for (NamedLine& line : file.named(file.with_own_extras(project, *group)))
      lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace moat
