// Any bytes as a requirements file that may include itself and a few others: read, or refused with file and
// line.
#include "resolver/base/text.h"
#include "resolver/files/requirements_txt.h"
#include "tests/fuzz/fuzz.h"

#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const std::string text(fuzz::text_of(data, size));
  int read = 0;  // a file that names another twice has twice as many lines at every level
  const RequirementsReader reader{.read = [&](const std::string& path) -> std::string {
                                    if (++read > 100) throw Error(ErrorKind::BadInput, "enough");
                                    return path.size() < 40 ? text : "";
                                  },
                                  .variable =
                                      [](const std::string& name) {
                                        return name == "A" ? std::optional<std::string>("${B} #")
                                                           : std::nullopt;
                                      },
                                  .exists = [](const std::string& path) { return path.size() % 2 == 0; }};
  try {
    const RequirementsFile file = read_requirements("r.txt", false, reader);
    for (const RequirementsEntry& entry : file.entries) {
      fuzz::require(trim(entry.text) == entry.text, "requirements come trimmed");
      fuzz::require(entry.where.rfind(':') != std::string::npos, "every entry has a line");
      for (const Digest& digest : entry.hashes) fuzz::require(digest.is_strong(), "hashes are strong");
    }
  } catch (const Error& error) {
    fuzz::require(error.kind() == ErrorKind::BadInput, "what is wrong is the file");
  }
  const auto decoded = decode_requirements(text);
  if (!decoded) return 0;
  fuzz::require(is_utf8(*decoded), "what is decoded is UTF-8");
  std::size_t last = 0;
  for (const LogicalLine& line : logical_lines(*decoded)) {
    fuzz::require(line.number > last && !line.text.empty(), "lines come in order, and none is empty");
    last = line.number;
  }
  return 0;
}
