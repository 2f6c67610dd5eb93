// Words in commands that are shown: what is shown is typed, so it must mean itself.
#pragma once

#include <string>
#include <string_view>

namespace moat {

// `text` as one word of a shell: in quotes only where it needs them.
std::string shell_word(std::string_view text);

}  // namespace moat
