// moat python list | find | pin | install | uninstall
#include "cli/commands/commands.h"
#include "cli/session/python_installs.h"
#include "cli/session/required_python.h"
#include "envs/project/project_files.h"
#include "envs/python/managed_pythons.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace moat {
namespace {

bool is_managed(const Interpreter& interpreter, const Settings& settings) {
  std::error_code ignored;
  return fs::equivalent(interpreter.prefix.parent_path(), settings.pythons_dir(), ignored);
}

nlohmann::ordered_json to_document(const Interpreter& interpreter, const Settings& settings) {
  return {{"implementation", interpreter.implementation},
          {"version", interpreter.version},
          {"executable", interpreter.executable.native()},
          {"free_threaded", interpreter.free_threaded},
          {"libc", interpreter.libc},
          {"managed", is_managed(interpreter, settings)}};
}

std::string version_text(std::string_view version, bool free_threaded) {
  return fmt::format("{}{}", version, free_threaded ? "t" : "");
}

int list_available(Session& session) {
  Output& output = session.output();
  std::vector<std::string> here;
  for (const ManagedPython& python : managed_pythons(session.settings().pythons_dir()))
    here.push_back(python.name);
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const PythonBuild& build : offered_pythons(python_mirror(session))) {
    if (build.debug) continue;
    const bool installed = std::find(here.begin(), here.end(), build.install_name()) != here.end();
    output.result(fmt::format("{:<8} {:<10} {}{}", build.implementation,
                              version_text(build.version.to_string(), build.free_threaded), build.release,
                              installed ? "  installed" : ""));
    documents.push_back({{"implementation", build.implementation},
                         {"version", build.version.to_string()},
                         {"free_threaded", build.free_threaded},
                         {"release", build.release},
                         {"file", build.filename},
                         {"installed", installed}});
  }
  if (output.json())
    output.document({{"schema", 1}, {"available", documents}});
  else if (documents.empty())
    output.say("there is no Python for this machine");
  return 0;
}

// Next to pyproject.toml, else in the current folder.
fs::path pin_file(const Settings& settings) {
  return (settings.pyproject ? settings.pyproject->parent_path() : settings.working_directory) /
         ".python-version";
}

// A pin of a Python that is missing here may be meant for others; one that the project excludes is an error.
void check_pin(const std::string& spec, Session& session) {
  if (!names_version(spec))
    throw Error(ErrorKind::Usage, fmt::format("{} is not a version of Python", quote(spec)),
                {"for example 3.13, '>=3.11', 3.13t or pypy@3.10"});
  const Settings& settings = session.settings();
  if (!is_here(spec, session.discovery(), session.store())) {
    session.output().warn(
        fmt::format("no Python {} is here; `moat python install {}` downloads one", quote(spec), spec));
    return;
  }
  const Interpreter python = find_interpreter(spec, session.discovery(), session.store());
  const std::optional<SpecifierSet> required = required_python(settings);
  if (required && !admits(*required, python))
    throw Error(ErrorKind::NoInterpreter,
                fmt::format("{} is Python {}, and the project requires Python {}", quote(spec),
                            python.version, required->to_string()),
                {fmt::format("`moat python pin '{}'` names one that it admits", required->to_string())});
}

// A Python that does not start is listed by its folder only.
bool is_meant(const ManagedPython& python, const std::string& spec, Session& session) {
  if (python.name == spec) return true;
  if (!names_version(spec)) return false;
  try {
    return meets_spec(probe_interpreter(python.executable(), session.store()), spec, session.discovery(),
                      session.store());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Interpreter) throw;
    return false;
  }
}

}  // namespace

int execute(const PythonListCommand& command, Session& session) {
  if (command.available) return list_available(session);
  Output& output = session.output();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const Interpreter& interpreter : list_interpreters(session.discovery(), session.store())) {
    output.result(fmt::format("{:<8} {:<10} {}", interpreter.implementation,
                              version_text(interpreter.version, interpreter.free_threaded),
                              interpreter.executable.native()));
    documents.push_back(to_document(interpreter, session.settings()));
  }
  if (output.json())
    output.document({{"schema", 1}, {"interpreters", documents}});
  else if (documents.empty())
    output.say("no Python was found on PATH or below ~/.pyenv; `moat python install 3` downloads one");
  return 0;
}

int execute(const PythonFindCommand& command, Session& session) {
  const Interpreter interpreter = command.spec
                                      ? find_interpreter(*command.spec, session.discovery(), session.store())
                                      : session.chosen_interpreter(required_python(session.settings()));
  session.output().result(interpreter.executable.native());
  if (session.output().json()) {
    nlohmann::ordered_json document{{"schema", 1}};
    document.update(to_document(interpreter, session.settings()));
    session.output().document(document);
  }
  return 0;
}

int execute(const PythonPinCommand& command, Session& session) {
  Output& output = session.output();
  const fs::path file = pin_file(session.settings());
  std::vector<std::string> pins;
  if (command.spec) {
    check_pin(*command.spec, session);
    write_file_atomically(file, *command.spec + "\n");
    pins = {*command.spec};
    output.say(fmt::format("{} now says {}", file.native(), *command.spec));
  } else {
    pins = pinned_specs(session.settings().working_directory);
    if (pins.empty())
      throw Error(ErrorKind::NotFound, "no .python-version here or in a folder above",
                  {"`moat python pin 3.13` writes one"});
    for (const std::string& pin : pins) output.result(pin);
  }
  if (output.json()) output.document({{"schema", 1}, {"pins", pins}});
  return 0;
}

int execute(const PythonInstallCommand& command, Session& session) {
  Output& output = session.output();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const std::string& spec : command.specs) {
    const InstalledPython python = install_python(spec, python_mirror(session));
    if (python.was_there)
      output.say(fmt::format("{} is already installed", python.name));
    else
      output.result(fmt::format("+ {}  {}", python.name, python.interpreter.executable.native()));
    nlohmann::ordered_json document = to_document(python.interpreter, session.settings());
    document["name"] = python.name;
    document["was_there"] = python.was_there;
    documents.push_back(std::move(document));
  }
  if (output.json()) output.document({{"schema", 1}, {"installed", documents}});
  return 0;
}

int execute(const PythonUninstallCommand& command, Session& session) {
  Output& output = session.output();
  nlohmann::ordered_json removed = nlohmann::ordered_json::array();
  for (const std::string& spec : command.specs) {
    bool any = false;
    for (const ManagedPython& python : managed_pythons(session.settings().pythons_dir())) {
      if (!is_meant(python, spec, session)) continue;
      any = true;
      if (!command.dry_run) remove_tree(python.root);
      output.result(fmt::format("- {}", python.name));
      removed.push_back(python.name);
    }
    if (!any) output.warn(fmt::format("no Python {} is installed by moat", quote(spec)));
  }
  if (command.dry_run) output.say("nothing was done");
  if (output.json()) output.document({{"schema", 1}, {"removed", removed}, {"dry_run", command.dry_run}});
  return 0;
}

}  // namespace moat
