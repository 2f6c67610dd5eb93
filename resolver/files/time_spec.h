// Points and spans of time, as people type them.
#pragma once

#include "resolver/files/artifact.h"

#include <chrono>
#include <optional>
#include <string_view>

namespace moat {

// "2025-06-30", "2025-06-30T12:00:00Z" (also with an offset), or an age before `now`: "14d", "36h", "2w",
// "P14D".
std::optional<UnixTime> parse_time(std::string_view text, UnixTime now);
// "30d", "12h", "2w", "1y" (365 days), "90m", "45s", "P30D", "PT12H".
std::optional<std::chrono::seconds> parse_age(std::string_view text);

}  // namespace moat
