// Before versions are chosen: who builds what has no wheel, and what the sources that name no project are
// called.
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

// From here on sources are candidates, and are built for this Python: by the user's own words (--no-build,
// --only-binary, --config-setting, …) and those of the files. Names goal.unnamed, which may take a build, and
// checks what --require-hashes cannot have. To be called once a command, before resolving.
// `environment`: where it goes; nullopt: not there yet.
// What is to be edited out of a git repository is cloned into the environment's src/; `only_looks` leaves it.
// The clones are gone with what this gives, unless that is told to keep them: once the environment has
// changed.
UndoFolders prepare_sources(Goal& goal, const Interpreter& interpreter, Session& session,
                            const std::optional<Environment>& environment = std::nullopt,
                            bool only_looks = false);

// What builds the project around, by the user's own words.
std::unique_ptr<BuildFrontend> project_builder(const Interpreter& interpreter, Session& session);

// Asks the build backend of a project, as that of any source tree. REQUIRES: prepare_sources() was called.
BackendAnswer ask_backend(const std::filesystem::path& folder, const Target& target, Session& session);

// The same for commands that learn what they are for only later: sources are prepared when it is asked, with
// what the files of `goal` say of indexes. Keeps references.
AskBackend backend_asker(const Goal& goal, std::function<Interpreter()> python, Session& session);

}  // namespace moat
