// What may replace the word that is being typed: taken from the declarations of the commands, so that
// it is always up to date. Values that depend on the machine (environments, packages) are named by
// kind.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace moat {

struct CompletionWord {
  std::string text;
  std::string help;  // "" where it explains itself
};

enum class CompletionValues {
  None,
  Files,
  Folders,
  Environments,  // paths as well
  NamedEnvironments,
  Packages,  // that are installed
  Names,     // as `which` takes them: packages and commands
  Commands,  // of the environment; and programs
  Applications,
  ApplicationsAndCommands,
  Pythons,
  Groups,  // of the project
  Extras,
  Settings,
  States,  // of the environment
};

struct Completion {
  std::vector<CompletionWord> words;
  CompletionValues values = CompletionValues::None;
  std::string typed;   // the part of the word that values must begin with
  std::string before;  // and the part before it: "--env="
  // The options typed before say which environment is meant.
  std::optional<std::string> env, tool, project;
  bool user = false;
};

// `words`: the words after `moat`; the last is the one to complete, and may be empty. Offers nothing for an
// invalid line.
Completion complete(const std::vector<std::string>& words);

}  // namespace moat
