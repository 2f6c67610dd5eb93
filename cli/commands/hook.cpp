// moat hook SHELL: activates the environment of the current folder.
//
// An environment is activated automatically only if moat made it for this user, or this user adopted it: a
// downloaded folder may hold anything under the name .venv, and entering it must not run that.
#include "cli/commands/commands.h"
#include "cli/session/known_environments.h"
#include "envs/environment/environment.h"
#include "envs/environment/shell_words.h"
#include "fetch/os/ownership.h"
#include "fetch/os/presence.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
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
    eval "$(command moat hook bash "$PWD")"
  fi
  return $status
}
[[ ";${PROMPT_COMMAND-};" == *";_moat_hook;"* ]] || PROMPT_COMMAND="_moat_hook${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
)sh";

constexpr std::string_view kZsh = R"sh(# moat's hook in zsh: eval "$(moat hook zsh)"
_moat_hook() {
  local here=$PWD
  [[ -e .venv/pyvenv.cfg ]] && here+=/.venv
  [[ $here == "${_moat_here-}" ]] && return
  _moat_here=$here
  eval "$(command moat hook zsh "$PWD")"
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
    command moat hook fish $PWD | source
end
)sh";

// The hook stores the path of the environment it activated in MOAT_HOOKED, so that one activated by hand
// stays. A shell started inside has the variables but not the function `deactivate`, which sourcing defines.
constexpr std::string_view kLeave = "command -v deactivate >/dev/null || . {0}/bin/activate\ndeactivate\nunset MOAT_HOOKED\n";
constexpr std::string_view kLeaveFish = "functions -q deactivate; or source {0}/bin/activate.fish\ndeactivate\nset -e MOAT_HOOKED\n";
constexpr std::string_view kEnter = ". {0}/bin/activate && export MOAT_HOOKED=\"$VIRTUAL_ENV\"\n";
constexpr std::string_view kEnterFish = "source {0}/bin/activate.fish; and set -gx MOAT_HOOKED $VIRTUAL_ENV\n";
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
  const std::vector<fs::path> known = remembered_environments(settings);
  const bool is_known =
      std::ranges::any_of(known, [&](const fs::path& one) { return is_same_folder(one, *found.path); });
  return is_known ? found.path : std::nullopt;
}

// The shell commands to print. `active`: VIRTUAL_ENV; `hooked`: the last one the hook activated; "" for none.
std::string lines_for(bool is_fish, const std::optional<fs::path>& around, const std::string& active,
                      const std::string& hooked) {
  const auto quoted = [&](const std::string& path) {
    return is_fish ? quoted_for_fish(path) : quoted_for_sh(path);
  };
  const std::string forget = is_fish ? "set -e MOAT_HOOKED\n" : "unset MOAT_HOOKED\n";
  const bool stays = around && !hooked.empty() && is_same_folder(*around, hooked);
  std::string out;
  if (!active.empty() && active != hooked) return hooked.empty() ? out : forget;  // activated by hand
  if (stays) return out;  // even if it was deactivated by hand meanwhile
  if (!active.empty())
    out += fmt::format(fmt::runtime(is_fish ? kLeaveFish : kLeave), quoted(hooked));
  else if (!hooked.empty())
    out += forget;
  if (around) out += fmt::format(fmt::runtime(is_fish ? kEnterFish : kEnter), quoted(around->native()));
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
  session.output().text(lines_for(command.shell == "fish", environment_around(folder, settings),
                                  variable(settings.variables, "VIRTUAL_ENV"),
                                  variable(settings.variables, "MOAT_HOOKED")));
  return 0;
}

}  // namespace moat
