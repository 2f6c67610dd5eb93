// moat pip …: dispatches pip's commands and translates exit statuses.
#include "cli/commands/commands.h"
#include "cli/pip/commands.h"

#include <array>
#include <string_view>

namespace moat {
namespace {

struct Entry {
  std::string_view name;
  int (*run)(const PipCommand&, Session&);
};
constexpr std::array kCommands = {
    Entry{"install", pip_install}, Entry{"uninstall", pip_uninstall}, Entry{"list", pip_list},
    Entry{"freeze", pip_freeze},   Entry{"show", pip_show},           Entry{"check", pip_check},
    Entry{"hash", pip_hash},       Entry{"download", pip_download},   Entry{"wheel", pip_wheel},
    Entry{"cache", pip_cache},     Entry{"index", pip_index},         Entry{"inspect", pip_inspect},
};

constexpr int kError = 1, kNoVirtualenv = 3;

}  // namespace

int execute(const PipCommand& command, Session& session) {
  try {
    for (const Entry& entry : kCommands)
      if (entry.name == command.command) return entry.run(command, session);
    throw Error(ErrorKind::Usage, "no command given", {"`moat pip help` lists the commands"});
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::Interrupted) throw;
    session.output().error(error);
    return error.kind() == ErrorKind::NoEnvironment && command.has("require-virtualenv") ? kNoVirtualenv
                                                                                         : kError;
  }
}

}  // namespace moat
