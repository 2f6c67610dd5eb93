#include "envs/journal/manifest.h"
#include "tests/fuzz/fuzz.h"

#include <string>

namespace {

// Said in another way than the parser says it.
bool stays_below(std::string_view path) {
  const std::string framed = "/" + std::string(path) + "/";
  return framed.find("//") == std::string::npos && framed.find("/./") == std::string::npos &&
         framed.find("/../") == std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const std::string_view text = fuzz::text_of(data, size);
  const auto manifest = parse_manifest(text);
  (void)parse_manifest_head(text);
  if (!manifest) {
    fuzz::require(manifest.error().offset <= size, "an error lies within the text");
    return 0;
  }
  for (const auto* const list : {&manifest->entries, &manifest->others})
    for (const ManifestEntry& entry : *list)
      fuzz::require(stays_below(entry.path), "every path stays below the environment");
  const std::string written = format_manifest(*manifest);
  const auto again = parse_manifest(written);
  fuzz::require(again && format_manifest(*again) == written, "what is written is read back");
  fuzz::require(again->entries.size() == manifest->entries.size() &&
                    again->others.size() == manifest->others.size() && again->requests == manifest->requests,
                "and nothing is lost");
  const auto head = parse_manifest_head(written);
  fuzz::require(head && head->packages.size() == manifest->packages.size(), "the head is the head");
  return 0;
}
