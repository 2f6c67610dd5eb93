// The manifest of a stored wheel as text (docs/store.md): its contents, and how to check that they are still
// there.
#pragma once

#include "fetch/store/store.h"
#include "resolver/base/error.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace moat {

std::string format_wheel_manifest(const StoredWheel& wheel);

// Error(BadInput) if the manifest has a newer format, which this moat must neither judge nor drop.
void refuse_newer_entry(std::string_view text, const std::filesystem::path& entry);

// Everything but tree and digest, which follow from the manifest's path. Fails on anything that
// format_wheel_manifest does not write, a missing end included; except for format 1, which had no faults: a
// faulty wheel was not stored.
Expected<StoredWheel> parse_wheel_manifest(std::string_view text);

}  // namespace moat
