// Splits the command line as far as possible without knowing the options of the command.
#pragma once

#include "cli/args/commands.h"

#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct Words {
  const CommandEntry* command = nullptr;
  std::string family;                  // "env": `moat env` without a command
  std::vector<std::string> arguments;  // of the command, global options first
  std::vector<std::string> pip;        // what follows `pip`, whose options are its own
  bool help = false, version = false;
};

// Options before the command are the global ones. Throws Error(Usage) if the command is missing or
// unknown.
Words take_apart(const std::vector<std::string>& words);

// "-" alone is not an option.
bool is_option(std::string_view word);

}  // namespace moat
