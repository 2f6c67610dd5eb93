// The options of a line of a requirements file, as pip's parser (Python's shlex and optparse) takes them
// apart.
#pragma once

#include "resolver/base/error.h"

#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct RequirementsOption {
  std::string name;   // pip's long one, without dashes: "index-url" for `-i`, `--pypi-url` and `--index=`
  std::string value;  // empty where it takes none
};

struct RequirementsOptionLine {
  std::vector<RequirementsOption> options;  // in order
  std::vector<std::string> ignored;         // words behind an option that belong to none
};

// "--hash=sha256:… --config-settings 'a=b c'", `-fwheels`, `--extra-index https://…` (a beginning that means
// one option only).
Expected<RequirementsOptionLine> parse_requirements_options(std::string_view text);

}  // namespace moat
