#include "fetch/os/detached.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <string_view>

namespace moat {

namespace {

// The variables that a program and its Pythons need; no credentials or settings of the user's command.
std::vector<char*> few_variables() {
  constexpr std::array<std::string_view, 5> kKept = {"HOME", "LANG", "LC_ALL", "PATH", "TMPDIR"};
  std::vector<char*> out;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const std::string_view name = text.substr(0, text.find('='));
    if (std::ranges::find(kKept, name) != kKept.end() || name.ends_with("SAN_OPTIONS"))
      out.push_back(*variable);
  }
  out.push_back(nullptr);
  return out;
}

// In the child of a process with threads: only system calls are allowed.
[[noreturn]] void become_detached(char* const* argv, char* const* variables) {
  ::setsid();
  if (::fork() != 0) ::_exit(0);  // the one that stays belongs to no one, and waits for no terminal
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGQUIT}) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDWR);  // NOLINT(android-cloexec-open): it is the standard streams
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (null < 0 || ::dup2(null, stream) < 0) ::_exit(127);
  ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0U);
  if (::chdir("/") != 0) ::_exit(127);
  ::setpriority(PRIO_PROCESS, 0, 19);
  constexpr int kThisProcess = 1, kIdle = 3 << 13;  // linux/ioprio.h
  ::syscall(SYS_ioprio_set, kThisProcess, 0, kIdle);
  ::execve("/proc/self/exe", argv, variables);
  ::_exit(127);
}

}  // namespace

bool start_detached(const std::vector<std::string>& arguments) noexcept try {
  std::vector<std::string> words = {"moat"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::vector<char*> variables = few_variables();
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) become_detached(argv.data(), variables.data());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
} catch (const std::exception&) {
  return false;
}

}  // namespace moat
