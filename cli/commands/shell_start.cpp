#include "cli/commands/shell_start.h"

#include "envs/environment/shell_words.h"
#include "fetch/os/file.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace moat {
namespace {

// "zsh-5.9" → "zsh", "ksh93" → "ksh".
std::string name_of(const fs::path& shell) {
  const std::string name = shell.filename().native();
  return name.substr(0, name.find_last_not_of("0123456789.-") + 1);
}

bool is_csh(std::string_view name) { return name == "tcsh" || name == "csh" || name == "bsd-csh"; }

const char* script_for(std::string_view name) {
  return is_csh(name) ? "activate.csh" : name == "fish" ? "activate.fish" : "activate";
}

// Stays open across exec; its reader closes it.
int file_in_memory() {
  const int fd = ::memfd_create("moat-shell", 0);  // NOLINT(android-cloexec-memfd-create)
  if (fd < 0) throw_errno("make", "a file in memory", errno);
  return fd;
}

void fill(int fd, const std::string& text) {
  write_all(fd, text, "the start-up file");
  ::lseek(fd, 0, SEEK_SET);
}

std::string path_of(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

// "ZDOTDIR='/there'" or "unset ZDOTDIR": a variable as the user had it.
std::string restored(const Variables& variables, const std::string& name) {
  const auto found = variables.find(name);
  return found == variables.end() ? "unset " + name : name + "=" + quoted_for_sh(found->second);
}

void start_bash(ShellStart& start, const fs::path& script) {
  const int fd = file_in_memory();
  fill(fd, fmt::format("exec {}<&-\n[ -f ~/.bashrc ] && . ~/.bashrc\n. {}\n", fd,
                       quoted_for_sh(script.native())));
  start.argv.insert(start.argv.end(), {"--rcfile", path_of(fd), "-i"});
}

// POSIX: an interactive shell reads the file that ENV names. ksh and mksh have a default file if ENV is not
// set.
void start_posix(ShellStart& start, const fs::path& script, std::string_view usual) {
  const int fd = file_in_memory();
  std::string text = fd < 10 ? fmt::format("exec {}<&-\n", fd) : "";
  text += restored(start.variables, "ENV") + "\n";
  text += fmt::format("eval \"_moat_rc=\\\"${{ENV-{}}}\\\"\"\n", usual);
  text += "[ -z \"$_moat_rc\" ] || [ ! -r \"$_moat_rc\" ] || . \"$_moat_rc\"\nunset _moat_rc\n";
  text += fmt::format(". {}\n", quoted_for_sh(script.native()));
  fill(fd, text);
  start.variables["ENV"] = path_of(fd);
  start.argv.emplace_back("-i");
}

// zsh has no such option: it looks for its files in ZDOTDIR. The user's .zshenv may set that as well.
void start_zsh(ShellStart& start, const fs::path& script) {
  TempDir folder(fs::temp_directory_path(), "moat-zsh");
  const std::string ours = quoted_for_sh(folder.path().native());
  write_file_atomically(folder.path() / ".zshenv", restored(start.variables, "ZDOTDIR") + R"(
[ ! -f "${ZDOTDIR:-$HOME}/.zshenv" ] || . "${ZDOTDIR:-$HOME}/.zshenv"
unset _moat_zdotdir
[ -z "${ZDOTDIR+set}" ] || _moat_zdotdir=$ZDOTDIR
)" + "ZDOTDIR=" + ours + "\n");
  write_file_atomically(folder.path() / ".zshrc", "command rm -rf -- " + ours + R"(
if [ -n "${_moat_zdotdir+set}" ]; then ZDOTDIR=$_moat_zdotdir; else unset ZDOTDIR; fi
unset _moat_zdotdir
[ ! -f "${ZDOTDIR:-$HOME}/.zshrc" ] || . "${ZDOTDIR:-$HOME}/.zshrc"
)" + ". " + quoted_for_sh(script.native()) + "\n");
  start.variables["ZDOTDIR"] = folder.keep().native();
  start.argv.emplace_back("-i");
}

// csh has none either: it looks for its file in HOME.
void start_csh(ShellStart& start, const fs::path& script) {
  TempDir folder(fs::temp_directory_path(), "moat-csh");
  const std::string home = quoted_for_csh(variable(start.variables, "HOME"));
  write_file_atomically(
      folder.path() / ".cshrc",
      fmt::format("setenv HOME {0}\nset home = {0}\nrm -rf {1}\n"
                  "if ($?tcsh && -r ~/.tcshrc) then\n  source ~/.tcshrc\n"
                  "else if (-r ~/.cshrc) then\n  source ~/.cshrc\nendif\nsource {2}\n",
                  home, quoted_for_csh(folder.path().native()), quoted_for_csh(script.native())));
  start.variables["HOME"] = folder.keep().native();
  start.argv.emplace_back("-i");
}

}  // namespace

std::string activation_command(const fs::path& shell, const fs::path& environment) {
  const std::string script = shell_word((environment / "bin" / script_for(name_of(shell))).native());
  constexpr std::array<std::string_view, 5> kWithoutSource = {"sh", "dash", "ash", "ksh", "mksh"};
  return (std::ranges::find(kWithoutSource, name_of(shell)) != kWithoutSource.end() ? ". " : "source ") +
         script;
}

ShellStart shell_start(const fs::path& shell, const fs::path& environment, Variables variables) {
  ShellStart start{{shell.native()}, std::move(variables)};
  const std::string name = name_of(shell);
  std::error_code ignored;
  const fs::path needed = environment / "bin" / script_for(name);
  if (!fs::exists(needed, ignored)) return start;  // an environment of another tool, or one made before
  if (name == "bash")
    start_bash(start, needed);
  else if (name == "zsh")
    start_zsh(start, needed);
  else if (name == "fish")
    start.argv.insert(start.argv.end(), {"--init-command", "source " + quoted_for_fish(needed.native())});
  else if (is_csh(name))
    start_csh(start, needed);
  else if (name == "ksh")
    start_posix(start, needed, "$HOME/.kshrc");
  else if (name == "mksh")
    start_posix(start, needed, "$HOME/.mkshrc");
  else if (name == "sh" || name == "dash" || name == "ash")
    start_posix(start, needed, "");
  return start;
}

}  // namespace moat
