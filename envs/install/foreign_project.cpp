#include "envs/install/foreign_project.h"

#include "envs/environment/shell_words.h"
#include "envs/install/read_goal.h"
#include "envs/project/project_files.h"
#include "fetch/os/file.h"
#include "fetch/os/presence.h"
#include "resolver/base/redact.h"
#include "resolver/base/text.h"
#include "resolver/files/conda_environment.h"
#include "resolver/files/source_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace moat {
namespace {

template <class T>
T value_of(Expected<T> value, const fs::path& path) {
  if (!value) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", path.native(), value.error().message));
  return std::move(*value);
}

// A line of a requirements file, converted to one of a project.
void add_requirement(const RootRequirement& line, const Goal& goal, const fs::path& folder,
                     ForeignProject& project) {
  Requirement requirement = line.requirement;
  std::optional<ProjectSource> source;
  const Expected<SourceUrl> url = SourceUrl::parse(requirement.url.value_or(""));
  if (url && url->url.scheme() == "file" && url->kind != SourceKind::Git) {
    source = ProjectSource{
        fs::path(url->url.file_path()).lexically_normal().lexically_proximate(folder).generic_string(),
        goal.editables.count(requirement.name) != 0};
    requirement.url.reset();
  }
  project.requirements.push_back({{}, requirement.to_string(), std::move(source)});
}

void add_lines_of(const Goal& goal, const fs::path& folder, ForeignProject& project) {
  for (const RootRequirement& line : goal.requirements) add_requirement(line, goal, folder, project);
  for (const RootRequirement& line : goal.constraints)
    project.left_out.push_back(fmt::format(
        "the constraint {}: pyproject.toml cannot hold it; `moat add {}` adds it as a requirement",
        line.requirement.to_string(), shell_word(line.requirement.to_string())));
  for (const UnnamedRequirement& line : goal.unnamed)
    project.left_out.push_back(fmt::format("{} has no name in the file: add it with `moat add {}{}`",
                                           line.text, line.editable ? "-e " : "", shell_word(line.text)));
}

void add_pins_of(const Goal& goal, ForeignVersions& versions) {
  for (const RootRequirement& line : goal.requirements)
    if (const std::optional<Version> version = line.requirement.specifier.pinned_version())
      versions[line.requirement.name].push_back(*version);
}

// The list for pip, each line where it stands in the file.
RequirementsFile pip_lines(const CondaEnvironment& conda, const fs::path& path, const FileTerms& terms) {
  std::string text;
  std::uint32_t line = 1;
  for (const ProjectLine& one : conda.pip) {
    for (; line < one.line; ++line) text += '\n';
    text += one.text;
  }
  return read_requirements_text(path.native(), text + "\n", terms);
}

// The name of a project for which the file has none.
std::string name_of_folder(const fs::path& folder) {
  const std::string name = folder.filename();
  return PackageName::parse(name) ? name : "project";
}

// environment.yml: what conda pins, and the lines of its list for pip, which conda installs last.
ForeignImport of_conda(const fs::path& path, const SurroundingProject& around, const FileTerms& terms) {
  CondaEnvironment conda = value_of(read_conda_environment(read_named_file(path)), path);
  const RequirementsFile pip = pip_lines(conda, path, terms);
  ForeignImport out{std::move(conda.versions), std::move(conda.project)};
  std::vector<NamedLine> lines;
  for (const RequirementsEntry& entry : pip.entries) {
    if (entry.constraint)
      out.project.left_out.push_back(fmt::format(
          "the constraint {0}: pyproject.toml cannot hold it; `moat add {1}` adds it as a requirement",
          hide_credentials(entry.text), shell_word(hide_credentials(entry.text))));
    else
      lines.push_back({entry.text, entry.where, entry.editable});
  }
  if (pip.options.index_url || !pip.options.extra_index_urls.empty() || !pip.options.find_links.empty())
    out.project.left_out.emplace_back(
        "the indexes of its list for pip: `moat config set index-url URL` sets one for you");
  Goal asked;
  add_lines(lines, around.working_directory, asked);
  for (const RootRequirement& line : asked.requirements) {
    out.versions.erase(line.requirement.name);
    std::erase_if(out.project.requirements, [&](const ForeignRequirement& one) {
      return Requirement::parse(one.text)->name == line.requirement.name;
    });
  }
  const fs::path folder = around.pyproject->parent_path();
  add_pins_of(asked, out.versions);
  add_lines_of(asked, folder, out.project);
  if (out.project.name.empty()) out.project.name = name_of_folder(folder);
  if (has_project_table(around) && !out.project.requires_python.empty())
    out.project.left_out.push_back(
        fmt::format("Python {}: `requires-python` of [project] says what the project needs, and `moat python "
                    "pin` which Python is used here",
                    out.project.requires_python));
  return out;
}

// The pins of FILE; the requests come from the .in next to it, else from FILE.
ForeignImport of_requirements(const fs::path& path, const SurroundingProject& around, const FileTerms& terms,
                              Reporter& reporter) {
  ForeignImport out;
  const Goal pins = read_goal({.requirement_files = {path.native()}}, terms, reporter);
  add_pins_of(pins, out.versions);
  fs::path source = path;
  source.replace_extension(".in");
  const Goal asked = source != path && is_there(source)
                         ? read_goal({.requirement_files = {source.native()}}, terms, reporter)
                         : pins;
  add_lines_of(asked, around.pyproject->parent_path(), out.project);
  return out;
}

}  // namespace

