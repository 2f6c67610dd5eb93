#include "resolver/files/pyproject.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

namespace moat {
namespace {

tl::unexpected<ParseError> at(const TomlValue& value, std::string_view what) {
  return error_at(value.line, what);
}

// [table] of the file; nullptr if it has none.
Expected<const TomlTable*> find_table(const TomlTable& file, std::string_view name) {
  const TomlValue* value = find_key(file, name);
  if (value == nullptr) return nullptr;
  if (value->table() == nullptr) return at(*value, fmt::format("`{}` is not a table", name));
  return value->table();
}

Expected<std::vector<std::string>> read_texts(const TomlValue& value, std::string_view key) {
  const Expected<std::vector<ProjectLine>> lines = read_project_lines(value, key);
  if (!lines) return tl::unexpected(lines.error());
  std::vector<std::string> texts;
  for (const ProjectLine& line : *lines) texts.push_back(line.text);
  return texts;
}

// A folder inside the tree: relative, with no `..` that leaves it.
bool stays_inside(std::string_view folder) {
  if (folder.empty() || folder.front() == '/') return false;
  int depth = 0;
  for (const std::string_view part : split(folder, '/')) {
    if (part.empty() || part == ".") continue;
    depth += part == ".." ? -1 : 1;
    if (depth < 0) return false;
  }
  return true;
}

Expected<std::map<ExtraName, std::vector<ProjectLine>>> read_extras(const TomlValue& value) {
  if (value.table() == nullptr) return at(value, "`optional-dependencies` is not a table");
  std::map<ExtraName, std::vector<ProjectLine>> extras;
  for (const auto& [key, list] : *value.table()) {
    Expected<ExtraName> extra = ExtraName::parse(key);
    if (!extra) return at(list, fmt::format("{} is not a name of an extra", quote(key)));
    Expected<std::vector<ProjectLine>> lines = read_project_lines(list, key);
    if (!lines) return tl::unexpected(lines.error());
    if (!extras.emplace(std::move(*extra), std::move(*lines)).second)
      return at(list, fmt::format("the extra {} is defined twice", quote(key)));
  }
  return extras;
}

}  // namespace

BuildSystem BuildSystem::legacy() {
  return {.requirements = {"setuptools>=40.8.0"},
          .backend = "setuptools.build_meta:__legacy__",
          .backend_path = {}};
}

bool ProjectTable::dependencies_are_static() const {
  return !dynamic.contains("dependencies") && !dynamic.contains("optional-dependencies") &&
         !dynamic.contains("requires-python");
}

Expected<PyProject> PyProject::parse(std::string_view text) {
  Expected<TomlTable> table = parse_toml(text);
  if (!table) return tl::unexpected(table.error());
  PyProject out;
  out.table_ = std::move(*table);
  return out;
}

Expected<BuildSystem> PyProject::build_system() const {
  const Expected<const TomlTable*> found = find_table(table_, "build-system");
  if (!found) return tl::unexpected(found.error());
  if (*found == nullptr) return BuildSystem::legacy();
  const TomlTable& table = **found;

  const TomlValue* requirements = find_key(table, "requires");
  if (requirements == nullptr)
    return at(*find_key(table_, "build-system"), "[build-system] has no `requires`");
  Expected<std::vector<std::string>> texts = read_texts(*requirements, "requires");
  if (!texts) return tl::unexpected(texts.error());

  BuildSystem system = BuildSystem::legacy();
  system.requirements = std::move(*texts);
  const TomlValue* backend = find_key(table, "build-backend");
  if (backend == nullptr) return system;
  if (backend->string() == nullptr || backend->string()->empty())
    return at(*backend, "`build-backend` is not a name");
  system.backend = *backend->string();
  if (const TomlValue* path = find_key(table, "backend-path")) {
    texts = read_texts(*path, "backend-path");
    if (!texts) return tl::unexpected(texts.error());
    for (const std::string& folder : *texts)
      if (!stays_inside(folder))
        return at(*path, fmt::format("`backend-path` leaves the source tree: {}", quote(folder)));
    system.backend_path = std::move(*texts);
  }
  return system;
}

Expected<std::optional<ProjectTable>> PyProject::project() const {
  const Expected<const TomlTable*> found = find_table(table_, "project");
  if (!found) return tl::unexpected(found.error());
  if (*found == nullptr) return std::nullopt;
  const TomlTable& table = **found;
  const TomlValue& here = *find_key(table_, "project");

  const TomlValue* name = find_key(table, "name");
  if (name == nullptr || name->string() == nullptr) return at(here, "[project] has no `name`");
  Expected<PackageName> parsed = PackageName::parse(*name->string());
  if (!parsed) return at(*name, fmt::format("`name`: {}", parsed.error().message));
  ProjectTable out{.name = std::move(*parsed),
                   .version = {},
                   .requires_python = {},
                   .dependencies = {},
                   .optional_dependencies = {},
                   .dynamic = {}};

  if (const TomlValue* dynamic = find_key(table, "dynamic")) {
    const Expected<std::vector<std::string>> keys = read_texts(*dynamic, "dynamic");
    if (!keys) return tl::unexpected(keys.error());
    out.dynamic = {keys->begin(), keys->end()};
  }
  if (const TomlValue* version = find_key(table, "version")) {
    if (version->string() == nullptr) return at(*version, "`version` is not a string");
    Expected<Version> value = Version::parse(*version->string());
    if (!value) return at(*version, fmt::format("`version`: {}", value.error().message));
    out.version = std::move(*value);
  }
  if (const TomlValue* requires_python = find_key(table, "requires-python")) {
    Expected<SpecifierSet> specifiers = read_requires_python(*requires_python);
    if (!specifiers) return tl::unexpected(specifiers.error());
    out.requires_python = std::move(*specifiers);
  }
  if (const TomlValue* dependencies = find_key(table, "dependencies")) {
    Expected<std::vector<ProjectLine>> lines = read_project_lines(*dependencies, "dependencies");
    if (!lines) return tl::unexpected(lines.error());
    out.dependencies = std::move(*lines);
  }
  if (const TomlValue* extras = find_key(table, "optional-dependencies")) {
    auto read = read_extras(*extras);
    if (!read) return tl::unexpected(read.error());
    out.optional_dependencies = std::move(*read);
  }
  return out;
}

}  // namespace moat
