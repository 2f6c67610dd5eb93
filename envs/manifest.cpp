#include "envs/manifest.h"

#include "resolver/base/text.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace moat {

namespace {

constexpr std::string_view kFirstLine = "moat-manifest 1";

// Paths are bytes; a line end or a backslash in one is written as \n, \r or two backslashes.
std::string escape(std::string_view path) {
  std::string out;
  out.reserve(path.size());
  for (const char c : path) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else
      out += c;
  }
  return out;
}

std::optional<std::string> unescape(std::string_view text) {
  if (text.find('\\') == std::string_view::npos) return std::string(text);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    if (text[i] == '\\')
      out += '\\';
    else if (text[i] == 'n')
      out += '\n';
    else if (text[i] == 'r')
      out += '\r';
    else
      return std::nullopt;
  }
  return out;
}

std::string_view or_dash(std::string_view text) { return text.empty() ? "-" : text; }
std::string_view without_dash(std::string_view text) { return text == "-" ? "" : text; }

void append_octal(std::string& out, unsigned mode) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, mode, 8).ptr;
  out.append(digits, end);
}

template <class Number>
bool read_number(std::string_view text, Number& out, int base = 10) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return failure == std::errc() && end == text.data() + text.size() && (text.size() == 1 || text[0] != '0');
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return is_ascii_digit(c) || (c >= 'a' && c <= 'f'); });
}

// Commands delete what the manifest names, so a name that leaves the environment is never read from one.
bool stays_inside(std::string_view path) {
  if (path.empty() || path.front() == '/') return false;
  return std::ranges::none_of(
      split(path, '/'), [](std::string_view part) { return part.empty() || part == "." || part == ".."; });
}

// Cuts the text up to the next space off `rest`.
std::string_view next_word(std::string_view& rest) {
  const auto space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest = space == std::string_view::npos ? std::string_view() : rest.substr(space + 1);
  return word;
}

std::optional<std::string> read_package(std::string_view rest, Manifest& manifest) {
  const std::string_view whole = rest;
  ManifestPackage package;
  package.name = next_word(rest);
  package.version = next_word(rest);
  package.wheel_sha256 = without_dash(next_word(rest));
  if (package.name.empty() || package.version.empty()) return "a package needs a name and a version";
  if (!package.wheel_sha256.empty() && !is_sha256(package.wheel_sha256)) return "not a SHA-256";
  const std::string_view requested = next_word(rest);
  if (requested != "requested" && requested != "-") return "neither `requested` nor `-`";
  package.requested = requested == "requested";
  package.index = rest;
  if (whole.ends_with(' ') || rest.find(' ') != rest.npos) return "the index is not one word";
  if (!manifest.packages.empty() && manifest.packages.back().name >= package.name)
    return "packages are not sorted by name";
  manifest.packages.push_back(std::move(package));
  return std::nullopt;
}

std::optional<std::string> read_entry(std::string_view rest, Manifest& manifest) {
  ManifestEntry entry;
  entry.sha256 = next_word(rest);
  const bool numbers =
      read_number(next_word(rest), entry.size) && read_number(next_word(rest), entry.mode, 8);
  entry.owner = without_dash(next_word(rest));
  auto path = unescape(rest);
  if (!is_sha256(entry.sha256)) return "not a SHA-256";
  if (!numbers) return "size or mode is not a number";
  if (!path || !stays_inside(*path)) return "the path does not stay inside the environment";
  entry.path = std::move(*path);
  if (!manifest.entries.empty() && manifest.entries.back().path >= entry.path)
    return "files are not sorted by path";
  manifest.entries.push_back(std::move(entry));
  return std::nullopt;
}

std::optional<std::string> read_line(std::string_view line, Manifest& manifest) {
  const std::string_view kind = next_word(line);
  if (kind == "file") return read_entry(line, manifest);
  if (kind == "package") return read_package(line, manifest);
  if (kind == "runtime") {
    manifest.runtime = without_dash(line);
    return std::nullopt;
  }
  if (kind == "state") {
    if (!read_number(line, manifest.state) || manifest.state < 0) return "the state is not a number";
    return std::nullopt;
  }
  return "an unknown kind of line";
}

}  // namespace

std::string format_manifest(const Manifest& manifest) {
  std::vector<const ManifestPackage*> packages;
  for (const auto& package : manifest.packages) packages.push_back(&package);
  std::ranges::sort(packages, {}, [](const ManifestPackage* p) -> const std::string& { return p->name; });
  std::vector<const ManifestEntry*> entries;
  for (const auto& entry : manifest.entries) entries.push_back(&entry);
  std::ranges::sort(entries, {}, [](const ManifestEntry* e) -> const std::string& { return e->path; });

  std::string out;
  out.reserve(160 * (entries.size() + packages.size() + 1));
  out.append(kFirstLine).append("\nstate ").append(std::to_string(manifest.state));
  out.append("\nruntime ").append(or_dash(manifest.runtime)).append("\n");
  for (const auto* package : packages) {
    out.append("package ").append(package->name).append(" ").append(package->version).append(" ");
    out.append(or_dash(package->wheel_sha256)).append(package->requested ? " requested" : " -");
    if (!package->index.empty()) out.append(" ").append(package->index);
    out.append("\n");
  }
  for (const auto* entry : entries) {
    out.append("file ").append(entry->sha256).append(" ").append(std::to_string(entry->size)).append(" ");
    append_octal(out, entry->mode);
    out.append(" ").append(or_dash(entry->owner)).append(" ").append(escape(entry->path)).append("\n");
  }
  return out;
}

Expected<Manifest> parse_manifest(std::string_view text) {
  Manifest manifest;
  std::size_t offset = 0;
  bool first = true;
  while (offset < text.size()) {
    const auto end = text.find('\n', offset);
    if (end == std::string_view::npos) return parse_error("the last line is cut off", offset);
    const std::string_view line = text.substr(offset, end - offset);
    if (first && line != kFirstLine)
      return parse_error("the first line is " + quote(line) + ", not " + quote(kFirstLine));
    if (!first)
      if (auto reason = read_line(line, manifest)) return parse_error(std::move(*reason), offset);
    first = false;
    offset = end + 1;
  }
  if (first) return parse_error("it is empty");
  return manifest;
}

Expected<Manifest> parse_manifest_head(std::string_view text) {
  const auto files = text.find("\nfile ");
  return parse_manifest(files == std::string_view::npos ? text : text.substr(0, files + 1));
}

}  // namespace moat