ForeignImport read_foreign(const fs::path& path, const ProjectEdit& edit, const fs::path& pyproject,
                           const SurroundingProject& around, const FileTerms& terms, Reporter& reporter) {
  const std::string name = path.filename();
  if (name == "pylock.toml" || name == "pyproject.toml")
    throw Error(ErrorKind::Usage, fmt::format("{} is moat's own", path.native()),
                {name == "pylock.toml" ? "moat sync" : "moat lock"});
  if (name == "Pipfile.lock") {
    ForeignImport out{value_of(read_pipfile_lock(read_named_file(path)), path), {}};
    if (const fs::path pipfile = path.parent_path() / "Pipfile"; is_there(pipfile))
      out.project = value_of(read_pipfile(read_file(pipfile)), pipfile);
    return out;
  }
  if (is_yaml_name(name)) return of_conda(path, around, terms);
  if (!name.ends_with(".lock")) return of_requirements(path, around, terms, reporter);
  ForeignImport out{value_of(read_package_tables(read_named_file(path)), path), {}};
  const TomlTable table = value_of(parse_toml(edit.text()), pyproject);
  // A project that switched tools may still have both tables: the lock decides which one counts.
  if (const TomlValue* poetry = find_path(table, {"tool", "poetry"});
      name != "uv.lock" && poetry != nullptr && poetry->table() != nullptr)
    out.project = read_poetry_project(*poetry->table());
  else if (const TomlValue* uv = find_path(table, {"tool", "uv"});
           name != "poetry.lock" && uv != nullptr && uv->table() != nullptr)
    out.project = read_uv_sources(*uv->table(), edit);
  return out;
}

void add_to_project(const ForeignProject& from, ProjectEdit& edit, bool has_project,
                    std::vector<std::string>& added) {
  if (!has_project && !from.name.empty()) {
    edit.set_project("name", from.name);
    edit.set_project("version", from.version.empty() ? "0" : from.version);
    if (!from.description.empty()) edit.set_project("description", from.description);
    if (!from.requires_python.empty()) edit.set_project("requires-python", from.requires_python);
  }
  for (const ForeignRequirement& one : from.requirements) {
    const Requirement requirement = Requirement::parse(one.text).value();
    if (!one.replaces && edit.find(one.list, requirement.name, requirement.marker)) continue;
    edit.set(one.list, one.text);
    if (one.source) edit.set_source(requirement.name, *one.source);
    added.push_back(one.text + (one.list == RequirementList{} ? "" : " in " + one.list.told()));
  }
}

Pylock newest_of(const ForeignVersions& versions) {
  Pylock lock;
  for (const auto& [name, of_name] : versions)
    lock.packages.push_back({.name = name, .version = *std::max_element(of_name.begin(), of_name.end())});
  return lock;
}

}  // namespace moat
