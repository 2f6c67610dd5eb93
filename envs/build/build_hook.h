// One hook of a build backend, called in a process of its own (PEP 517, PEP 660).
#pragma once

#include "fetch/sources/source_builder.h"
#include "resolver/files/pyproject.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace moat {

enum class Hook {
  RequiresForWheel,     // get_requires_for_build_wheel
  RequiresForEditable,  // get_requires_for_build_editable
  PrepareMetadata,      // prepare_metadata_for_build_wheel
  BuildWheel,
  BuildEditable,
  RequiresForSdist,  // get_requires_for_build_sdist
  BuildSdist,
};
std::string_view to_string(Hook hook);  // as backends spell it

// Where and how backends of one build run.
struct HookPlace {
  std::filesystem::path python;
  std::filesystem::path source;  // its working directory
  BuildSystem system;
  ConfigSettings settings;
  std::vector<std::pair<std::string, std::string>> variables;  // its whole environment
  std::filesystem::path scratch;   // a folder of this build's own, for the driver and its answers
  std::filesystem::path prepared;  // what PrepareMetadata made before, for BuildWheel to keep to; "": nothing
  std::vector<std::string> seal;   // what its command begins with
  std::optional<std::chrono::milliseconds> timeout;
};

// The backend has no such hook.
struct HookAbsent {};
struct HookFailed {
  std::string reason;          // one clause: "it failed (exit status 1)"
  std::string missing_module;  // what could not be imported, where that was the backend itself
};
// What it returned: requirements, or the name of what it made in `folder` (checked: a base name that is
// there).
struct HookAnswer {
  std::variant<std::vector<std::string>, std::string, HookAbsent, HookFailed> result;
  std::string output;  // standard output and standard error, in order
};

// `folder`: where the hook puts what it makes; unused by those that only tell requirements.
// Throws Error(Interrupted); Error(Interpreter, Disk) where nothing could be started.
HookAnswer call_hook(Hook hook, const HookPlace& place, const std::filesystem::path& folder,
                     std::stop_token stop);

}  // namespace moat
