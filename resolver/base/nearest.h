// "Did you mean …?"
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// The name that is closest to `typed` by edits of one character (a swap of neighbours is one), if it is
// close enough: at most a third of its letters differ. The first of equals. at_most: the limit of edits, if
// lower.
std::optional<std::string> nearest_name(std::string_view typed, const std::vector<std::string>& names,
                                        std::size_t at_most = static_cast<std::size_t>(-1));

}  // namespace moat
