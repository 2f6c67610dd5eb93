// moat pip install --target, --prefix, --root: packages in a folder that is not an environment.
#include "cli/pip/commands.h"
#include "cli/pip/place.h"
#include "cli/pip/report.h"
#include "cli/pip/sources.h"
#include "cli/session/which_env.h"
#include "envs/place/plain_folder.h"
#include "fetch/os/file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {
namespace {

struct Folder {
  fs::path root;
  Scheme scheme;
  fs::path python;
  bool is_target = false;
};

// The environment that would be used without --root, or the base.
fs::path default_prefix(const Interpreter& interpreter, const Settings& settings) {
  const std::optional<ChosenEnvironment> chosen = choose_environment(settings);
  return chosen && Environment::exists_at(chosen->root) ? chosen->root : interpreter.prefix;
}

fs::path python_for_commands(const PipCommand& command, const Interpreter& interpreter,
                             const Settings& settings) {
  const std::optional<ChosenEnvironment> chosen = choose_environment(settings);
  const bool base = command.has("python") && !settings.env;
  if (!base && chosen && Environment::exists_at(chosen->root)) return chosen->root / "bin" / "python";
  return interpreter.executable;
}

fs::path absolute_folder(const std::string& text, const Settings& settings) {
  const fs::path path = (settings.working_directory / text).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

Folder folder_of(const PipCommand& command, const Interpreter& interpreter, Session& session) {
  Folder folder{.python = python_for_commands(command, interpreter, session.settings())};
  if (command.has("target")) {
    if (command.has("prefix") || command.has("root") || session.settings().user)
      throw Error(ErrorKind::Usage, "cannot combine --target with --user, --prefix or --root");
    folder.root = absolute_folder(command.value("target"), session.settings());
    folder.scheme = target_scheme();
    folder.is_target = true;
    return folder;
  }
  if (session.settings().user) throw Error(ErrorKind::Usage, "cannot combine --user and --prefix or --root");
  folder.root = command.has("prefix") ? absolute_folder(command.value("prefix"), session.settings())
                                      : default_prefix(interpreter, session.settings());
  if (command.has("root"))
    folder.root = absolute_folder(command.value("root"), session.settings()) / folder.root.relative_path();
  if (Environment::exists_at(folder.root))
    throw Error(ErrorKind::Refused,
                fmt::format("{} is an environment, and moat keeps a record of what lies in one",
                            folder.root.native()),
                {fmt::format("`moat pip --python {} install …` installs into it", folder.root.native())});
  folder.scheme = venv_scheme(interpreter.implementation, interpreter.major_minor());
  return folder;
}

void report_if_asked(const PipCommand& command, const PipChoice& choice, const TransactionRequest& request,
                     const Target& target, Session& session) {
  if (command.has("report"))
    write_report(installation_report(choice.goal, choice.plan, request, target.environment),
                 command.value("report"), session);
}

// Prints what would be installed; returns true if only that was asked for.
bool was_dry_run(const PipCommand& command, const TransactionRequest& request, Session& session) {
  if (!command.has("dry-run")) return false;
  if (!request.install.empty())
    pip_say(session, fmt::format("Would install {}", names_and_versions(request.install)));
  return true;
}

}  // namespace

int pip_install_nowhere(const PipCommand& command, Session& session) {
  const Interpreter interpreter = pip_interpreter(command, session);
  const Target target = pip_target(command, interpreter);
  const auto choice = choose_packages(command, interpreter, target, {}, session);
  const TransactionRequest request = command.has("report")
                                         ? with_wheels(choice->plan, {}, false, {}, choice->goal, session)
                                         : without_wheels(choice->plan);
  report_if_asked(command, *choice, request, target, session);
  was_dry_run(command, request, session);
  return 0;
}

int pip_install_into_folder(const PipCommand& command, Session& session) {
  if (is_foreign_target(command) && !command.has("target") && !command.has("dry-run"))
    throw Error(
        ErrorKind::Usage,
        "--python-version, --platform, --abi and --implementation are for --target and --dry-run only");
  if (command.has("editable"))
    throw Error(ErrorKind::Usage, "an editable project belongs into an environment, not into a plain folder");
  const Interpreter interpreter = pip_interpreter(command, session);
  const Target target = pip_target(command, interpreter);
  const Folder folder = folder_of(command, interpreter, session);
  // As in pip, --target resolves as if nothing were there; existing packages decide later what is kept.
  const bool anew = folder.is_target || command.has("ignore-installed");
  const InstalledDistributions there =
      anew ? InstalledDistributions() : installed_in_folder(folder.root, folder.scheme);
  const auto choice = choose_packages(command, interpreter, target, there, session);
  const TransactionRequest request = with_wheels(choice->plan, {}, false, {}, choice->goal, session);
  report_if_asked(command, *choice, request, target, session);
  const FolderRequest placing{.root = folder.root,
                              .scheme = folder.scheme,
                              .python = folder.python,
                              .install = request.install,
                              .link_mode = session.settings().link_mode,
                              .keep = folder.is_target && !command.has("upgrade"),
                              .strict_files = session.settings().strict_files};
  if (command.has("dry-run")) plan_folder(placing);  // refuses what the installation would be refused for
  if (was_dry_run(command, request, session)) return 0;

  const FolderResult result = place_in_folder(placing, session.workers());
  for (const std::string& warning : result.warnings) session.output().warn(warning);
  for (const std::string& entry : result.kept)
    session.output().warn(
        fmt::format("target directory {} already exists; specify --upgrade to force replacement",
                    (folder.root / entry).native()));
  if (!request.install.empty())
    pip_say(session, fmt::format("Successfully installed {}", names_and_versions(request.install)));
  return 0;
}

}  // namespace moat
