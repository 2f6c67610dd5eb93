#include "cli/session/source_setup.h"

#include "cli/session/install_terms.h"
#include "cli/session/tools.h"

#include <utility>

namespace moat {
namespace {

BuildSetup build_setup(InstallRequest terms, const Interpreter& interpreter,
                       const std::optional<Environment>& environment, const Session& session) {
  const Settings& settings = session.settings();
  BuildOptions options;
  options.requirements.indexes = session.index_options(terms.indexes);
  // Pre-release options in the request's files apply to what the files ask for, not to builds.
  options.requirements.prereleases = settings.prereleases;
  options.variables = {settings.variables.begin(), settings.variables.end()};
  options.named_variables = settings.build_env;
  return {std::move(terms), std::move(options), interpreter, environment};
}

}  // namespace

UndoFolders prepare_sources(Goal& goal, const Interpreter& interpreter, Session& session,
                            const std::optional<Environment>& environment, bool only_looks) {
  InstallRequest terms = whole_install_request(goal, session);
  SourceSetup& sources = session.use_sources(terms.indexes);
  const Tools tools = tools_for(terms.indexes, session);
  return prepare_sources(goal, build_setup(std::move(terms), interpreter, environment, session), only_looks,
                         sources, tools);
}

std::unique_ptr<BuildFrontend> project_builder(const Interpreter& interpreter, Session& session) {
  InstallRequest terms = whole_install_request({}, session);
  const Tools tools = tools_for(terms.indexes, session);
  return make_builder(build_setup(std::move(terms), interpreter, std::nullopt, session), session.sources(),
                      tools);
}

BackendAnswer ask_backend(const fs::path& folder, const Target& target, Session& session) {
  return {ask_backend(folder, session.sources(), session.stop()), target.environment};
}

AskBackend backend_asker(const Goal& goal, std::function<Interpreter()> python, Session& session) {
  return [&goal, python = std::move(python), &session](const fs::path& folder) {
    const Interpreter interpreter = python();
    Goal options{.file_options = goal.file_options};
    prepare_sources(options, interpreter, session);
    return ask_backend(folder, target_of(interpreter), session);
  };
}

}  // namespace moat
