// Any bytes as pyproject.toml: each part is read or refused, and what is read keeps its promises.
#include "resolver/files/dependency_groups.h"
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
  if (const auto project = file->project(); project && *project) {
    fuzz::require(!(*project)->name.normalized().empty(), "a project has a name");
    if (const auto lines = expand_own_extras(**project, (*project)->dependencies))
      fuzz::require(lines->size() <= size * size, "expanding ends");
  }
  for (const char* name : {"a", "test", "dev"})
    if (const auto lines = expand_group(*file, *GroupName::parse(name)))
      for (const ProjectLine& line : *lines) fuzz::require(line.line > 0, "every requirement has a line");
  return 0;
}
