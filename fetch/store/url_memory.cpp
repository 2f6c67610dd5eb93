#include "fetch/store/url_memory.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

namespace moat {
namespace {

std::string key_of(const Artifact& artifact) {
  return artifact.url.without_credentials().without_fragment().to_string();
}

}  // namespace

HttpHeaders condition_of(const HttpResponse& response) {
  if (const std::string* tag = response.header("etag")) return {{"If-None-Match", *tag}};
  if (const std::string* date = response.header("last-modified")) return {{"If-Modified-Since", *date}};
  return {};
}

std::filesystem::path UrlMemory::file_of(const std::string& key) const {
  return folder_ / hash_bytes(key).hex;
}

std::optional<UrlMemory::Known> UrlMemory::find(const Artifact& artifact) const {
  const std::string key = key_of(artifact);
  const auto text = read_file_if_exists(file_of(key));
  if (!text) return std::nullopt;
  const std::vector<std::string_view> lines = split_lines(*text);
  const auto sha256 = lines.empty() ? Expected<Digest>(parse_error("")) : Digest::parse(lines[0]);
  if (!sha256 || sha256->algorithm != "sha256") return std::nullopt;
  Known known{*sha256, {}, true};
  if (lines.size() > 1)
    if (const std::size_t colon = lines[1].find(": "); colon != std::string_view::npos)
      known.condition.emplace_back(lines[1].substr(0, colon), lines[1].substr(colon + 2));
  if (doubts_) known.confirmed = seen_.with([&](const auto& seen) { return seen.contains(key); });
  return known;
}

void UrlMemory::confirm(const Artifact& artifact) const {
  seen_.with([key = key_of(artifact)](auto& seen) { seen.insert(key); });
}

void UrlMemory::remember(const Artifact& artifact, const Digest& sha256, const HttpHeaders& condition) const {
  std::string text = sha256.to_string() + "\n";
  for (const auto& [name, value] : condition) text += name + ": " + value + "\n";
  write_file_atomically(file_of(key_of(artifact)), text);
  confirm(artifact);
}

}  // namespace moat
