#include "resolver/pep/version.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const auto version = Version::parse(fuzz::text_of(data, size));
  if (!version) {
    fuzz::require(version.error().offset <= size, "an error lies within the text");
    return 0;
  }
  const auto again = Version::parse(version->to_string());
  fuzz::require(again && *again == *version, "the normal form reads as the version");
  fuzz::require(again->to_string() == version->to_string(), "the normal form is one");
  const auto key = Version::parse(version->canonical_key());
  fuzz::require(key && *key == *version, "the key reads as the version");
  fuzz::require(version->first_dev() <= version->without_local(), "the first dev-release comes first");
  fuzz::require(*version < version->after_prefix(version->release().size()), "the next release comes behind");
  return 0;
}
