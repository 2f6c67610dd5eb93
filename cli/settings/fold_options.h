// Options whose order counts, folded into a policy as pip folds them: a later one overrides an earlier one.
// Both throw Error(Usage) for what is not a package name.
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

// What a requirements file says of pre-releases.
PrereleasePolicy fold_releases(const RequirementsOptions& file);

// `where`: the option or setting that names it.
PackageName parse_package_name(std::string_view text, std::string_view where);

}  // namespace moat
