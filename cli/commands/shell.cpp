// moat shell
#include "cli/commands/commands.h"
#include "cli/commands/shell_start.h"
#include "cli/session/bytecode_later.h"
#include "cli/session/open_env.h"
#include "envs/environment/spawn.h"
#include "fetch/os/foreground.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

namespace moat {
namespace {

fs::path shell_of_user(const Settings& settings) {
  const std::string named = variable(settings.variables, "SHELL");
  if (named.empty()) return "/bin/sh";
  const std::optional<fs::path> found = named.find('/') == std::string::npos
                                            ? find_program(named, variable(settings.variables, "PATH"))
                                            : std::optional<fs::path>(settings.working_directory / named);
  std::error_code ignored;
  if (!found || !fs::exists(*found, ignored))
    throw Error(ErrorKind::Usage, fmt::format("your shell, {}, does not exist (SHELL)", quote(named)),
                {"SHELL=/bin/sh moat shell"});
  return *found;
}

}  // namespace

int execute(const ShellCommand&, Session& session) {
  const Settings& settings = session.settings();
  const Environment environment = open_for_reading(session);
  const fs::path shell = shell_of_user(settings);
  session.output().say(fmt::format("a shell in {}; `exit` leaves it", environment.root().native()));
  session.output().flush();
  ShellStart start = shell_start(shell, environment.root(),
                                 program_variables(settings.variables, environment.root(), false));
  make_bytecode_later(session);
  execute_program(start.argv, start.variables);
}

}  // namespace moat
