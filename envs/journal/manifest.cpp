#include "envs/journal/manifest.h"

#include "envs/journal/manifest_text.h"
#include "resolver/base/text.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

namespace moat {

namespace {

using namespace manifest_text;

constexpr std::string_view kFirstWord = "moat-manifest ";

void append_octal(std::string& out, unsigned mode) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, mode, 8).ptr;
  out.append(digits, end);
}

template <class T>
std::vector<const T*> pointers_to(const std::vector<T>& values) {
  std::vector<const T*> out;
  out.reserve(values.size());
  for (const T& value : values) out.push_back(&value);
  return out;
}

bool comes_before(const ManifestEntry* a, const ManifestEntry* b) {
  return std::tie(a->path, a->owner) < std::tie(b->path, b->owner);
}

// ---- reading ----

std::optional<std::string> read_package(std::string_view rest, Manifest& manifest) {
  const std::string_view whole = rest;
  ManifestPackage package;
  package.name = next_word(rest);
  package.version = next_word(rest);
  package.wheel_sha256 = without_dash(next_word(rest));
  if (package.name.empty() || package.version.empty()) return "a package needs a name and a version";
  if (!package.wheel_sha256.empty() && !is_sha256(package.wheel_sha256)) return "not a SHA-256";
  const std::string_view requested = next_word(rest);
  if (requested != "requested" && requested != "-") return "expected `requested` or `-`";
  package.requested = requested == "requested";
  package.index = rest;
  if (whole.ends_with(' ') || rest.find(' ') != rest.npos) return "the index is not one word";
  if (!manifest.packages.empty() && manifest.packages.back().name >= package.name)
    return "packages are not sorted by name";
  manifest.packages.push_back(std::move(package));
  return std::nullopt;
}

