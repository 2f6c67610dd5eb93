#include "cli/script.h"

#include "fetch/os/file.h"
#include "resolver/requirements_text.h"

#include <fmt/format.h>

#include <system_error>

namespace moat {

std::optional<Script> find_script(const std::vector<std::string>& command,
                                  const std::filesystem::path& working_directory) {
  if (command.empty() || !command.front().ends_with(".py")) return std::nullopt;
  const std::string& name = command.front();
  const std::filesystem::path path = (working_directory / name).lexically_normal();
  if (std::error_code ignored; !std::filesystem::is_regular_file(path, ignored)) return std::nullopt;
  const std::string bytes = read_file(path);
  if (bytes.find("# /// script") == std::string::npos) return std::nullopt;

  const auto bad = [&](const ParseError& error) {
    return Error(ErrorKind::BadInput, fmt::format("{}: {}", name, error.message));
  };
  // Python's own rules for the encoding of a source file are those of requirements files.
  const Expected<std::string> text = decode_requirements(bytes);
  if (!text) throw bad(text.error());
  Expected<std::optional<ScriptMetadata>> metadata = parse_script_metadata(*text);
  if (!metadata) throw bad(metadata.error());
  if (!*metadata) return std::nullopt;
  return Script{name, path, std::move(**metadata)};
}

}  // namespace moat
