#include "resolver/pep/lenient.h"
#include "resolver/pep/specifier.h"
#include "resolver/pep/version_set.h"
#include "tests/fuzz/fuzz.h"

#include <array>
#include <vector>

namespace {

// Each version a clause names, and its neighbours.
std::vector<moat::Version> versions_near(const moat::SpecifierSet& specifiers) {
  using moat::Version;
  std::vector<Version> versions = {Version::of({0}), Version::of({1}), Version::of({2, 0})};
  for (const moat::Specifier& clause : specifiers.clauses()) {
    if (clause.op() == moat::Operator::ArbitraryEqual) continue;
    const std::string text = clause.version().to_string();
    constexpr std::array<const char*, 8> kSuffixes = {"",       "+x",          "+1",  ".dev0",
                                                      ".post0", ".post1.dev0", "rc1", "a1.post1"};
    for (const char* suffix : kSuffixes)
      if (auto near = Version::parse(text + suffix)) versions.push_back(*near);
    versions.push_back(clause.version().after_prefix(clause.version().release().size()));
    versions.push_back(clause.version().first_dev());
  }
  return versions;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const std::string_view text = fuzz::text_of(data, size);
  const auto specifiers = SpecifierSet::parse(text);
  const auto lenient = parse_specifiers_lenient(text);
  if (!specifiers) {
    fuzz::require(specifiers.error().offset <= size, "an error lies within the text");
    return 0;
  }
  fuzz::require(lenient && !lenient->mended, "what is right is not mended");
  const auto again = SpecifierSet::parse(specifiers->to_string());
  fuzz::require(again && *again == *specifiers, "the normal form reads as the set");
  const auto intervals = VersionSet::from(*specifiers);
  if (!intervals || specifiers->clauses().size() > 20) return 0;
  const VersionSet others = intervals->complement();
  for (const Version& version : versions_near(*specifiers)) {
    fuzz::require(intervals->contains(version) == specifiers->contains(version),
                  "intervals contain what the set does");
    fuzz::require(others.contains(version) != intervals->contains(version), "a complement is one");
  }
  return 0;
}