bool is_kind(std::string_view word) {
  return !word.empty() &&
         std::ranges::all_of(word, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

std::optional<std::string> read_request(std::string_view rest, Manifest& manifest) {
  ManifestRequest request;
  request.name = next_word(rest);
  const std::string_view by = next_word(rest);
  request.kind = next_word(rest);
  auto origin = unescape_word(next_word(rest));
  auto requirement = unescape(rest);
  if (request.name.empty() || !requirement || requirement->empty())
    return "a request needs a name and a requirement";
  if (by != "moat" && by != "pip") return "expected `moat` or `pip`";
  if (!is_kind(request.kind) || !origin) return "the origin of a request is damaged";
  request.binding = by == "moat";
  request.origin = std::move(*origin);
  request.requirement = std::move(*requirement);
  if (!manifest.requests.empty() && !(manifest.requests.back() < request)) return "requests are not sorted";
  manifest.requests.push_back(std::move(request));
  return std::nullopt;
}

std::optional<std::string> read_fields(std::string_view rest, ManifestEntry& entry) {
  entry.sha256 = next_word(rest);
  const bool numbers =
      read_number(next_word(rest), entry.size) && read_number(next_word(rest), entry.mode, 8);
  entry.owner = without_dash(next_word(rest));
  auto path = unescape(rest);
  if (!is_sha256(entry.sha256)) return "not a SHA-256";
  if (!numbers) return "size or mode is not a number";
  if (!path || !stays_inside(*path)) return "the path does not stay inside the environment";
  entry.path = std::move(*path);
  return std::nullopt;
}

std::optional<std::string> read_entry(std::string_view rest, Manifest& manifest) {
  ManifestEntry entry;
  if (auto reason = read_fields(rest, entry)) return reason;
  if (!manifest.entries.empty() && manifest.entries.back().path >= entry.path)
    return "files are not sorted by path";
  manifest.entries.push_back(std::move(entry));
  return std::nullopt;
}

std::optional<std::string> read_other(std::string_view rest, Manifest& manifest) {
  ManifestEntry other;
  if (auto reason = read_fields(rest, other)) return reason;
  if (manifest.entries.empty() || manifest.entries.back().path != other.path)
    return "the line before is not about the same file";
  if (other.owner.empty() || other.owner == manifest.entries.back().owner)
    return "another owner of a file has to be another package";
  if (!manifest.others.empty() && !comes_before(&manifest.others.back(), &other))
    return "other owners are not sorted";
  manifest.others.push_back(std::move(other));
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
  if (manifest.format >= 2) {
    if (kind == "other") return read_other(line, manifest);
    if (kind == "request") return read_request(line, manifest);
    if (kind.starts_with('+')) return std::nullopt;  // of a later moat, which marks it as skippable
  }
  return "an unknown kind of line";
}

void append_entry(std::string& out, std::string_view kind, const ManifestEntry& entry) {
  out.append(kind).append(entry.sha256).append(" ").append(std::to_string(entry.size)).append(" ");
  append_octal(out, entry.mode);
  out.append(" ").append(or_dash(entry.owner)).append(" ").append(escape(entry.path)).append("\n");
}

}  // namespace

std::string format_manifest(const Manifest& manifest) {
  auto packages = pointers_to(manifest.packages);
  std::ranges::sort(packages, {}, [](const ManifestPackage* p) -> const std::string& { return p->name; });
  auto requests = pointers_to(manifest.requests);
  std::ranges::sort(requests, [](const auto* a, const auto* b) { return *a < *b; });
  auto entries = pointers_to(manifest.entries);
  std::ranges::sort(entries, {}, [](const ManifestEntry* e) -> const std::string& { return e->path; });
  auto others = pointers_to(manifest.others);
  std::ranges::sort(others, comes_before);

  std::string out;
  out.reserve(160 * (entries.size() + packages.size() + 1));
  out.append(kFirstWord).append(std::to_string(kManifestFormat));
  out.append("\nstate ").append(std::to_string(manifest.state));
  out.append("\nruntime ").append(or_dash(manifest.runtime)).append("\n");
  for (const auto* package : packages) {
    out.append("package ").append(package->name).append(" ").append(package->version).append(" ");
    out.append(or_dash(package->wheel_sha256)).append(package->requested ? " requested" : " -");
    if (!package->index.empty()) out.append(" ").append(package->index);
    out.append("\n");
  }
  for (const auto* request : requests) {
    out.append("request ").append(request->name).append(request->binding ? " moat " : " pip ");
    out.append(request->kind).append(" ").append(escape_word(request->origin));
    out.append(" ").append(escape(request->requirement)).append("\n");
  }
  auto other = others.begin();
  for (const auto* entry : entries) {
    append_entry(out, "file ", *entry);
    for (; other != others.end() && (*other)->path == entry->path; ++other)
      append_entry(out, "other ", **other);
  }
  return out;
}

Expected<Manifest> parse_manifest(std::string_view text) {
  if (text.empty()) return parse_error("it is empty");
  Manifest manifest;
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return parse_error("the last line is cut off");
  const std::string_view first = text.substr(0, end);
  if (!first.starts_with(kFirstWord) || !read_number(first.substr(kFirstWord.size()), manifest.format) ||
      manifest.format < 1)
    return parse_error("the first line is " + quote(first) + ", not " +
                       quote(std::string(kFirstWord) + std::to_string(kManifestFormat)));
  if (manifest.format > kManifestFormat)
    return parse_error("it has format " + std::to_string(manifest.format) +
                       ", and this moat reads formats up to " + std::to_string(kManifestFormat));
  const auto refusal =
      read_lines(text, end + 1, [&](std::string_view line) { return read_line(line, manifest); });
  if (refusal) return parse_error(refusal->reason, refusal->offset);
  return manifest;
}

Expected<Manifest> parse_manifest_head(std::string_view text) {
  const auto files = text.find("\nfile ");
  return parse_manifest(files == std::string_view::npos ? text : text.substr(0, files + 1));
}

}  // namespace moat
