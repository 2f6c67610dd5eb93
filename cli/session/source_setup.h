// Prepares sources by the user's settings (envs/install/prepare_sources.h).
#pragma once

#include "cli/session/goal.h"
#include "cli/session/session.h"
#include "envs/environment/environment.h"
#include "envs/install/prepare_sources.h"
#include "envs/project/project_files.h"
#include "envs/python/interpreter.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

namespace moat {

// With the user's own options (--no-build, --only-binary, --config-setting, …) and those of the goal's files.
// `environment`: where it is; nullopt: it does not exist yet.
UndoFolders prepare_sources(Goal& goal, const Interpreter& interpreter, Session& session,
                            const std::optional<Environment>& environment = std::nullopt,
                            bool only_looks = false);

// The builder of the surrounding project, with the user's own options.
std::unique_ptr<BuildFrontend> project_builder(const Interpreter& interpreter, Session& session);

// Asks the build backend of a project, as that of any source tree. REQUIRES: prepare_sources() was called.
BackendAnswer ask_backend(const std::filesystem::path& folder, const Target& target, Session& session);

// The same for commands that learn their target only later: sources are prepared when first needed, with the
// index options of `goal`'s files. Keeps references.
AskBackend backend_asker(const Goal& goal, std::function<Interpreter()> python, Session& session);

}  // namespace moat
