#include "cli/session/which_env.h"

#include "envs/environment/shell_words.h"
#include "fetch/os/file.h"
#include "fetch/os/ownership.h"
#include "fetch/os/presence.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

fs::path absolute_folder(const Settings& settings, const fs::path& path) {
  const fs::path joined = (settings.working_directory / path).lexically_normal();
  return joined.has_filename() ? joined : joined.parent_path();  // without a slash at its end
}

FoundUpwards venv_upwards(const Settings& settings) {
  return find_upwards(settings.working_directory, ".venv", Environment::exists_at);
}

std::string not_used(const fs::path& environment) {
  return fmt::format("{} belongs to {} and is not used; `--env {}` uses it", environment.native(),
                     owner_of(environment), environment.native());
}

// The .venv next to the project, whoever owns that.
void check_own(const fs::path& environment, const Settings& settings) {
  if (!Environment::exists_at(environment) || is_obeyed(environment, settings.working_directory) ||
      is_obeyed(environment, environment.parent_path()))
    return;
  throw Error(ErrorKind::NoEnvironment,
              fmt::format("{} belongs to {}; moat uses it only if you name it", quote(environment.native()),
                          owner_of(environment)),
              {fmt::format("--env {}", environment.native())});
}

}  // namespace

bool is_environment_name(std::string_view text) {
  return !text.empty() && is_ascii_alnum(text.front()) && std::all_of(text.begin(), text.end(), [](char c) {
    return is_ascii_alnum(c) || c == '.' || c == '_' || c == '-';
  });
}

fs::path environment_path(const std::string& path_or_name, const Settings& settings) {
  const fs::path as_path = absolute_folder(settings, path_or_name);
  if (path_or_name.find('/') != std::string::npos || path_or_name.substr(0, 1) == "." ||
      (!path_or_name.empty() && (Environment::exists_at(as_path) || lacks_its_settings(as_path))))
    return as_path;
  if (!is_environment_name(path_or_name))
    throw Error(ErrorKind::Usage,
                fmt::format("{} is not a valid path or name of an environment", quote(path_or_name)),
                {"a path holds a `/`; a name is letters, digits, `.`, `_` and `-`, and begins with a letter "
                 "or digit"});
  return settings.envs_dir() / path_or_name;
}

std::optional<ChosenEnvironment> choose_environment(const Settings& settings, ForProject project) {
  if (settings.env)
    return ChosenEnvironment{
        environment_path(*settings.env, settings), ChosenBy::Option, "--env " + *settings.env, {}};
  if (settings.user) return ChosenEnvironment{settings.user_env(), ChosenBy::User, "--user", {}};
  if (settings.tool)
    return ChosenEnvironment{settings.tools_dir() / settings.tool->normalized(),
                             ChosenBy::Tool,
                             "--tool " + settings.tool->normalized(),
                             {}};
  if (const std::string named = variable(settings.variables, "MOAT_ENV"); !named.empty())
    return ChosenEnvironment{environment_path(named, settings), ChosenBy::MoatEnv, "MOAT_ENV=" + named, {}};

  const std::string active_text = variable(settings.variables, "VIRTUAL_ENV");
  std::optional<fs::path> active, own;
  if (!active_text.empty()) active = absolute_folder(settings, active_text);
  if (settings.pyproject) own = settings.pyproject->parent_path() / ".venv";

  if (project == ForProject::Yes && own) {
    check_own(*own, settings);
    ChosenEnvironment chosen{*own, ChosenBy::Project, "the project", {}};
    if (active && !is_same_folder(*active, *own))
      chosen.note = fmt::format("using {}, the project's; the active environment is {}", own->native(),
                                active->native());
    return chosen;
  }
  if (active) {
    ChosenEnvironment chosen{*active, ChosenBy::Active, "VIRTUAL_ENV", {}};
    if (own && Environment::exists_at(*own) && !is_same_folder(*active, *own))
      chosen.note = fmt::format("using {}, the active environment; the project's is {}", active->native(),
                                own->native());
    return chosen;
  }
  const FoundUpwards found = venv_upwards(settings);
  if (!found.path) return std::nullopt;
  ChosenEnvironment chosen{*found.path, ChosenBy::Upwards, found.path->native(), {}};
  if (!found.passed_over.empty()) chosen.note = not_used(found.passed_over.front());
  return chosen;
}

namespace {

// "" if it is not one. A base is never changed, whoever manages it.
std::string as_base_interpreter(const fs::path& root) {
  std::error_code ignored;
  bool is_base = false, managed = false;
  for (fs::directory_iterator i(root / "lib", ignored), end; !ignored && i != end; i.increment(ignored)) {
    if (!i->path().filename().native().starts_with("python3")) continue;
    std::error_code missing;
    is_base = is_base || fs::exists(i->path() / "os.py", missing);
    managed = managed || fs::exists(i->path() / "EXTERNALLY-MANAGED", missing);  // PEP 668
  }
  if (!is_base) return "";
  return managed ? "a Python that the system manages" : "a Python of its own";
}

}  // namespace

ChosenEnvironment require_environment(const Settings& settings, ForProject project) {
  std::optional<ChosenEnvironment> chosen = choose_environment(settings, project);
  if (!chosen) {
    std::vector<std::string> hints = {"`moat create` makes one in ./.venv", "`--env PATH|NAME` names one"};
    for (const fs::path& other : venv_upwards(settings).passed_over) hints.push_back(not_used(other));
    throw Error(ErrorKind::NoEnvironment, "there is no environment here", std::move(hints));
  }
  if (!is_there(chosen->root / "pyvenv.cfg")) {
    if (const std::string base = as_base_interpreter(chosen->root); !base.empty())
      throw Error(
          ErrorKind::NoEnvironment,
          fmt::format("{} ({}) is {}, not an environment; moat installs only into environments",
                      quote(chosen->root.native()), chosen->told, base),
          {"`moat create` makes an environment in ./.venv", "`moat install --user` installs for this user"});
    if (lacks_its_settings(chosen->root)) throw_lacks_settings(chosen->root);
    if (chosen->by == ChosenBy::Tool)
      throw Error(ErrorKind::NoEnvironment,
                  fmt::format("application {} not found", quote(settings.tool->normalized())),
                  {fmt::format("`moat tool install {}` installs it", settings.tool->normalized()),
                   "`moat tool list` lists those that are installed"});
    const bool by_name = chosen->root.parent_path() == settings.envs_dir();
    const std::string create = chosen->by == ChosenBy::User ? "moat install --user PACKAGE"
                               : by_name ? fmt::format("moat create -n {}", chosen->root.filename().native())
                                         : fmt::format("moat create {}", chosen->root.native());
    throw Error(ErrorKind::NoEnvironment,
                fmt::format("there is no environment at {} ({})", quote(chosen->root.native()), chosen->told),
                {fmt::format("`{}` makes it", create)});
  }
  return std::move(*chosen);
}

std::string as_named(const Settings& settings) {
  if (settings.tool) return " --tool " + settings.tool->display();
  if (settings.user) return " --user";
  return settings.env ? " --env " + shell_word(*settings.env) : "";
}

}  // namespace moat
