#include "envs/project/project_conflicts.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/files/toml.h"

#include <fmt/format.h>

#include <cstdint>

namespace moat {

std::vector<std::vector<std::string>> read_conflicts(const SurroundingProject& around,
                                                     const ProjectChoices& choices) {
  std::vector<std::vector<std::string>> out;
  if (!around.pyproject) return out;
  const std::string text = pyproject_text(*around.pyproject, around).value_or("");
  const Expected<TomlTable> table = parse_toml(text);
  const auto bad = [&](const std::string& why) {
    return Error(ErrorKind::BadInput, fmt::format("{}: {}", around.pyproject->native(), why));
  };
  if (!table) throw bad(table.error().message);
  const TomlValue* conflicts = find_path(*table, {"tool", "moat", "conflicts"});
  if (conflicts == nullptr) return out;
  const auto wrong = [&](std::uint32_t line) {
    return bad(
        fmt::format("`conflicts` is not a list like [[{{ extra = \"cpu\" }}, {{ extra = \"gpu\" }}]] "
                    "(line {})",
                    line));
  };
  if (conflicts->array() == nullptr) throw wrong(conflicts->line);
  for (const TomlValue& set : *conflicts->array()) {
    if (set.array() == nullptr || set.array()->size() < 2) throw wrong(set.line);
    std::vector<std::string>& names = out.emplace_back();
    for (const TomlValue& one : *set.array()) {
      if (one.table() == nullptr) throw wrong(one.line);
      const TomlValue* extra = find_key(*one.table(), "extra");
      const TomlValue* group = find_key(*one.table(), "group");
      const TomlValue* said = extra != nullptr ? extra : group;
      if (said == nullptr || said->string() == nullptr || (extra != nullptr && group != nullptr))
        throw wrong(one.line);
      const std::string name = normalize_name(*said->string());
      const char* const kind = extra != nullptr ? "extra" : "group";
      if (!(extra != nullptr ? choices.extras : choices.groups).contains(name))
        throw bad(fmt::format("`conflicts` names the {} {}, which the project does not have (line {})", kind,
                              quote(name), said->line));
      names.push_back(fmt::format("{} {}", kind, name));
    }
  }
  return out;
}

}  // namespace moat
