#include "resolver/files/script_metadata.h"

#include "resolver/base/text.h"
#include "resolver/pep/requirement.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace moat {
namespace {

constexpr std::string_view kMark = "# ///";

// Lines as Python reads a text file: \n, \r\n and \r end one, nothing else does.
using Lines = std::vector<std::string_view>;

bool is_content(std::string_view line) { return line == "#" || line.substr(0, 2) == "# "; }

// TYPE of `# /// TYPE`; empty for other lines.
std::string_view opened_type(std::string_view line) {
  if (line.substr(0, kMark.size() + 1) != "# /// ") return {};
  const std::string_view type = line.substr(kMark.size() + 1);
  const bool valid =
      std::all_of(type.begin(), type.end(), [](char c) { return is_ascii_alnum(c) || c == '-'; });
  return valid ? type : std::string_view();
}

// The line that closes the block begun on line `first`: the last `# ///` before the first line that could not
// be content. There is at least one line between; 0 where nothing closes it.
std::size_t closing_line(const Lines& lines, std::size_t first) {
  std::size_t closing = 0;
  for (std::size_t i = first + 1; i < lines.size() && is_content(lines[i]); ++i)
    if (lines[i] == kMark && i > first + 1) closing = i;
  return closing;
}

struct Block {
  std::size_t first = 0, last = 0;  // the lines of the markers
};

Expected<std::optional<Block>> find_block(const Lines& lines) {
  std::optional<Block> found;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view type = opened_type(lines[i]);
    const std::size_t closing = type.empty() ? 0 : closing_line(lines, i);
    if (closing == 0) continue;
    if (type == "script") {
      if (found)
        return parse_error(
            fmt::format("there are two `# /// script` blocks (lines {} and {})", found->first + 1, i + 1));
      found = Block{i, closing};
    }
    i = closing;
  }
  return found;
}

// The block as TOML, with the same line numbers as in the script.
std::string toml_of(const Lines& lines, const Block& block) {
  std::string toml(block.first + 1, '\n');
  for (std::size_t i = block.first + 1; i < block.last; ++i) {
    toml += lines[i].substr(std::min<std::size_t>(2, lines[i].size()));
    toml += '\n';
  }
  return toml;
}

Expected<ScriptMetadata> read_block(const TomlTable& table) {
  ScriptMetadata script;
  if (const TomlValue* dependencies = find_key(table, "dependencies")) {
    Expected<std::vector<ProjectLine>> lines = read_project_lines(*dependencies, "dependencies");
    if (!lines) return tl::unexpected(lines.error());
    script.dependencies = std::move(*lines);
  }
  if (const TomlValue* requires_python = find_key(table, "requires-python")) {
    Expected<SpecifierSet> specifiers = read_requires_python(*requires_python);
    if (!specifiers) return tl::unexpected(specifiers.error());
    script.requires_python = std::move(*specifiers);
  }
  if (const TomlValue* tool = find_key(table, "tool")) {
    if (tool->table() == nullptr) return error_at(tool->line, "`tool` is not a table");
    script.tool = *tool->table();
  }
  return script;
}

}  // namespace

Expected<std::optional<ScriptMetadata>> parse_script_metadata(std::string_view text) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  const Lines lines = split_lines(text);
  const Expected<std::optional<Block>> block = find_block(lines);
  if (!block) return tl::unexpected(block.error());
  if (!*block) return std::nullopt;
  const Expected<TomlTable> table = parse_toml(toml_of(lines, **block));
  if (!table) return tl::unexpected(table.error());
  Expected<ScriptMetadata> script = read_block(*table);
  if (!script) return tl::unexpected(script.error());
  return std::optional(std::move(*script));
}

std::string ScriptParts::text() const {
  std::string out = before;
  std::size_t at = 0;
  while (at < toml.size()) {
    const std::size_t end = std::min(toml.find('\n', at), toml.size() - 1) + 1;
    const std::string_view line = std::string_view(toml).substr(at, end - at);
    out += line == "\n" || line == "\r\n" ? "#" : "# ";
    out += line;
    at = end;
  }
  return out + after;
}

namespace {

// PEP 263: a comment that names the encoding, which counts in the first two lines only.
bool names_encoding(std::string_view line) {
  return line.starts_with('#') &&
         (line.find("coding:") != std::string_view::npos || line.find("coding=") != std::string_view::npos);
}

}  // namespace

Expected<ScriptParts> take_script_apart(std::string_view text) {
  const std::string_view mark = text.substr(0, 3) == "\xEF\xBB\xBF" ? text.substr(0, 3) : text.substr(0, 0);
  const Lines lines = split_lines(text.substr(mark.size()));
  const auto begin_of = [&](std::size_t line) {
    return line < lines.size() ? static_cast<std::size_t>(lines[line].data() - text.data()) : text.size();
  };
  const Expected<std::optional<Block>> block = find_block(lines);
  if (!block) return tl::unexpected(block.error());
  ScriptParts out;
  if (!*block) {
    std::size_t first = !lines.empty() && lines[0].starts_with("#!") ? 1 : 0;
    for (std::size_t i = 0; i < std::min<std::size_t>(2, lines.size()); ++i)
      if (names_encoding(lines[i])) first = i + 1;
    const std::size_t at = begin_of(first);
    const std::string end = text.find("\r\n") != std::string_view::npos ? "\r\n" : "\n";
    out.before = text.substr(0, at);
    if (!out.before.empty() && !out.before.ends_with('\n') && at != mark.size()) out.before += end;
    out.before += fmt::format("{} script{}", kMark, end);
    out.after = fmt::format("{}{}{}", kMark, end, text.substr(at));
    return out;
  }
  out.before = text.substr(0, begin_of((*block)->first + 1));
  out.after = text.substr(begin_of((*block)->last));
  for (std::size_t i = (*block)->first + 1; i < (*block)->last; ++i) {
    const std::string_view whole = text.substr(begin_of(i), begin_of(i + 1) - begin_of(i));
    out.toml += whole.substr(std::min<std::size_t>(lines[i] == "#" ? 1 : 2, whole.size()));
  }
  return out;
}

}  // namespace moat
