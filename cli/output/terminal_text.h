// Text as it may go to a terminal, whoever wrote it.
#pragma once

#include <string>
#include <string_view>

namespace moat {

// What a terminal would obey, or would show in another order than it is written, becomes visible: control
// characters (but line ends and tabs) as `\x1b`, marks of direction and invisible tags as `\u202e`, bytes
// that are not UTF-8 as `\xff`.
std::string for_terminal(std::string_view text);

}  // namespace moat
