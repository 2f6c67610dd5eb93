// Texts of the activation scripts: sourced, each finds the environment it lies in, wherever that was moved or
// copied to, and defines `deactivate`, which puts everything back. Nothing in a path or prompt is ever
// evaluated by the shell.
//
// A shell that cannot tell where a script lies is refused: no script activates an environment that it is not
// in.
#pragma once

#include <string>
#include <string_view>

namespace moat {

// prompt: what the shell shows; "": the folder's name, whatever it is at the time.
std::string activate_sh(std::string_view prompt);    // bin/activate: bash, zsh, dash, ksh, mksh, busybox
std::string activate_fish(std::string_view prompt);  // bin/activate.fish
std::string activate_csh(std::string_view prompt);   // bin/activate.csh: tcsh, csh

}  // namespace moat
