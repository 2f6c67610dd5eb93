// moat hook SHELL: activates the environment of the current folder.
//
// An environment is activated automatically only if moat made it for this user, or this user adopted it: a
// downloaded folder may hold anything under the name .venv, and entering it must not run that.
#include "cli/commands/commands.h"
#include "envs/environment/environment.h"
#include "envs/environment/known_environments.h"
#include "envs/environment/shell_words.h"
#include "envs/environment/spawn.h"
#include "fetch/os/ownership.h"
#include "fetch/os/presence.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

namespace moat {
namespace {

// clang-format off
// Before each prompt; calls moat only if the folder changed, or an environment appeared or vanished.
constexpr std::string_view kBash = R"sh(# moat's hook in bash: eval "$(moat hook bash)"
_moat_hook() {
  local status=$? here=$PWD
  [[ -e .venv/pyvenv.cfg ]] && here+=/.venv
  if [[ $here != "${_moat_here-}" ]]; then
    _moat_here=$here
    eval "$(command moat hook bash "$PWD" 2>/dev/null)"
  fi
  return $status
}
[[ ";${PROMPT_COMMAND-};" == *";_moat_hook;"* ]] || PROMPT_COMMAND="_moat_hook${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
)sh";

constexpr std::string_view kZsh = R"sh(# moat's hook in zsh: eval "$(moat hook zsh)"
_moat_hook() {
  setopt localoptions nowarncreateglobal
  local here=$PWD
  [[ -e .venv/pyvenv.cfg ]] && here+=/.venv
  [[ $here == "${_moat_here-}" ]] && return
  _moat_here=$here
  eval "$(command moat hook zsh "$PWD" 2>/dev/null)"
}
autoload -Uz add-zsh-hook
add-zsh-hook precmd _moat_hook
)sh";

constexpr std::string_view kFish = R"sh(# moat's hook in fish: moat hook fish | source
function _moat_hook --on-event fish_prompt
    set -l here $PWD
    test -e .venv/pyvenv.cfg; and set here $here/.venv
    test "$here" = "$_moat_here"; and return
    set -g _moat_here $here
    command moat hook fish $PWD 2>/dev/null | source
end
)sh";

// The hook stores the path of the environment it activated in MOAT_HOOKED, so that one activated by hand
// stays. A shell started inside has the variables but not the function `deactivate`, which sourcing defines; a
// login shell does not even have the PATH.
struct Lines {
  std::string_view enter, define, leave, strip, forget;  // {0}: the environment; {1}: PATH without it
};
constexpr Lines kPosixLines = {
    .enter = "builtin . {0}/bin/activate && export MOAT_HOOKED=\"$VIRTUAL_ENV\"\n",
    .define = "typeset -f deactivate >/dev/null || builtin . {0}/bin/activate\n",
    .leave = "deactivate\nunset MOAT_HOOKED\n",
    .strip = "if typeset -f deactivate >/dev/null; then deactivate; else export PATH={1}; "
             "unset VIRTUAL_ENV VIRTUAL_ENV_PROMPT; fi\nunset MOAT_HOOKED\n",
    .forget = "unset MOAT_HOOKED\n",
};
constexpr Lines kFishLines = {
    .enter = "builtin source {0}/bin/activate.fish; and set -gx MOAT_HOOKED $VIRTUAL_ENV\n",
    .define = "functions -q deactivate; or builtin source {0}/bin/activate.fish\n",
    .leave = "deactivate\nset -e MOAT_HOOKED\n",
    .strip = "if functions -q deactivate; deactivate; else; set -gx PATH (string split : -- {1}); "
             "set -e VIRTUAL_ENV; set -e VIRTUAL_ENV_PROMPT; end\nset -e MOAT_HOOKED\n",
    .forget = "set -e MOAT_HOOKED\n",
};
// clang-format on

std::string_view script_for(std::string_view shell) {
  return shell == "fish" ? kFish : shell == "zsh" ? kZsh : kBash;
}

// The nearest .venv, here or above, that may be activated automatically.
std::optional<fs::path> environment_around(const fs::path& folder, const Settings& settings) {
  const FoundUpwards found = find_upwards(folder, ".venv", Environment::exists_at);
  if (!found.path) return std::nullopt;
  // Root may be in a folder of another user, who could replace its contents.
  if (!is_ours(*found.path) || !is_ours(*found.path / "bin" / "activate")) return std::nullopt;
  return is_remembered(*found.path, settings.data_dir) ? found.path : std::nullopt;
}

// The shell commands to print.
std::string lines_for(bool is_fish, const std::optional<fs::path>& around, const Settings& settings) {
  const Lines& lines = is_fish ? kFishLines : kPosixLines;
  const std::string active = variable(settings.variables, "VIRTUAL_ENV");
  const std::string hooked = variable(settings.variables, "MOAT_HOOKED");  // "" for none
  const auto fill = [&](std::string_view text, const std::string& root) {
    const std::string path = path_without(variable(settings.variables, "PATH"), root + "/bin");
    const auto quoted = [&](const std::string& word) {
      return is_fish ? quoted_for_fish(word) : quoted_for_sh(word);
    };
    return fmt::format(fmt::runtime(text), quoted(root), quoted(path));
  };
  if (active != hooked && !active.empty())  // activated by hand
    return hooked.empty() ? "" : std::string(lines.forget);
  std::string out;
  if (around && !hooked.empty() && is_same_folder(*around, hooked))
    return active.empty() ? "" : fill(lines.define, hooked);  // "": deactivated by hand meanwhile
  if (active.empty()) {
    if (!hooked.empty()) out = lines.forget;
  } else if (is_remembered(hooked, settings.data_dir)) {
    out = fill(lines.define, hooked) + std::string(lines.leave);
  } else {  // moved, deleted or replaced: its scripts must not run
    out = fill(lines.strip, hooked);
  }
  if (around) out += fill(lines.enter, around->native());
  return out;
}

}  // namespace

int execute(const HookCommand& command, Session& session) {
  const Settings& settings = session.settings();
  if (!command.folder) {
    session.output().text(script_for(command.shell));
    return 0;
  }
  const fs::path folder = (settings.working_directory / *command.folder).lexically_normal();
  session.output().text(lines_for(command.shell == "fish", environment_around(folder, settings), settings));
  return 0;
}

}  // namespace moat
