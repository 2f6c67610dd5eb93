// A text as one word for a shell: nothing in it is ever evaluated.
#pragma once

#include <string>
#include <string_view>

namespace moat {

std::string quoted_for_sh(std::string_view text);    // 'it'\''s'
std::string quoted_for_csh(std::string_view text);   // which expands `!` inside quotes, and ends a line there
std::string quoted_for_fish(std::string_view text);  // 'it\'s'

// For commands that are shown to users, who may copy them: in quotes of sh only where it needs them.
std::string shell_word(std::string_view text);

}  // namespace moat
