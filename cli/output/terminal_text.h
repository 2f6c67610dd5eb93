// Makes foreign text safe for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace moat {

// Makes everything visible that a terminal would obey, or would show in another order: control characters
// (except line ends and tabs) as `\x1b`, direction marks and invisible tags as `\u202e`, bytes that are not
// UTF-8 as `\xff`.
std::string for_terminal(std::string_view text);

}  // namespace moat
