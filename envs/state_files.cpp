#include "envs/state_files.h"

#include "envs/environment.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <optional>

namespace moat {

namespace {

constexpr std::string_view kSettings = "pyvenv.cfg";

// pyvenv.cfg with the present format in it; nullopt where that is there, or where the file is not ours.
std::optional<std::string> converted_settings(const fs::path& environment) {
  const auto text = read_file_if_exists(environment / kSettings);
  if (!text) return std::nullopt;
  std::string out;
  bool converted = false;
  for (const std::string_view line : split_lines(*text)) {
    const auto equals = line.find('=');
    const bool names_format = equals != line.npos && ascii_lower(trim(line.substr(0, equals))) == "moat" &&
                              trim(line.substr(equals + 1)) == "1";
    converted = converted || names_format;
    out.append(names_format ? "moat = " + std::to_string(kEnvironmentFormat) : std::string(line))
        .append("\n");
  }
  return converted ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace

bool is_state_file(std::string_view path) {
  return path == ".moat/manifest" || path == kBytecodeList || path == kSettings;
}

void renew_state_files(const Change& change, const fs::path& environment,
                       const std::vector<BytecodeEntry>& bytecode, std::vector<Move>& moves) {
  const auto bring_in = [&](std::string_view path, std::string_view text) {
    write_file_atomically(change.stage() / path, text, 0644);
    moves.push_back({Move::Kind::In, change.stage_relative().append("/").append(path), std::string(path)});
  };
  const std::string list(kBytecodeList);
  moves.insert(moves.begin(), {Move::Kind::Out, list, change.history_relative() + "/" + list});
  bring_in(kBytecodeList, format_bytecode_list(bytecode));
  // In one rename over the old one: without it the environment would not be one.
  if (const auto settings = converted_settings(environment)) bring_in(kSettings, *settings);
}

}  // namespace moat
