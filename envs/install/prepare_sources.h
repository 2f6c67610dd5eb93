// Preparations before versions are chosen: how packages without a wheel are built, and which projects the
// unnamed sources are.
#pragma once

#include "envs/build/build.h"
#include "envs/environment/environment.h"
#include "envs/install/goal.h"
#include "envs/install/install_request.h"
#include "envs/python/interpreter.h"
#include "fetch/os/undo_folders.h"
#include "fetch/sources/source_setup.h"
#include "fetch/store/tools.h"
#include "resolver/pep/metadata.h"

#include <filesystem>
#include <memory>
#include <optional>

namespace moat {

// What sources are built by.
struct BuildSetup {
  InstallRequest terms;
  // Completed from the terms: the indexes with the sources, constraints, policies, isolation.
  BuildOptions options;
  Interpreter interpreter;
  std::optional<Environment> environment;  // where it is; nullopt: it does not exist yet
};

// From here on sources are candidates, and are built for this Python: by the terms, and with the options of
// the goal's single lines. Finds the names in goal.unnamed, which may take a build, and checks what
// --require-hashes excludes. To be called once a command, before resolving. Editable requirements from git
// are cloned into the environment's src/; `only_looks` skips that. The clones are removed with the returned
// object, unless it is told to keep them once the environment has changed. REQUIRES: sources.sources.
UndoFolders prepare_sources(Goal& goal, const BuildSetup& how, bool only_looks, SourceSetup& sources,
                            const Tools& tools);

// A builder for one's own use. Error(Usage) without isolation where there is no environment yet.
std::unique_ptr<BuildFrontend> make_builder(const BuildSetup& how, const SourceSetup& sources,
                                            const Tools& tools);

// Asks the build backend of a project, as that of any source tree. REQUIRES: prepare_sources() was called.
CoreMetadata ask_backend(const std::filesystem::path& folder, const SourceSetup& sources,
                         const std::stop_token& stop);

}  // namespace moat
