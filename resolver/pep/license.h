// License expressions (PEP 639, SPDX 2.2): `MIT OR (Apache-2.0 WITH LLVM-exception AND LicenseRef-Mine)`.
#pragma once

#include "resolver/base/error.h"

#include <string>
#include <string_view>

namespace moat {

// The grammar alone, no list of licenses: operators may be in any case and come out in capitals, with one
// blank. Identifiers stay as written. WITH stands between a license and an exception.
Expected<std::string> normalize_license_expression(std::string_view text);

}  // namespace moat
