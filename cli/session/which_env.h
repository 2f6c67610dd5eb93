// Chooses the environment of a command (docs/cli.md, Which environment).
#pragma once

#include "cli/settings/settings.h"
#include "envs/environment/environment.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace moat {

enum class ChosenBy { Option, User, Tool, MoatEnv, Project, Active, Upwards };

struct ChosenEnvironment {
  std::filesystem::path root;  // absolute; need not exist
  ChosenBy by = ChosenBy::Option;
  std::string told;                 // how the user named it, for messages: "--env lab", "VIRTUAL_ENV"
  std::optional<std::string> note;  // one line the user should see: another one is active
};

// Commands about a project prefer the .venv next to its pyproject.toml to an active environment.
enum class ForProject { No, Yes };

// nullopt if nothing names one. Throws Error(Usage) for a bad name.
std::optional<ChosenEnvironment> choose_environment(const Settings& settings,
                                                    ForProject project = ForProject::No);

// As choose_environment; Error(NoEnvironment) if there is none. Prints nothing: the caller shows the note.
ChosenEnvironment require_environment(const Settings& settings, ForProject project = ForProject::No);

// A path if it contains '/', begins with '.', or is a directory that holds pyvenv.cfg; else a name. Throws
// Error(Usage) if it is neither.
std::filesystem::path environment_path(const std::string& path_or_name, const Settings& settings);

// [A-Za-z0-9][A-Za-z0-9._-]*
bool is_environment_name(std::string_view text);

// For commands that are shown: the environment as this command named it, " --env PATH", " --tool NAME", "
// --user"; "" where it was found.
std::string as_named(const Settings& settings);

}  // namespace moat
