#include "cli/project_files.h"

#include "fetch/os/file.h"
#include "resolver/toml.h"

#include <fmt/format.h>

namespace moat {

ProjectFacts read_project(const fs::path& pyproject) {
  const auto bad = [&](const TomlValue& value, const std::string& what) -> Error {
    return {ErrorKind::BadInput, fmt::format("{}:{}: {}", pyproject.native(), value.line, what)};
  };
  const Expected<TomlTable> table = parse_toml(read_file(pyproject));
  if (!table)
    throw Error(ErrorKind::BadInput, fmt::format("{}: {}", pyproject.native(), table.error().message));

  ProjectFacts facts;
  if (const TomlValue* value = find_path(*table, {"project", "requires-python"})) {
    if (value->string() == nullptr) throw bad(*value, "`requires-python` is not a text");
    Expected<SpecifierSet> specifiers = SpecifierSet::parse(*value->string());
    if (!specifiers) throw bad(*value, fmt::format("`requires-python`: {}", specifiers.error().message));
    facts.requires_python = std::move(*specifiers);
  }
  if (const TomlValue* value = find_path(*table, {"project", "dependencies"})) {
    if (value->array() == nullptr) throw bad(*value, "`dependencies` is not a list");
    for (const TomlValue& element : *value->array()) {
      if (element.string() == nullptr)
        throw bad(element, "`dependencies` holds something that is not a text");
      facts.dependencies.push_back(*element.string());
    }
  }
  return facts;
}

}  // namespace moat
