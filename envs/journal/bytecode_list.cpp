#include "envs/journal/bytecode_list.h"

#include "envs/journal/manifest_text.h"
#include "fetch/os/file.h"

#include <algorithm>

namespace moat {

namespace {

using namespace manifest_text;

constexpr std::string_view kFirstLine = "moat-bytecode 1";

std::optional<std::string> read_entry(std::string_view line, std::vector<BytecodeEntry>& entries) {
  BytecodeEntry entry;
  entry.sha256 = next_word(line);
  const bool sized = read_number(next_word(line), entry.size);
  const std::string_view owner = next_word(line);
  entry.owner = without_dash(owner);
  auto path = unescape(line);
  if (!is_sha256(entry.sha256)) return "not a SHA-256";
  if (!sized) return "the size is not a number";
  if (owner.empty()) return "the owner is missing";
  if (!path || !stays_inside(*path)) return "the path does not stay inside the environment";
  if (!is_bytecode(*path)) return "the path is not one of bytecode";
  entry.path = std::move(*path);
  if (!entries.empty() && entries.back().path >= entry.path) return "files are not sorted by path";
  entries.push_back(std::move(entry));
  return std::nullopt;
}

// Format 1 listed it among the files. Bytecode that a wheel brought cannot be told from compiled bytecode;
// either way it belongs to the source next to it.
std::vector<BytecodeEntry> take_bytecode(Manifest& manifest) {
  std::vector<BytecodeEntry> out;
  std::vector<ManifestEntry> rest;
  rest.reserve(manifest.entries.size());
  for (ManifestEntry& entry : manifest.entries) {
    if (entry.owner.empty() || !is_bytecode(entry.path))
      rest.push_back(std::move(entry));
    else
      out.push_back({std::move(entry.path), std::move(entry.sha256), entry.size, std::move(entry.owner)});
  }
  manifest.entries = std::move(rest);
  return out;
}

}  // namespace

bool is_bytecode(std::string_view path) {
  return path.size() > 4 && path.substr(path.size() - 4) == ".pyc" && path.find("__pycache__/") != path.npos;
}

std::string format_bytecode_list(const std::vector<BytecodeEntry>& entries) {
  std::vector<const BytecodeEntry*> sorted;
  sorted.reserve(entries.size());
  for (const BytecodeEntry& entry : entries) sorted.push_back(&entry);
  std::ranges::sort(sorted, {}, [](const BytecodeEntry* e) -> const std::string& { return e->path; });
  std::string out;
  out.reserve(160 * (entries.size() + 1));
  out.append(kFirstLine).append("\n");
  for (const BytecodeEntry* entry : sorted)
    out.append(entry->sha256)
        .append(" ")
        .append(std::to_string(entry->size))
        .append(" ")
        .append(or_dash(entry->owner))
        .append(" ")
        .append(escape(entry->path))
        .append("\n");
  return out;
}

Expected<std::vector<BytecodeEntry>> parse_bytecode_list(std::string_view text) {
  std::vector<BytecodeEntry> entries;
  const std::size_t end = text.find('\n');
  if (end == text.npos || text.substr(0, end) != kFirstLine) return parse_error("the first line is unknown");
  const auto refusal =
      read_lines(text, end + 1, [&](std::string_view line) { return read_entry(line, entries); });
  if (refusal) return parse_error(refusal->reason, refusal->offset);
  return entries;
}

std::vector<BytecodeEntry> read_bytecode_list(const fs::path& folder, Manifest& manifest) {
  if (manifest.format == 1) return take_bytecode(manifest);
  const auto text = read_file_if_exists(folder / kBytecodeList);
  auto entries = parse_bytecode_list(text.value_or(""));
  return entries ? std::move(*entries) : std::vector<BytecodeEntry>();
}

}  // namespace moat
