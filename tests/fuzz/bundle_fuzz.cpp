#include "envs/deploy/bundle.h"
#include "envs/deploy/release.h"
#include "fetch/oci/challenge.h"
#include "fetch/oci/logins.h"
#include "fetch/oci/reference.h"
#include "resolver/base/base64.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include <string>

using namespace moat;

namespace {

// As a bundle: either refused, or sound in every part.
void read_bundle(std::string_view bytes) {
  UniqueFd file(::memfd_create("bundle", MFD_CLOEXEC));
  if (!file) return;
  write_all(file.get(), bytes, "bundle");
  try {
    const Bundle bundle(std::move(file), "bundle");
    Workers workers(1);
    bundle.verify(workers, {});
    for (const BundleTarget& target : bundle.targets()) {
      fuzz::require(hash_bytes(bundle.lock_text(target)).hex.size() == 64,
                    "the lock of a verified bundle is there");
      const auto again = parse_bundle_config(format_bundle_config(target.config));
      fuzz::require(again && format_bundle_config(*again) == format_bundle_config(target.config),
                    "a configuration survives being written");
    }
    fuzz::require(!bundle.signed_by({}), "nobody signed it for no keys");
  } catch (const Error& error) {
    fuzz::require(error.kind() == ErrorKind::BadArchive, "what is wrong with a bundle is its own fault");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  read_bundle(text);
  if (const auto index = parse_oci_index(text)) {
    const std::string written = format_oci_index(*index);
    const auto again = parse_oci_index(written);
    fuzz::require(again && format_oci_index(*again) == written, "an index survives being written");
  }
  if (const auto manifest = parse_oci_manifest(text)) {
    const std::string written = format_oci_manifest(*manifest);
    const auto again = parse_oci_manifest(written);
    fuzz::require(again && format_oci_manifest(*again) == written, "a manifest survives being written");
  }
  if (const auto decoded = from_base64(text))
    fuzz::require(to_base64(*decoded) == text, "base64 has one spelling");
  if (const auto reference = RegistryReference::parse(text)) {
    const auto again = RegistryReference::parse(reference->to_string());
    fuzz::require(again && again->to_string() == reference->to_string(),
                  "a reference survives being written");
  }
  parse_challenges(text);
  parse_helper_answer(text);
  if (const auto logins = RegistryLogins::parse(text)) logins->find("registry.example:5000", "team/shop");
  if (const auto release = parse_release(text, "0001-aaaaaaaaaaaa"))
    fuzz::require(parse_release(format_release(*release), release->folder).has_value(),
                  "a release survives being written");
  if (const auto attempt = parse_attempt(text))
    fuzz::require(parse_attempt(format_attempt(*attempt)).has_value(), "an attempt survives being written");
  return 0;
}
