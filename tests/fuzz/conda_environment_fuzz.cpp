// Any bytes as an environment.yml: refused, or requirements that parse.
#include "resolver/files/conda_environment.h"
#include "resolver/pep/requirement.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const auto read = read_conda_environment(fuzz::text_of(data, size));
  if (!read) return 0;
  for (const ForeignRequirement& one : read->project.requirements)
    fuzz::require(Requirement::parse(one.text).has_value(), "a requirement that was made parses");
  for (const auto& [name, versions] : read->versions) fuzz::require(!versions.empty(), "a version is pinned");
  return 0;
}
