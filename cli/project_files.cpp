#include "cli/project_files.h"

#include "cli/settings.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/dependency_groups.h"

#include <fmt/format.h>

namespace moat {
namespace {

// pyproject.toml, opened, and how it is called in messages.
struct ProjectFile {
  std::string shown;
  PyProject file;

  Error bad(const ParseError& error) const {
    return {ErrorKind::BadInput, fmt::format("{}: {}", shown, error.message)};
  }
  std::vector<NamedLine> named(const std::vector<ProjectLine>& lines) const {
    std::vector<NamedLine> out;
    for (const ProjectLine& line : lines) out.push_back({line.text, fmt::format("{}:{}", shown, line.line)});
    return out;
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

ProjectFile open_project(const fs::path& path, const Settings& settings) {
  const fs::path relative = path.lexically_relative(settings.working_directory);
  const bool inside = !relative.empty() && *relative.begin() != "..";
  ProjectFile project{inside ? relative.native() : path.native(), {}};
  const std::optional<std::string> text = read_file_if_exists(path);
  if (!text) throw Error(ErrorKind::BadInput, fmt::format("there is no file {}", quote(path.native())));
  Expected<PyProject> file = PyProject::parse(*text);
  if (!file) throw project.bad(file.error());
  project.file = std::move(*file);
  return project;
}

struct GroupSpec {
  fs::path pyproject;
  GroupName name;
};

// NAME, or PATH/pyproject.toml:NAME as pip has it.
GroupSpec parse_group(const std::string& text, const Settings& settings) {
  const std::size_t colon = text.rfind(':');
  const std::string name_text = colon == std::string::npos ? text : text.substr(colon + 1);
  Expected<GroupName> name = GroupName::parse(name_text);
  if (!name)
    throw Error(ErrorKind::Usage, fmt::format("--group: {}: {}", quote(name_text), name.error().message));
  if (colon != std::string::npos) {
    const fs::path path = (settings.working_directory / text.substr(0, colon)).lexically_normal();
    if (path.filename() != "pyproject.toml")
      throw Error(ErrorKind::Usage,
                  fmt::format("--group: {} is not a pyproject.toml", quote(text.substr(0, colon))),
                  {"--group path/to/pyproject.toml:NAME"});
    return {path, std::move(*name)};
  }
  if (!settings.pyproject)
    throw Error(ErrorKind::Usage, "there is no pyproject.toml here whose group could be meant",
                {"--group path/to/pyproject.toml:NAME"});
  return {*settings.pyproject, std::move(*name)};
}

}  // namespace

ProjectFacts read_project(const fs::path& pyproject, const Settings& settings) {
  const ProjectFile file = open_project(pyproject, settings);
  ProjectFacts facts;
  if (const std::optional<ProjectTable> project = file.project()) {
    facts.requires_python = project->requires_python;
    facts.dependencies = file.named(file.with_own_extras(project, project->dependencies));
  }
  return facts;
}

std::optional<SpecifierSet> required_python(const Settings& settings) {
  return settings.pyproject ? read_project(*settings.pyproject, settings).requires_python : std::nullopt;
}

std::vector<NamedLine> read_groups(const std::vector<std::string>& groups, const Settings& settings) {
  std::vector<NamedLine> lines;
  for (const std::string& text : groups) {
    const GroupSpec spec = parse_group(text, settings);
    const ProjectFile file = open_project(spec.pyproject, settings);
    const Expected<std::vector<ProjectLine>> group = expand_group(file.file, spec.name);
    if (!group) throw file.bad(group.error());
    for (NamedLine& line : file.named(file.with_own_extras(file.project(), *group)))
      lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace moat
