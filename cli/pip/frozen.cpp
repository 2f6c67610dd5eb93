#include "cli/pip/frozen.h"

#include "cli/pip/place.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <vector>

namespace moat {
namespace {

using Json = nlohmann::ordered_json;

std::string text_at(const Json& document, const char* pointer) {
  const Json::json_pointer place(pointer);
  return document.contains(place) && document[place].is_string() ? document[place].get<std::string>()
                                                                 : std::string();
}

// The hash that pip names: the first of `hashes`, else the old single one.
std::string hash_of(const Json& document) {
  const Json::json_pointer hashes("/archive_info/hashes");
  if (document.contains(hashes) && document[hashes].is_object())
    for (const auto& [algorithm, hex] : document[hashes].items())
      if (hex.is_string()) return algorithm + "=" + hex.get<std::string>();
  return text_at(document, "/archive_info/hash");
}

}  // namespace

std::string name_and_version(const InstalledDistribution& distribution) {
  return fmt::format("{}=={}", distribution.name.display(), distribution.version.to_string());
}

std::string frozen_requirement(const InstalledDistribution& distribution) {
  if (!distribution.direct_url) return name_and_version(distribution);
  if (const std::optional<std::string> location = editable_location(distribution))
    return fmt::format("# Editable install with no version control ({})\n-e {}",
                       name_and_version(distribution), *location);
  const Json document = Json::parse(*distribution.direct_url, nullptr, false);
  const std::string url = document.is_object() ? text_at(document, "/url") : "";
  if (url.empty()) return name_and_version(distribution);
  std::string out = distribution.name.display() + " @ ";
  std::vector<std::string> fragments;
  if (const std::string vcs = text_at(document, "/vcs_info/vcs"); !vcs.empty()) {
    out += fmt::format("{}+{}@{}", vcs, url, text_at(document, "/vcs_info/commit_id"));
  } else {
    out += url;
    if (const std::string hash = hash_of(document); !hash.empty()) fragments.push_back(hash);
  }
  if (const std::string folder = text_at(document, "/subdirectory"); !folder.empty())
    fragments.push_back("subdirectory=" + folder);
  return fragments.empty() ? out : out + "#" + join(fragments, "&");
}

}  // namespace moat
