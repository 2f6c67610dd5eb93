// moat run [--] CMD…
#include "cli/commands/commands.h"
#include "cli/exit_status.h"
#include "cli/open_env.h"
#include "cli/program.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

namespace moat {

int execute(const RunCommand& command, Session& session) {
  const Settings& settings = session.settings();
  const Environment environment = open_for_reading(session);
  const auto found = find_command(command.command, environment.root(), settings.working_directory,
                                  variable(settings.variables, "PATH"), command.pure);
  const std::string& name = command.command.front();
  Output& output = session.output();
  if (const auto* refused = std::get_if<ProgramRefused>(&found)) {
    output.error(Error(ErrorKind::Refused,
                       fmt::format("{} is not in {}; the one on PATH belongs to another Python: {}",
                                   quote(name), environment.root().native(), refused->path.native()),
                       {fmt::format("`moat install {}` puts it into the environment", name),
                        fmt::format("without moat, {} runs as it is", refused->path.native())}));
    return kRunRefused;
  }
  if (std::holds_alternative<ProgramNotFound>(found)) {
    output.error(Error(ErrorKind::NotFound,
                       fmt::format("there is no command {} in {}{}", quote(name), environment.root().native(),
                                   command.pure ? "" : " or on PATH")));
    return kRunNotFound;
  }
  output.flush();
  execute_program(std::get<Program>(found).argv,
                  program_variables(settings.variables, environment.root(), command.pure));
}

}  // namespace moat
