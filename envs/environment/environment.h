// Environment: a standard venv over a private runtime inside it (PEP 405; layout in docs/isolation.md).
#pragma once

#include "envs/journal/bytecode_list.h"
#include "envs/journal/durable.h"
#include "envs/journal/manifest.h"
#include "envs/journal/scheme.h"
#include "envs/python/interpreter.h"
#include "envs/python/runtime.h"
#include "fetch/store/link.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace moat {

// ENV/bin/python, python3, python3.X     the native launcher
// ENV/pyvenv.cfg                         home = ENV/.moat/rt/bin
// ENV/.moat/rt                           the private runtime
// ENV/.moat/{lock,manifest,bytecode,facts.json,journal,stage,history}
class Environment {
 public:
  // The environment at this path, after finishing any interrupted change. Error(NoEnvironment) if there is
  // none (hint: moat create), Error(ForeignEnvironment) for one made by venv, virtualenv, uv (unless
  // allowed).
  enum class Foreign { Refused, Allowed };
  static Environment open(const std::filesystem::path& root, Foreign foreign = Foreign::Refused);
  // Does the folder hold a pyvenv.cfg, or will it once its unfinished change is finished?
  static bool exists_at(const std::filesystem::path& root);

  const std::filesystem::path& root() const { return root_; }  // absolute
  bool is_foreign() const { return foreign_; }
  const Interpreter& interpreter() const { return interpreter_; }  // REQUIRES: !is_foreign()
  std::string prompt() const { return prompt_; }
  Scheme scheme() const;  // relative to root()
  std::filesystem::path site_packages() const { return root_ / scheme().purelib; }
  std::filesystem::path python() const { return root_ / "bin" / "python"; }
  std::filesystem::path private_folder() const { return root_ / ".moat"; }

  Manifest manifest() const;                // Error(Disk/BadInput)
  Manifest manifest_without_files() const;  // the same with no entries, in a tenth of the time
  struct Placed {
    Manifest manifest;
    std::vector<BytecodeEntry> bytecode;
  };
  Placed placed() const;

 private:
  std::filesystem::path root_;
  bool foreign_ = false;
  Interpreter interpreter_;
  std::string prompt_;
};

struct CreateOptions {
  std::filesystem::path root;
  std::string prompt;                   // "" : the folder's name
  LinkMode link_mode = LinkMode::Auto;  // of the runtime; Hardlink is what --share asks for
  bool own_pip = true;                  // the environment's pip is moat's (pip_shim.h); a build finds none
  Durable durable = Durable::Auto;
  // If set: a new state of the existing environment, with this reason. The old contents stay in its history,
  // so that the change can be taken back.
  std::optional<std::string> as_change = {};
  bool replace = false;  // replaces an existing environment (or empty folder), in the same rename
  // Called with the environment before it gets its place: packages installed here are there from the first
  // moment, and if this throws, nothing was made.
  std::function<void(const Environment&)> fill;
};

// Everything is staged in a sibling folder, then renamed; inside, if the folder cannot be renamed
// (envs/environment/new_place.h). Error(Exists) for a non-empty folder without replace, or with replace if
// the folder is not an environment.
Environment create_environment(const CreateOptions& options, const Runtime& runtime, Workers& workers);

// Does everything but pyvenv.cfg exist? And the Error(NoEnvironment) for that case.
bool lacks_its_settings(const std::filesystem::path& root);
[[noreturn]] void throw_lacks_settings(const std::filesystem::path& root);

}  // namespace moat
