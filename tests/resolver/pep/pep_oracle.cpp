// Answers questions about packaging standards, so that another implementation can be asked the same:
// one JSON array a line in, one JSON value a line out. oracle_test.py has the questions.
#include "resolver/pep/dist_filename.h"
#include "resolver/pep/marker.h"
#include "resolver/pep/metadata.h"
#include "resolver/pep/record.h"
#include "resolver/pep/requirement.h"
#include "resolver/pep/specifier.h"
#include "resolver/pep/tag.h"
#include "resolver/pep/version.h"
#include "resolver/pep/version_set.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <iostream>
#include <map>
#include <string>

namespace {

using namespace moat;
using nlohmann::json;

// What a bad text is answered with: `false`.
const json kBad = false;

std::string text(const json& value) { return value.get<std::string>(); }

// ["version", text]
json answer_version(const json& question) {
  const auto version = Version::parse(text(question[1]));
  if (!version) return kBad;
  const Version again = Version::parse(version->to_string()).value();
  if (again != *version || again.to_string() != version->to_string())
    return "its normal form reads otherwise";
  return {version->to_string(), version->canonical_key(), version->is_prerelease(), version->is_postrelease(),
          version->is_devrelease()};
}

// ["compare", text, text]
json answer_compare(const json& question) {
  const auto a = Version::parse(text(question[1]));
  const auto b = Version::parse(text(question[2]));
  if (!a || !b) return kBad;
  return *a < *b ? -1 : *a > *b ? 1 : 0;
}

// ["specifier", text, [version, …]]: canonical clauses, which are contained, which a filter keeps.
json answer_specifier(const json& question) {
  const auto set = SpecifierSet::parse(text(question[1]));
  if (!set) return kBad;
  json keys = json::array();
  for (const Specifier& clause : set->clauses()) keys.push_back(clause.canonical_key());
  std::vector<Version> versions;
  json contained = json::array();
  const auto intervals = VersionSet::from(*set);
  for (const json& candidate : question[2]) {
    versions.push_back(Version::parse(text(candidate)).value());
    contained.push_back(set->contains(versions.back(), text(candidate)));
    if (intervals && intervals->contains(versions.back()) != contained.back().get<bool>())
      return "the set of intervals disagrees on " + text(candidate);
  }
  return {keys, contained, intervals ? json(set->filter(versions)) : json()};
}

MarkerEnvironment environment_of(const json& values) {
  MarkerEnvironment out;
  const std::map<std::string, std::string*> fields = {
      {"os_name", &out.os_name},
      {"sys_platform", &out.sys_platform},
      {"platform_machine", &out.platform_machine},
      {"platform_python_implementation", &out.platform_python_implementation},
      {"platform_release", &out.platform_release},
      {"platform_system", &out.platform_system},
      {"platform_version", &out.platform_version},
      {"python_version", &out.python_version},
      {"python_full_version", &out.python_full_version},
      {"implementation_name", &out.implementation_name},
      {"implementation_version", &out.implementation_version}};
  for (const auto& [name, field] : fields) *field = text(values.at(name));
  return out;
}

// ["marker", text, environment, extra or ""]
json answer_marker(const json& question) {
  const auto marker = Marker::parse(text(question[1]));
  if (!marker) return kBad;
  std::set<ExtraName> extras;
  if (!text(question[3]).empty()) extras.insert(ExtraName::parse(text(question[3])).value());
  const MarkerEnvironment environment = environment_of(question[2]);
  const bool result = marker->evaluate(environment, extras);
  if (result && marker->never_holds(environment)) return "it holds, and is said never to";
  return {marker->to_string(), result};
}

// ["requirement", text]
json answer_requirement(const json& question) {
  const auto requirement = Requirement::parse(text(question[1]));
  if (!requirement) return kBad;
  if (Requirement::parse(requirement->to_string()) != *requirement) return "its normal form reads otherwise";
  json extras = json::array();
  for (const ExtraName& extra : requirement->extras) extras.push_back(extra.normalized());
  json clauses = json::array();
  for (const Specifier& clause : requirement->specifier.clauses()) clauses.push_back(clause.canonical_key());
  const json marker = requirement->marker ? json(requirement->marker->to_string()) : json();
  return {requirement->name.normalized(), extras, clauses,
          requirement->url ? json(*requirement->url) : json(), marker};
}

// ["name", text]
json answer_name(const json& question) {
  const auto name = PackageName::parse(text(question[1]));
  return name ? json(name->normalized()) : kBad;
}

json texts_of(const std::vector<Tag>& tags) {
  json out = json::array();
  for (const Tag& tag : tags) out.push_back(tag.to_string());
  return out;
}

// ["wheel", filename]
json answer_wheel(const json& question) {
  const auto wheel = WheelFilename::parse(text(question[1]));
  if (!wheel) return kBad;
  json build = json::array();
  if (wheel->build.number) build = {wheel->build.number->to_string(), wheel->build.rest};
  return {wheel->name.normalized(), wheel->version.to_string(), build, texts_of(wheel->tags)};
}

// ["sdist", filename]
json answer_sdist(const json& question) {
  const auto sdist = SdistFilename::parse(text(question[1]));
  return sdist ? json{sdist->name.normalized(), sdist->version.to_string()} : kBad;
}

// ["tag", text]
json answer_tag(const json& question) {
  const auto tags = parse_tags(text(question[1]));
  return tags ? texts_of(*tags) : kBad;
}

// ["cpython", minor, free_threaded, debug, [platform, …]]
json answer_cpython(const json& question) {
  TagTarget target;
  target.minor = question[1].get<unsigned>();
  target.free_threaded = question[2].get<bool>();
  target.debug = question[3].get<bool>();
  target.platforms = question[4].get<std::vector<std::string>>();
  return texts_of(compatible_tags(target));
}

// ["generic", implementation, minor, abi, [platform, …]]
json answer_generic(const json& question) {
  TagTarget target;
  target.implementation = text(question[1]);
  target.minor = question[2].get<unsigned>();
  target.interpreter_abi = text(question[3]);
  target.platforms = question[4].get<std::vector<std::string>>();
  return texts_of(compatible_tags(target));
}

// ["linux", arch, "glibc" or "musl", major, minor]
json answer_linux(const json& question) {
  const Libc libc = text(question[2]) == "musl" ? Libc::Musl : Libc::Glibc;
  return linux_platforms(text(question[1]), libc, question[3].get<unsigned>(), question[4].get<unsigned>());
}

// ["macos", arch, major, minor]
json answer_macos(const json& question) {
  return macos_platforms(text(question[1]), question[2].get<unsigned>(), question[3].get<unsigned>());
}

// ["platform", name]
json answer_platform(const json& question) {
  const auto platforms = platforms_of(text(question[1]));
  return platforms ? json(*platforms) : kBad;
}

// ["metadata", text]
json answer_metadata(const json& question) {
  const MetadataFields fields = parse_metadata_fields(text(question[1]));
  return {fields.headers, fields.body};
}

// ["record", text]
json answer_record(const json& question) {
  const auto entries = parse_record(text(question[1]));
  if (!entries) return kBad;
  json rows = json::array();
  for (const RecordEntry& entry : *entries)
    rows.push_back({entry.path, entry.algorithm, entry.hash, entry.size ? json(*entry.size) : json()});
  return rows;
}

}  // namespace

int main() {
  const std::map<std::string, std::function<json(const json&)>> answers = {
      {"version", answer_version}, {"compare", answer_compare},   {"specifier", answer_specifier},
      {"marker", answer_marker},   {"name", answer_name},         {"requirement", answer_requirement},
      {"wheel", answer_wheel},     {"sdist", answer_sdist},       {"tag", answer_tag},
      {"cpython", answer_cpython}, {"generic", answer_generic},   {"linux", answer_linux},
      {"macos", answer_macos},     {"platform", answer_platform}, {"metadata", answer_metadata},
      {"record", answer_record}};
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    const json question = json::parse(line);
    std::cout << answers.at(text(question[0]))(question).dump(-1, ' ', true) << '\n';
  }
}
