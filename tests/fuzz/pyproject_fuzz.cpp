// Any bytes as pyproject.toml: each part is read or refused, and what is read keeps its promises.
#include "resolver/pyproject.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  const auto file = PyProject::parse(fuzz::text_of(data, size));
  if (!file) return 0;
  if (const auto system = file->build_system()) {
    fuzz::require(!system->backend.empty(), "there is a backend");
    for (const std::string& folder : system->backend_path)
      fuzz::require(!folder.empty() && folder.front() != '/', "the backend lies inside the tree");
  }
  if (const auto project = file->project(); project && *project)
    fuzz::require(!(*project)->name.normalized().empty(), "a project has a name");
  return 0;
}
