#include "fetch/index/page_summary.h"
#include "resolver/pep/dist_filename.h"
#include "tests/fuzz/fuzz.h"

// The cache may hold anything.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const auto page =
      read_page_summary(std::string(fuzz::text_of(data, size)), PackageName::parse("foo").value(), "v");
  if (!page) return 0;
  for (const auto& release : page->releases) {
    try {
      const std::vector<ReleaseFile>& files = release->files();
      fuzz::require(files.size() == release->traits().size(), "each file has its traits");
      for (std::size_t i = 0; i < files.size(); ++i) {
        fuzz::require(is_plain_filename(files[i].artifact.filename), "a file stays in its folder");
        fuzz::require(files[i].wheel.has_value() == release->traits()[i].is_wheel(),
                      "a wheel is told as one");
        fuzz::require(!files[i].wheel || files[i].wheel->version == release->version,
                      "a wheel lies with its version");
      }
    } catch (const Error&) {  // what was asked for is damaged
    }
  }
  return 0;
}
