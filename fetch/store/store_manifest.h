// The manifest of a stored wheel as text (docs/store.md): what was put in, and how to see that it still is
// there.
#pragma once

#include "fetch/store/store.h"
#include "resolver/base/error.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace moat {

std::string format_wheel_manifest(const StoredWheel& wheel);

// Error(BadInput) where the text is the manifest of a newer format, which is not ours to judge, nor to drop.
void refuse_newer_entry(std::string_view text, const std::filesystem::path& entry);

// Everything but tree and digest, which are where the manifest lies. Fails on anything that
// format_wheel_manifest does not write, a cut-off end included; but for format 1, which knew no faults: what
// had one was not stored.
Expected<StoredWheel> parse_wheel_manifest(std::string_view text);

}  // namespace moat
