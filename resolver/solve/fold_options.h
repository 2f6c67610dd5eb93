// Options whose order matters, folded into a policy as pip does: a later one overrides an earlier one. Both
// throw Error(Usage) for invalid package names.
#pragma once

#include "resolver/files/requirements_txt.h"
#include "resolver/solve/solve.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

// --no-binary and --only-binary: {"no-binary" | "only-binary", value}.
BinaryPolicy fold_binary(const std::vector<std::pair<std::string, std::string>>& binary);

// The options of a requirements file about pre-releases.
PrereleasePolicy fold_releases(const RequirementsOptions& file);

// `where`: the option or setting that gave the value.
PackageName parse_package_name(std::string_view text, std::string_view where);

}  // namespace moat
