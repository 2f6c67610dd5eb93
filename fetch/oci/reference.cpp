#include "fetch/oci/reference.h"

#include "resolver/base/text.h"

#include <algorithm>

namespace moat {
namespace {

constexpr std::size_t kMostName = 255, kMostTag = 128;

bool is_lower_or_digit(char c) { return is_ascii_digit(c) || is_ascii_lower(c); }
bool is_separator(char c) { return c == '.' || c == '_' || c == '-'; }

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_component(std::string_view text) {
  if (text.empty() || !is_lower_or_digit(text.front()) || !is_lower_or_digit(text.back())) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_lower_or_digit(text[i])) continue;
    if (!is_separator(text[i])) return false;
    std::size_t end = i;
    while (is_separator(text[end])) ++end;  // ends: the last character is none
    const std::string_view run = text.substr(i, end - i);
    if (run.size() > 1 && run != "__" && run.find_first_not_of('-') != run.npos) return false;
    i = end - 1;
  }
  return true;
}

bool is_repository(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '/');
  return text.size() <= kMostName && std::ranges::all_of(parts, is_component);
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kMostTag && text.front() != '.' && text.front() != '-' &&
         std::ranges::all_of(text, [](char c) { return is_ascii_alnum(c) || is_separator(c); });
}

bool is_host(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const bool has_port = colon != text.npos && text.back() != ']';
  if (has_port && (colon + 1 == text.size() || !std::ranges::all_of(text.substr(colon + 1), is_ascii_digit)))
    return false;
  const std::string_view name = text.substr(0, has_port ? colon : text.npos);
  if (name.size() > 2 && name.front() == '[' && name.back() == ']')
    return name.find_first_not_of("0123456789abcdef:.", 1) == name.size() - 1;
  return !name.empty() &&
         std::ranges::all_of(name, [](char c) { return is_lower_or_digit(c) || c == '.' || c == '-'; });
}

}  // namespace

Expected<RegistryReference> RegistryReference::parse(std::string_view text) {
  if (!text.starts_with(kOciScheme)) return parse_error("it does not begin with oci://");
  std::string_view rest = text.substr(kOciScheme.size());
  const std::size_t slash = rest.find('/');
  if (slash == rest.npos) return parse_error("it names no repository: oci://HOST/REPOSITORY:TAG");
  RegistryReference out{
      .host = ascii_lower(rest.substr(0, slash)), .repository = {}, .tag = {}, .digest = {}};
  if (!is_host(out.host)) return parse_error(quote(out.host) + " is not a host");
  if (out.host == "docker.io" || out.host == "index.docker.io") out.host = kDockerHub;
  rest = rest.substr(slash + 1);
  if (const std::size_t at = rest.find('@'); at != rest.npos) {
    auto digest = Digest::parse(rest.substr(at + 1));
    if (!digest || digest->algorithm != "sha256")
      return parse_error(quote(rest.substr(at + 1)) + " is not a sha256 digest");
    out.digest = std::move(*digest);
    rest = rest.substr(0, at);
  }
  const std::size_t colon = rest.rfind(':');
  out.repository = rest.substr(0, colon);
  if (!is_repository(out.repository))
    return parse_error(quote(out.repository) +
                       " is not a repository: lower case letters, digits, `.`, `_`, `-` and `/`");
  if (colon != rest.npos) out.tag = rest.substr(colon + 1);
  if (colon != rest.npos && !is_tag(out.tag)) return parse_error(quote(out.tag) + " is not a tag");
  if (out.tag.empty() && !out.digest) out.tag = "latest";
  return out;
}

std::string RegistryReference::to_string() const {
  std::string out(kOciScheme);
  out += host + "/" + repository;
  if (!tag.empty()) out += ":" + tag;
  if (digest) out += "@" + digest->to_string();
  return out;
}

}  // namespace moat
