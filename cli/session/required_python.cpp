#include "cli/session/required_python.h"

#include "cli/session/environment_facts.h"
#include "envs/environment/shell_words.h"
#include "envs/project/project_files.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

namespace moat {
namespace {

// The command that makes another environment in its place.
std::string replacing(const Environment& environment, const Settings& settings, const std::string& spec) {
  const fs::path& root = environment.root();
  const std::string where = root.parent_path() == settings.envs_dir()
                                ? "-n " + root.filename().native()
                                : shell_word(root.lexically_proximate(settings.working_directory).native());
  const bool is_path =
      where.find('/') != std::string::npos || where.starts_with('.') || where.starts_with("-n ");
  return fmt::format("moat create {}{} -p {} --replace", is_path ? "" : "./", where, shell_word(spec));
}

}  // namespace

Interpreter interpreter_here(Session& session) {
  const std::optional<ChosenEnvironment> chosen = choose_environment(session.settings());
  if (!chosen || !Environment::exists_at(chosen->root))
    return session.chosen_interpreter(required_python(session.settings()));
  return interpreter_like(Environment::open(chosen->root, Environment::Foreign::Allowed), session);
}

bool admits(const SpecifierSet& required, const Interpreter& python) {
  return required.contains(Version::of({python.major, python.minor, python.micro}));
}

void check_python_option(const Environment& environment, Session& session) {
  const Settings& settings = session.settings();
  if (!settings.python_is_option) return;
  const Interpreter python = interpreter_like(environment, session);
  if (meets_spec(python, *settings.python, session.discovery(), session.store())) return;
  find_interpreter(*settings.python, session.discovery(), session.store());  // or reports the available ones
  throw Error(
      ErrorKind::NoInterpreter,
      fmt::format("{} has Python {}, but -p requires {}", quote(environment.root().native()), python.version,
                  quote(*settings.python)),
      {fmt::format("`moat create ./other -p {}` makes another one with it; use that with `--env ./other`",
                   shell_word(*settings.python)),
       fmt::format("`{}` recreates this one, empty, with that Python",
                   replacing(environment, settings, *settings.python))});
}

void check_required_python(const Environment& environment, Session& session, const std::string& otherwise) {
  const Settings& settings = session.settings();
  const std::optional<SpecifierSet> required = required_python(settings);
  if (!required) return;
  // If the Python may not be asked, its recorded version is believed.
  const Interpreter& facts = environment.interpreter();
  const Version python = environment.is_foreign() ? target_of(environment, session).python
                                                  : Version::of({facts.major, facts.minor, facts.micro});
  if (required->contains(python)) return;
  std::vector<std::string> hints{fmt::format("`{}` recreates it, empty; then `moat lock` and `moat sync`",
                                             replacing(environment, settings, required->to_string()))};
  if (!otherwise.empty()) hints.push_back(otherwise);
  throw Error(ErrorKind::NoInterpreter,
              fmt::format("{} has Python {}, but {} requires Python {}", quote(environment.root().native()),
                          python.to_string(),
                          settings.pyproject->lexically_proximate(settings.working_directory).native(),
                          required->to_string()),
              std::move(hints));
}

}  // namespace moat
