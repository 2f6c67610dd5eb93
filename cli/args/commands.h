// Every command of moat on the command line: its name, its help and its options. A new command is a function
// in the file of its family (commands_declared.h) and an entry in commands.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct Declaration;

struct CommandEntry {
  std::string_view name;     // "install", "env history"
  std::string_view usage;    // "[ENV] [PACKAGE…]"; "" where it takes no words
  std::string_view summary;  // in the overview
  std::string_view example;  // lines, below its help
  void (*declare)(Declaration&);
};

// In the order of the overview.
std::span<const CommandEntry> commands();
// nullptr: there is no such command.
const CommandEntry* command_named(std::string_view name);

// The first words of commands of two: "env", "store", ….
bool is_family(std::string_view word);
// "list", "info", … of "env".
std::vector<std::string> members_of(std::string_view family);
// The words that may be typed first.
std::vector<std::string> first_words();

}  // namespace moat
