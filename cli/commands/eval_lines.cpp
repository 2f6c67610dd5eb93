#include "cli/commands/eval_lines.h"

#include "resolver/base/text.h"
#include "resolver/lock/lockfile.h"
#include "resolver/pep/dist_filename.h"
#include "resolver/pep/marker.h"
#include "resolver/pep/metadata.h"
#include "resolver/pep/requirement.h"
#include "resolver/pep/specifier.h"
#include "resolver/pep/tag.h"
#include "resolver/pep/version.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <istream>
#include <ostream>
#include <set>
#include <vector>

namespace moat {
namespace {

using Json = nlohmann::ordered_json;

// Thrown to end the evaluation of one line.
struct Invalid {
  std::string message;
  std::optional<std::size_t> offset;
};

template <class T>
T valid(Expected<T> result) {
  if (!result) throw Invalid{result.error().message, result.error().offset};
  return std::move(*result);
}

const Json& member(const Json& in, const char* key) {
  const auto found = in.find(key);
  if (found == in.end()) throw Invalid{std::string("`") + key + "` is missing", std::nullopt};
  return *found;
}

std::string text(const Json& value, const char* key) {
  if (!value.is_string()) throw Invalid{std::string("`") + key + "` must be a string", std::nullopt};
  return value.get<std::string>();
}
std::string text_member(const Json& in, const char* key) { return text(member(in, key), key); }
std::string text_member_or(const Json& in, const char* key, std::string otherwise) {
  const auto found = in.find(key);
  return found == in.end() || found->is_null() ? std::move(otherwise) : text(*found, key);
}
std::vector<std::string> text_list(const Json& value, const char* key) {
  if (!value.is_array()) throw Invalid{std::string("`") + key + "` must be a list", std::nullopt};
  std::vector<std::string> out;
  for (const Json& item : value) out.push_back(text(item, key));
  return out;
}
std::vector<std::string> text_list_or_none(const Json& in, const char* key) {
  const auto found = in.find(key);
  return found == in.end() || found->is_null() ? std::vector<std::string>() : text_list(*found, key);
}

// Integers above 2^63-1 are decimal strings.
Json number(const VersionNumber& value) {
  const std::optional<std::uint64_t> small = value.as_uint64();
  if (small && *small <= static_cast<std::uint64_t>(INT64_MAX)) return *small;
  return value.to_string();
}
Json number(const std::optional<VersionNumber>& value) { return value ? number(*value) : Json(); }

Json describe(const Version& version) {
  Json release = Json::array();
  for (const VersionNumber& part : version.release()) release.push_back(number(part));
  constexpr std::array<const char*, 3> kKinds = {"a", "b", "rc"};
  Json pre;
  if (version.pre())
    pre = Json::array(
        {kKinds.at(static_cast<std::size_t>(version.pre()->kind)), number(version.pre()->number)});
  return {{"normalized", version.to_string()},
          {"epoch", number(version.epoch())},
          {"release", std::move(release)},
          {"pre", std::move(pre)},
          {"post", number(version.post())},
          {"dev", number(version.dev())},
          {"local", version.has_local() ? Json(version.local_to_string()) : Json()},
          {"is_prerelease", version.is_prerelease()}};
}

bool flag(const Json& in, const char* key) {
  const auto found = in.find(key);
  if (found == in.end() || found->is_null()) return false;
  if (!found->is_boolean()) throw Invalid{std::string("`") + key + "` must be true or false", std::nullopt};
  return found->get<bool>();
}

// Facts derived from the version, which a caller without PEP 440 would have to compute.
void add_details(const Version& version, Json& out) {
  out["is_postrelease"] = version.is_postrelease();
  out["is_devrelease"] = version.is_devrelease();
  out["base_version"] = version.base().to_string();
  out["public"] = version.without_local().to_string();
  out["canonical"] = version.canonical_key();
}

Json eval_version(const Json& in) {
  if (in.contains("compare")) {
    const std::vector<std::string> two = text_list(in["compare"], "compare");
    if (two.size() != 2) throw Invalid{"`compare` takes two versions", std::nullopt};
    const std::strong_ordering order = valid(Version::parse(two[0])) <=> valid(Version::parse(two[1]));
    return {{"result", std::is_lt(order) ? -1 : std::is_gt(order) ? 1 : 0}};
  }
  if (in.contains("sort")) {
    std::vector<std::pair<Version, std::string>> versions;
    for (const std::string& item : text_list(in["sort"], "sort"))
      versions.emplace_back(valid(Version::parse(item)), item);
    std::stable_sort(versions.begin(), versions.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    Json sorted = Json::array();
    for (const auto& [version, as_written] : versions) sorted.push_back(as_written);
    return {{"sorted", std::move(sorted)}};
  }
  const Version version = valid(Version::parse(text_member(in, "version")));
  Json out = describe(version);
  if (flag(in, "details")) add_details(version, out);
  return out;
}

Prereleases prereleases_member(const Json& in) {
  const auto found = in.find("prereleases");
  if (found == in.end() || found->is_null()) return Prereleases::IfNecessary;
  if (!found->is_boolean()) throw Invalid{"`prereleases` must be true, false or null", std::nullopt};
  return found->get<bool>() ? Prereleases::Allow : Prereleases::Forbid;
}

// `===` compares texts, so a text that is not a version may match.
bool holds_text(const SpecifierSet& set, const std::string& text) {
  return !set.empty() &&
         std::all_of(set.clauses().begin(), set.clauses().end(), [&](const Specifier& clause) {
           return clause.op() == Operator::ArbitraryEqual && ascii_lower(clause.text()) == ascii_lower(text);
         });
}

Json eval_specifier(const Json& in) {
  if (in.contains("intersect")) {
    SpecifierSet all;
    for (const std::string& item : text_list(in["intersect"], "intersect"))
      all = all.intersected(valid(SpecifierSet::parse(item)));
    return {{"normalized", all.to_string()}};
  }
  const SpecifierSet set = valid(SpecifierSet::parse(text_member(in, "specifier")));
  Json out = {{"normalized", set.to_string()}};
  if (!in.contains("versions")) return out;

  const Prereleases policy = prereleases_member(in);
  const std::vector<std::string> texts = text_list(in["versions"], "versions");
  struct Held {
    const std::string* text;
    bool prerelease;
  };
  Json contains = Json::array();
  std::vector<Held> held;
  for (const std::string& item : texts) {
    const Expected<Version> version = Version::parse(item);
    const bool prerelease = version && version->is_prerelease();
    const bool holds = (version ? set.contains(*version, item) : holds_text(set, item)) &&
                       !(policy == Prereleases::Forbid && prerelease);
    contains.push_back(holds);
    if (holds) held.push_back({&item, prerelease});
  }
  // Pre-releases are kept if they are allowed, or if there are no others.
  const bool all = policy == Prereleases::Allow ||
                   std::all_of(held.begin(), held.end(), [](const Held& one) { return one.prerelease; });
  Json filtered = Json::array();
  for (const Held& one : held)
    if (all || !one.prerelease) filtered.push_back(*one.text);
  out["contains"] = std::move(contains);
  out["filter"] = std::move(filtered);
  return out;
}

MarkerEnvironment environment_from(const Json& in) {
  if (!in.is_object()) throw Invalid{"`environment` must be an object", std::nullopt};
  MarkerEnvironment environment;
  const std::pair<const char*, std::string MarkerEnvironment::*> fields[] = {
      {"os_name", &MarkerEnvironment::os_name},
      {"sys_platform", &MarkerEnvironment::sys_platform},
      {"platform_machine", &MarkerEnvironment::platform_machine},
      {"platform_python_implementation", &MarkerEnvironment::platform_python_implementation},
      {"platform_release", &MarkerEnvironment::platform_release},
      {"platform_system", &MarkerEnvironment::platform_system},
      {"platform_version", &MarkerEnvironment::platform_version},
      {"python_version", &MarkerEnvironment::python_version},
      {"python_full_version", &MarkerEnvironment::python_full_version},
      {"implementation_name", &MarkerEnvironment::implementation_name},
      {"implementation_version", &MarkerEnvironment::implementation_version}};
  for (const auto& [key, field] : fields) environment.*field = text_member_or(in, key, "");
  return environment;
}

template <class NameType>
std::set<NameType> names_member(const Json& in, const char* key) {
  std::set<NameType> out;
  for (const std::string& item : text_list_or_none(in, key)) out.insert(valid(NameType::parse(item)));
  return out;
}

Json eval_marker(const Json& in) {
  const bool lock = in.contains("dependency_groups");
  const Marker marker = valid(
      Marker::parse(text_member(in, "marker"), lock ? MarkerContext::LockFile : MarkerContext::Requirement));
  Json out = {{"normalized", marker.to_string()}};
  if (in.contains("environment"))
    out["result"] =
        marker.evaluate(environment_from(in["environment"]), names_member<ExtraName>(in, "extras"),
                        names_member<GroupName>(in, "dependency_groups"));
  return out;
}

Json eval_requirement(const Json& in) {
  const Requirement requirement = valid(Requirement::parse(text_member(in, "requirement")));
  Json extras = Json::array();
  for (const ExtraName& extra : requirement.extras) extras.push_back(extra.display());
  return {{"name", requirement.name.display()},
          {"extras", std::move(extras)},
          {"specifier", requirement.specifier.to_string()},
          {"url", requirement.url ? Json(*requirement.url) : Json()},
          {"marker", requirement.marker ? Json(requirement.marker->to_string()) : Json()}};
}

Json eval_name(const Json& in) {
  const std::string name = text_member(in, "name");
  const PackageName parsed = valid(PackageName::parse(name));
  return {{"normalized", parsed.normalized()}, {"is_normalized", parsed.normalized() == name}};
}

Json eval_wheel(const Json& in) {
  const WheelFilename wheel = valid(WheelFilename::parse(text_member(in, "filename")));
  Json build = Json::array();
  if (wheel.build.number) build = Json::array({number(*wheel.build.number), wheel.build.rest});
  std::set<std::string> tags;
  for (const Tag& tag : wheel.tags) tags.insert(tag.to_string());
  return {{"name", wheel.name.normalized()},
          {"version", wheel.version.to_string()},
          {"build", std::move(build)},
          {"tags", tags}};
}

Json eval_sdist(const Json& in) {
  const SdistFilename sdist = valid(SdistFilename::parse(text_member(in, "filename")));
  return {{"name", sdist.name.normalized()}, {"version", sdist.version.to_string()}};
}

// {"tag": "py2.py3-none-any"} → the tags that it stands for.
Json eval_tag(const Json& in) {
  std::set<std::string> tags;
  for (const Tag& tag : valid(parse_tags(text_member(in, "tag")))) tags.insert(tag.to_string());
  return {{"tags", tags}};
}

// The files that the target accepts, and the one it prefers.
void add_choice(const std::vector<std::string>& filenames, const std::vector<Tag>& tags, Json& out) {
  const TagSet set(tags);
  Json supported = Json::array();
  std::optional<std::size_t> best_rank;
  BuildTag best_build;
  Json best;
  for (const std::string& filename : filenames) {
    const Expected<WheelFilename> wheel = WheelFilename::parse(filename);
    const std::optional<std::size_t> rank = wheel ? set.rank(wheel->tags) : std::nullopt;
    supported.push_back(rank.has_value());
    if (!rank || (best_rank && (*rank > *best_rank || (*rank == *best_rank && wheel->build <= best_build))))
      continue;
    best_rank = rank;
    best_build = wheel->build;
    best = filename;
  }
  out["supported"] = std::move(supported);
  out["best"] = std::move(best);
}

Json eval_tags(const Json& in) {
  if (in.contains("tag")) return eval_tag(in);
  const Version python = valid(Version::parse(text_member(in, "python")));
  const auto part = [&](std::size_t i) {
    const std::optional<std::uint64_t> value = python.release_at(i).as_uint64();
    if (!value || *value > 10'000) throw Invalid{"`python` must be a Python version", std::nullopt};
    return static_cast<unsigned>(*value);
  };
  const std::string flags = text_member_or(in, "flags", "");
  const TagTarget target{.implementation = text_member_or(in, "implementation", "cpython"),
                         .major = part(0),
                         .minor = part(1),
                         .free_threaded = flags.find('t') != std::string::npos,
                         .debug = flags.find('d') != std::string::npos,
                         .interpreter_abi = text_member_or(in, "abi", ""),
                         .platforms = in.contains("platforms")
                                          ? text_list(in["platforms"], "platforms")
                                          : valid(platforms_of(text_member(in, "platform")))};
  const std::vector<Tag> compatible = compatible_tags(target);
  Json tags = Json::array();
  for (const Tag& tag : compatible) tags.push_back(tag.to_string());
  Json out = {{"tags", std::move(tags)}};
  if (in.contains("wheels")) add_choice(text_list(in["wheels"], "wheels"), compatible, out);
  return out;
}

Json eval_metadata(const Json& in) {
  const CoreMetadata metadata = valid(CoreMetadata::parse(text_member(in, "text")));
  Json requires_dist = Json::array();
  for (const Requirement& requirement : metadata.requires_dist)
    requires_dist.push_back(requirement.to_string());
  Json extras = Json::array();
  for (const ExtraName& extra : metadata.provides_extra) extras.push_back(extra.normalized());
  return {
      {"metadata_version", metadata.metadata_version},
      {"name", metadata.name.display()},
      {"version", metadata.version.to_string()},
      {"requires_python", metadata.requires_python ? Json(metadata.requires_python->to_string()) : Json()},
      {"requires_dist", std::move(requires_dist)},
      {"provides_extra", std::move(extras)},
      {"dynamic", metadata.dynamic},
      {"summary", metadata.summary},
      {"license_expression", metadata.license_expression},
      {"problems", metadata.problems}};
}

Json eval_lock(const Json& in) {
  std::vector<std::string> warnings;
  const Expected<Pylock> lock =
      parse_pylock(text_member(in, "text"), text_member_or(in, "name", ""), &warnings);
  if (!lock) return {{"valid", false}, {"problems", Json::array({lock.error().message})}};
  return {{"valid", true}, {"problems", warnings}};
}

Json evaluate(EvalSubject subject, const Json& in) {
  switch (subject) {
    case EvalSubject::Version:
      return eval_version(in);
    case EvalSubject::Specifier:
      return eval_specifier(in);
    case EvalSubject::Marker:
      return eval_marker(in);
    case EvalSubject::Requirement:
      return eval_requirement(in);
    case EvalSubject::Wheel:
      return eval_wheel(in);
    case EvalSubject::Sdist:
      return eval_sdist(in);
    case EvalSubject::Tags:
      return eval_tags(in);
    case EvalSubject::Name:
      return eval_name(in);
    case EvalSubject::Metadata:
      return eval_metadata(in);
    case EvalSubject::Lock:
      return eval_lock(in);
  }
  return {};
}

// In the order of EvalSubject.
constexpr std::array<std::string_view, 10> kSubjects = {
    "version", "specifier", "marker", "requirement", "wheel", "sdist", "tags", "name", "metadata", "lock"};

}  // namespace

std::optional<EvalSubject> parse_eval_subject(std::string_view text) {
  const auto* const found = std::find(kSubjects.begin(), kSubjects.end(), text);
  if (found == kSubjects.end()) return std::nullopt;
  return static_cast<EvalSubject>(found - kSubjects.begin());
}

std::vector<std::string> eval_subjects() { return {kSubjects.begin(), kSubjects.end()}; }

std::string evaluate_line(EvalSubject subject, std::string_view line, bool in_ascii) {
  Json out;
  try {
    const Json in = Json::parse(line);
    if (!in.is_object()) throw Invalid{"each line must be a JSON object", std::nullopt};
    out = evaluate(subject, in);
  } catch (const Invalid& invalid) {
    out = {{"error", invalid.message}};
    if (invalid.offset) out["offset"] = *invalid.offset;
  } catch (const Json::parse_error& broken) {
    out = {{"error", "not JSON"}, {"offset", broken.byte == 0 ? 0 : broken.byte - 1}};
  }
  return out.dump(-1, ' ', in_ascii, Json::error_handler_t::replace);
}

namespace {

// The longest line that is read.
constexpr std::size_t kMostBytes = std::size_t{64} << 20U;

// Returns false at the end. Skips the rest of a line that is too long.
bool next_line(std::streambuf& in, std::string& line, bool& is_too_long) {
  line.clear();
  is_too_long = false;
  using Traits = std::streambuf::traits_type;
  for (bool any = false;; any = true) {
    const auto next = in.sbumpc();
    if (Traits::eq_int_type(next, Traits::eof())) return any;
    const char c = Traits::to_char_type(next);
    if (c == '\n') return true;
    if (line.size() < kMostBytes)
      line += c;
    else
      is_too_long = true;
  }
}

}  // namespace

void evaluate_lines(EvalSubject subject, std::istream& in, std::ostream& out, bool in_ascii) {
  std::string line;
  bool is_too_long = false;
  while (next_line(*in.rdbuf(), line, is_too_long)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (is_too_long)
      out << R"({"error":"the line is longer than 64 MB"})" << '\n';
    else if (!line.empty())
      out << evaluate_line(subject, line, in_ascii) << '\n';
    // The caller may wait for the answer before it writes the next question.
    if (in.rdbuf()->in_avail() <= 0) out.flush();
  }
  out.flush();
}

}  // namespace moat
