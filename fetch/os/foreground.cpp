#include "fetch/os/foreground.h"

#include "fetch/os/file.h"
#include "fetch/os/interrupt.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace moat {
namespace {

// Words and variables as the kernel takes them.
struct NativeCall {
  NativeCall(const std::vector<std::string>& argv, const Variables& variables) : words_(argv) {
    for (const auto& [name, value] : variables) texts_.push_back(name + "=" + value);
    for (std::string& word : words_) arguments.push_back(word.data());
    for (std::string& text : texts_) environment.push_back(text.data());
    arguments.push_back(nullptr);
    environment.push_back(nullptr);
  }
  ~NativeCall() = default;
  NativeCall(const NativeCall&) = delete;
  NativeCall& operator=(const NativeCall&) = delete;

  std::vector<char*> arguments, environment;

 private:
  std::vector<std::string> words_, texts_;
};

}  // namespace

int run_program(const std::vector<std::string>& argv, const Variables& variables,
                const std::stop_token& stop) {
  const NativeCall call(argv, variables);
  pid_t child = 0;
  if (const int failure = ::posix_spawn(&child, call.arguments[0], nullptr, nullptr, call.arguments.data(),
                                        call.environment.data());
      failure != 0)
    throw_errno("start", argv.front(), failure);
  int status = 0;
  bool told = false;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw_errno("wait for", argv.front(), errno);
    // A terminal signals the child itself; a signal sent to this process alone is passed on.
    if (stop.stop_requested() && !std::exchange(told, true)) ::kill(child, SIGTERM);
  }
  throw_if_interrupted(stop);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void execute_program(const std::vector<std::string>& argv, const Variables& variables) {
  const NativeCall call(argv, variables);
  // Our own deadline would also apply to the program.
  throw_if_interrupted();
  ::alarm(0);
  ::execve(call.arguments[0], call.arguments.data(), call.environment.data());
  if (errno == ENOEXEC) {  // a script without a first line: what a shell would do
    std::vector<std::string> words = {"/bin/sh"};
    words.insert(words.end(), argv.begin(), argv.end());
    const NativeCall by_shell(words, variables);
    ::execve(by_shell.arguments[0], by_shell.arguments.data(), by_shell.environment.data());
  }
  throw_errno("start", argv.front(), errno);
}

}  // namespace moat
