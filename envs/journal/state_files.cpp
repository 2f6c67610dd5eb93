#include "envs/journal/state_files.h"

#include "envs/launcher/image.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <algorithm>
#include <map>
#include <optional>

namespace moat {

namespace {

constexpr std::string_view kSettings = "pyvenv.cfg";

// Its names in bin, and the private binary where that is the launcher too: python, python3, python3.13t,
// pypy3.10.
bool is_launcher(std::string_view path) {
  bool in_bin = false;
  for (const std::string_view folder : {"bin/", ".moat/rt/bin/"})
    if (!in_bin && path.starts_with(folder)) {
      path.remove_prefix(folder.size());
      in_bin = true;
    }
  if (!in_bin || !(path.starts_with("python") || path.starts_with("pypy"))) return false;
  path.remove_prefix(path.starts_with("python") ? 6 : 4);
  return std::ranges::all_of(path, [](char c) { return is_ascii_digit(c) || c == '.' || c == 't'; });
}

// pyvenv.cfg changed to the current format; nullopt if it is current already, or if it is not ours.
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
  return path == ".moat/manifest" || path == kBytecodeList || path == kSettings || is_launcher(path);
}

void renew_launcher(const Change& change, const Manifest& before, Manifest& manifest,
                    std::vector<Move>& moves) {
  std::map<std::string_view, const ManifestEntry*> present;
  for (const ManifestEntry& entry : before.entries)
    if (entry.owner.empty() && is_launcher(entry.path)) present.emplace(entry.path, &entry);
  const auto first = present.find("bin/python");
  const std::string old = first == present.end() ? "" : first->second->sha256;
  const std::string_view image = launcher_image();
  const std::string sha256 = hash_bytes(image).hex;
  for (ManifestEntry& entry : manifest.entries) {
    const auto known = entry.owner.empty() ? present.find(entry.path) : present.end();
    if (known == present.end()) continue;
    entry = *known->second;  // when an older state returns
    if (before.format != 1 || old.empty() || entry.sha256 != old || old == sha256) continue;
    const fs::path staged = change.stage() / entry.path;
    make_directories(staged.parent_path());
    write_file_atomically(staged, image, 0755);
    moves.push_back({Move::Kind::In, change.stage_relative() + "/" + entry.path, entry.path});
    entry.sha256 = sha256;
    entry.size = image.size();
  }
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
  // One rename over the old file: without it the folder would not be an environment.
  if (const auto settings = converted_settings(environment)) bring_in(kSettings, *settings);
}

}  // namespace moat
