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

// Where and how one build runs its hooks.
struct HookPlace {
  std::filesystem::path python;
  std::filesystem::path source;  // its working directory
  BuildSystem system;
  ConfigSettings settings;
  std::vector<std::pair<std::string, std::string>> variables;  // its whole environment
  std::filesystem::path scratch;   // a folder of this build's own, for the driver and its answers
  std::filesystem::path prepared;  // result of PrepareMetadata, which BuildWheel must match; "": none
  std::vector<std::string> seal;   // the beginning of its command
  std::optional<std::chrono::milliseconds> timeout;
};

// The backend does not have this hook.
struct HookAbsent {};
struct HookFailed {
  std::string reason;          // one clause: "it failed (exit status 1)"
  std::string missing_module;  // what could not be imported, where that was the backend itself
};
// The hook's result: requirements, or the name of the file it made in `folder` (checked: a base name that
// exists).
struct HookAnswer {
  std::variant<std::vector<std::string>, std::string, HookAbsent, HookFailed> result;
  std::string output;  // standard output and standard error, in order
};

// `folder`: where the hook puts its result; unused by those that only return requirements. Throws
// Error(Interrupted); Error(Interpreter, Disk) if nothing could be started.
HookAnswer call_hook(Hook hook, const HookPlace& place, const std::filesystem::path& folder,
                     std::stop_token stop);

}  // namespace moat
