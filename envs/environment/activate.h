// Texts of the activation scripts: when sourced, each finds its own environment, even after a move or
// copy, and defines `deactivate`, which restores everything. Paths and prompts are never evaluated by the
// shell.
//
// Shells that cannot tell a script's path are refused: no script activates any environment but its
// own.
#pragma once

#include <string>
#include <string_view>

namespace moat {

// prompt: the text that the shell shows; "": the current name of the folder.
std::string activate_sh(std::string_view prompt);    // bin/activate: bash, zsh, dash, ksh, mksh, busybox
std::string activate_fish(std::string_view prompt);  // bin/activate.fish
std::string activate_csh(std::string_view prompt);   // bin/activate.csh: tcsh, csh

}  // namespace moat
