// moat shell
#include "cli/commands/commands.h"
#include "cli/open_env.h"
#include "cli/program.h"
#include "fetch/os/file.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace moat {
namespace {

// 'it'\''s': one word for a shell.
std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// bash reads its own start-up file first, and what that does to PATH must not win: so a start-up file of
// ours, in memory, that runs the user's and then activates.
std::string bash_startup_file(const Environment& environment) {
  const std::string text = fmt::format("[ -f ~/.bashrc ] && . ~/.bashrc\n. {}\n",
                                       shell_quoted((environment.root() / "bin" / "activate").native()));
  const int fd = ::memfd_create("moat-shell", 0);  // stays open across exec
  if (fd < 0) throw_errno("cannot make a file in memory for", "bash", errno);
  write_all(fd, text, "the start-up file");
  ::lseek(fd, 0, SEEK_SET);
  return fmt::format("/proc/self/fd/{}", fd);
}

}  // namespace

int execute(const ShellCommand&, Session& session) {
  const Settings& settings = session.settings();
  const Environment environment = open_for_reading(session);
  std::string shell = variable(settings.variables, "SHELL");
  if (shell.empty()) shell = "/bin/sh";
  std::vector<std::string> argv{shell};
  const std::string name = fs::path(shell).filename().native();
  if (name == "bash")
    argv.insert(argv.end(), {"--rcfile", bash_startup_file(environment), "-i"});
  else if (name == "fish")
    argv.insert(argv.end(),
                {"--init-command",
                 "source " + shell_quoted((environment.root() / "bin" / "activate.fish").native())});
  session.output().say(fmt::format("a shell in {}; `exit` leaves it", environment.root().native()));
  session.output().flush();
  execute_program(argv, program_variables(settings.variables, environment.root(), false));
}

}  // namespace moat
