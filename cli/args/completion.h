// What may stand in place of the word that is being typed: told by the declarations of the commands, so that
// it is never behind the program. Values that only the machine knows (environments, packages) are named by
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
  std::string typed;   // of the word so far, what values must begin with
  std::string before;  // and what stands before that: "--env="
  // What was typed before says which environment is meant.
  std::optional<std::string> env, tool, project;
  bool user = false;
};

// `words`: what was typed behind `moat`; the last is the one to complete, and may be empty. Of what makes no
// sense nothing is offered.
Completion complete(const std::vector<std::string>& words);

}  // namespace moat
