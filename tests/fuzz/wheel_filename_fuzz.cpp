#include "resolver/pep/dist_filename.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto sdist = SdistFilename::parse(text)) {
    const auto known = SdistFilename::parse(text, sdist->name);
    fuzz::require(known.has_value(), "a project knows its own files");
  }
  const auto wheel = WheelFilename::parse(text);
  if (!wheel) {
    fuzz::require(wheel.error().offset <= size, "an error lies within the name");
    return 0;
  }
  fuzz::require(!wheel->tags.empty() && wheel->tags.size() <= 10'000, "a wheel has tags, and not too many");
  fuzz::require(text.find('/') == std::string_view::npos, "a name is no path");
  const std::string build = wheel->build.number ? "-" + wheel->build.to_string() : "";
  const Tag& tag = wheel->tags.front();
  const auto again = WheelFilename::parse(wheel->name.escaped() + "-" + wheel->version.to_string() + build +
                                          "-" + tag.to_string() + ".whl");
  fuzz::require(again && again->version == wheel->version && again->build == wheel->build,
                "the normal name reads as the wheel");
  return 0;
}
