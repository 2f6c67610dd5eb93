// conda's environment.yml: text → requirements of a Python project, as far as they are Python packages. Pure.
#pragma once

#include "resolver/files/foreign_lock.h"
#include "resolver/files/project_line.h"

#include <string>
#include <string_view>
#include <vector>

namespace moat {

// By its name: environment.yml, conda.yaml.
bool is_yaml_name(std::string_view filename);

struct CondaEnvironment {
  ForeignProject project;        // under the names of the Python index: pytorch is torch
  ForeignVersions versions;      // that are pinned exactly
  std::vector<ProjectLine> pip;  // the lines of `pip:`, those of a requirements file
};

// The error names the line if the text is not YAML or not an environment.yml.
Expected<CondaEnvironment> read_conda_environment(std::string_view yaml);

// "numpy=1.26.*", "conda-forge::numpy 1.26.4 py311_0", "numpy[version='>=1.2']" (a MatchSpec of conda).
struct CondaSpec {
  std::string name;       // conda's name, in lower case
  std::string specifier;  // in PEP 440 form; "" for any version
  std::string exact;      // the pinned version; also set for numpy=1.26.4, whose range is ==1.26.4.*
  std::string build;      // "py311h64a7726_0"
};
// Fails if there is no PEP 440 form, as for alternatives (`>=3.8|2.7`).
Expected<CondaSpec> parse_conda_spec(std::string_view text);

}  // namespace moat
