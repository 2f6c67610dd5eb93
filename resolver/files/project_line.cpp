#include "resolver/files/project_line.h"

#include <fmt/format.h>

namespace moat {

tl::unexpected<ParseError> error_at(std::uint32_t line, std::string_view what) {
  return parse_error(fmt::format("{} (line {})", what, line));
}

Expected<std::vector<ProjectLine>> read_project_lines(const TomlValue& value, std::string_view key) {
  if (value.array() == nullptr) return error_at(value.line, fmt::format("`{}` is not a list", key));
  std::vector<ProjectLine> lines;
  for (const TomlValue& element : *value.array()) {
    if (element.string() == nullptr)
      return error_at(element.line, fmt::format("`{}` holds something that is not a string", key));
    lines.push_back({*element.string(), element.line});
  }
  return lines;
}

Expected<SpecifierSet> read_requires_python(const TomlValue& value) {
  if (value.string() == nullptr) return error_at(value.line, "`requires-python` is not a string");
  Expected<SpecifierSet> specifiers = SpecifierSet::parse(*value.string());
  if (!specifiers)
    return error_at(value.line, fmt::format("`requires-python`: {}", specifiers.error().message));
  return specifiers;
}

}  // namespace moat
