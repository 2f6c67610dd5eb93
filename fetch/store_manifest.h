// The manifest of a stored wheel as text (docs/store.md): what was put in, and how to see that it still is
// there.
#pragma once

#include "fetch/store.h"
#include "resolver/base/error.h"

#include <string>
#include <string_view>

namespace moat {

std::string format_wheel_manifest(const StoredWheel& wheel);

// Everything but tree and digest, which are where the manifest lies. Fails on anything that
// format_wheel_manifest does not write, a cut-off end included.
Expected<StoredWheel> parse_wheel_manifest(std::string_view text);

}  // namespace moat
