// The scripts of `moat completion SHELL`. They hold no list of anything: they ask moat for each word.
#pragma once

#include <string_view>

namespace moat {

// "bash", "zsh", "fish".
std::string_view completion_script(std::string_view shell);

}  // namespace moat
