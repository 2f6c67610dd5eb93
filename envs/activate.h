// Texts of the activation scripts.
#pragma once

#include <string>
#include <string_view>

namespace moat {

struct Activation {
  std::string
      root;  // absolute path of the environment; only shells that cannot tell where a script lies use it
  std::string prompt;  // "" : the folder's name, whatever it is at the time
};

// bin/activate, for sh, dash, bash and zsh: sourced; defines `deactivate`, which puts everything back. Any
// root and prompt are safe: nothing in them is ever evaluated by the shell.
std::string activate_sh(const Activation& activation);
// bin/activate.fish.
std::string activate_fish(const Activation& activation);

}  // namespace moat
