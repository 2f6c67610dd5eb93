// moat run [--] CMD…
#include "cli/commands/commands.h"
#include "cli/exit_status.h"
#include "cli/open_env.h"
#include "cli/program.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

namespace moat {
namespace {

Error refusal(const std::string& name, const fs::path& path, const fs::path& environment) {
  const std::string as_it_is = fmt::format("without moat, {} runs as it is", path.native());
  if (name.find('/') != std::string::npos)
    return {
        ErrorKind::Refused, fmt::format("{} belongs to another Python", quote(path.native())), {as_it_is}};
  return {ErrorKind::Refused,
          fmt::format("{} is not in {}; the one on PATH belongs to another Python: {}", quote(name),
                      environment.native(), path.native()),
          {"`moat install PACKAGE` puts the package that brings it into the environment", as_it_is}};
}

}  // namespace

int execute(const RunCommand& command, Session& session) {
  const Settings& settings = session.settings();
  const Environment environment = open_for_reading(session);
  const auto found = find_command(command.command, environment.root(), settings.working_directory,
                                  variable(settings.variables, "PATH"), command.pure);
  const std::string& name = command.command.front();
  Output& output = session.output();
  if (const auto* refused = std::get_if<ProgramRefused>(&found)) {
    output.error(refusal(name, refused->path, environment.root()));
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
