#include "fetch/index/advisories.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace moat {
namespace {

using nlohmann::json;

// "" if the key is missing, or is not a string.
std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Shortens a text that may be a whole page to one line.
std::string first_line(const std::string& text) {
  const std::vector<std::string_view> lines = split_lines(text);
  return lines.empty() ? std::string() : std::string(trim(lines.front()));
}

std::vector<std::string> texts_of(const json& object, const char* key) {
  std::vector<std::string> out;
  const auto found = object.find(key);
  if (found != object.end() && found->is_array())
    for (const json& one : *found)
      if (one.is_string()) out.push_back(one.get<std::string>());
  return out;
}

// The elements of a list that are objects.
std::vector<json> objects_of(const json& object, const char* key) {
  std::vector<json> out;
  const auto found = object.find(key);
  if (found != object.end() && found->is_array())
    std::copy_if(found->begin(), found->end(), std::back_inserter(out),
                 [](const json& one) { return one.is_object(); });
  return out;
}

// Of a range: {"introduced", "1.0"}, {"fixed", "1.2"}, in order.
std::vector<std::pair<std::string, std::string>> events_of(const json& range) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const json& event : objects_of(range, "events"))
    for (const char* kind : {"introduced", "fixed", "last_affected"})
      if (std::string text = text_of(event, kind); !text.empty()) out.emplace_back(kind, std::move(text));
  return out;
}

void add_version(const std::string& text, std::vector<Version>& versions) {
  if (Expected<Version> version = Version::parse(text)) versions.push_back(std::move(*version));
}

void sort_versions(std::vector<Version>& versions) {
  std::sort(versions.begin(), versions.end());
  versions.erase(std::unique(versions.begin(), versions.end()), versions.end());
}

bool is_withdrawn(const json& record) { return !text_of(record, "withdrawn").empty(); }

// nullopt unless it is an object with an id.
std::optional<Advisory> advisory_of(const json& record) {
  if (!record.is_object()) return std::nullopt;
  Advisory out;
  out.id = text_of(record, "id");
  if (out.id.empty()) return std::nullopt;
  out.aliases = texts_of(record, "aliases");
  out.summary = first_line(text_of(record, "summary"));
  if (out.summary.empty()) out.summary = first_line(text_of(record, "details"));
  out.link = text_of(record, "link");
  return out;
}

}  // namespace

bool Advisory::goes_by(std::string_view id_or_alias) const {
  return iequals_ascii(id, id_or_alias) ||
         std::any_of(aliases.begin(), aliases.end(),
                     [&](const std::string& alias) { return iequals_ascii(alias, id_or_alias); });
}

std::optional<Url> release_json_url(const Url& index, const PackageName& name, const Version& version) {
  std::string root = index.to_string();
  while (root.ends_with('/')) root.pop_back();
  constexpr std::string_view kSimple = "/simple";
  if (!root.ends_with(kSimple) || index.scheme() == "file") return std::nullopt;
  root.resize(root.size() - kSimple.size());
  Expected<Url> url = Url::parse(
      fmt::format("{}/pypi/{}/{}/json", root, name.normalized(), percent_encode_path(version.to_string())));
  return url ? std::optional(std::move(*url)) : std::nullopt;
}

Expected<std::vector<Advisory>> parse_release_advisories(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return parse_error("it is not a JSON object");
  std::vector<Advisory> out;
  const auto listed = document.find("vulnerabilities");
  if (listed == document.end()) return out;
  if (!listed->is_array()) return parse_error("`vulnerabilities` is not a list");
  for (const json& record : *listed) {
    std::optional<Advisory> advisory = advisory_of(record);
    if (!advisory) return parse_error("a vulnerability has no `id`");
    if (is_withdrawn(record)) continue;
    for (const std::string& version : texts_of(record, "fixed_in")) add_version(version, advisory->fixed_in);
    sort_versions(advisory->fixed_in);
    out.push_back(std::move(*advisory));
  }
  return out;
}

bool AdvisoryFolder::Range::contains(const Version& version) const {
  if (introduced && version < *introduced) return false;
  if (fixed && version >= *fixed) return false;
  return !last_affected || version <= *last_affected;
}

// Events in order: each `introduced` opens a range, `fixed` or `last_affected` closes it.
void AdvisoryFolder::Affected::add_range(const std::vector<Event>& events) {
  std::optional<Range> open;
  for (const auto& [kind, text] : events) {
    const Expected<Version> version = Version::parse(text);
    if (kind == "introduced") {
      if (open) ranges.push_back(*open);
      open = Range{};
      if (version && text != "0") open->introduced = *version;
    } else if (open && version) {
      (kind == "fixed" ? open->fixed : open->last_affected) = *version;
      if (kind == "fixed") advisory.fixed_in.push_back(*version);
      ranges.push_back(*open);
      open.reset();
    }
  }
  if (open) ranges.push_back(*open);
}

void AdvisoryFolder::add(std::string_view text, const fs::path& file) {
  const json record = json::parse(text, nullptr, false);
  const std::optional<Advisory> advisory = advisory_of(record);
  if (!advisory)
    throw Error(ErrorKind::BadInput, fmt::format("{} is not an OSV record", quote(file.native())));
  ++records_;
  if (is_withdrawn(record)) return;
  for (const json& one : objects_of(record, "affected")) {
    const auto package = one.find("package");
    if (package == one.end() || !package->is_object() || !text_of(*package, "ecosystem").starts_with("PyPI"))
      continue;
    const Expected<PackageName> name = PackageName::parse(text_of(*package, "name"));
    if (!name) continue;
    Affected entry;
    entry.advisory = *advisory;
    for (const std::string& version : texts_of(one, "versions")) add_version(version, entry.versions);
    for (const json& range : objects_of(one, "ranges"))
      if (text_of(range, "type") != "GIT") entry.add_range(events_of(range));
    sort_versions(entry.advisory.fixed_in);
    affected_.emplace(*name, std::move(entry));
  }
}

AdvisoryFolder AdvisoryFolder::read(const fs::path& folder) {
  AdvisoryFolder out;
  std::error_code failure;
  for (fs::recursive_directory_iterator it(folder, failure), end; !failure && it != end;
       it.increment(failure))
    if (it->path().extension() == ".json" && it->is_regular_file(failure))
      out.add(read_file(it->path()), it->path());
  if (failure)
    throw Error(ErrorKind::BadInput,
                fmt::format("cannot read the folder {}: {}", quote(folder.native()), failure.message()));
  return out;
}

std::vector<Advisory> AdvisoryFolder::of(const PackageName& name, const Version& version) const {
  std::vector<Advisory> out;
  const auto [begin, end] = affected_.equal_range(name);
  for (auto it = begin; it != end; ++it) {
    const Affected& entry = it->second;
    const bool listed =
        std::find(entry.versions.begin(), entry.versions.end(), version) != entry.versions.end();
    const bool in_range = std::any_of(entry.ranges.begin(), entry.ranges.end(),
                                      [&](const Range& range) { return range.contains(version); });
    if ((listed || in_range) && std::none_of(out.begin(), out.end(), [&](const Advisory& known) {
          return known.id == entry.advisory.id;
        }))
      out.push_back(entry.advisory);
  }
  return out;
}

}  // namespace moat
