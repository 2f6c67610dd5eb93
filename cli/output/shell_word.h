// Words of commands that are shown to users, who may copy them: quoting must keep their meaning.
#pragma once

#include <string>
#include <string_view>

namespace moat {

// `text` as one word of a shell: in quotes only where it needs them.
std::string shell_word(std::string_view text);

}  // namespace moat
