// Preparations before versions are chosen: how packages without a wheel are built, and which projects the
// unnamed sources are.
#pragma once

#include "cli/session/goal.h"
#include "cli/session/session.h"
#include "cli/session/undo_folders.h"
#include "cli/settings/project_files.h"
#include "envs/build/build.h"
#include "envs/environment/environment.h"
#include "envs/python/interpreter.h"

#include <memory>
#include <optional>

namespace moat {

// From here on sources are candidates, and are built for this Python: with the user's own options
// (--no-build, --only-binary, --config-setting, …) and those of the files. Finds the names in
// goal.unnamed, which may take a build, and checks what --require-hashes excludes. To be called once a
// command, before resolving. `environment`: where it is; nullopt: it does not exist yet. Editable
// requirements from git are cloned into the environment's src/; `only_looks` skips that. The clones
// are removed with the returned object, unless it is told to keep them once the environment has
// changed.
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
