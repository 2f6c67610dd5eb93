#include "fetch/os/process.h"

#include "fetch/os/file.h"
#include "fetch/os/kept_output.h"
#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <functional>
#include <string_view>
#include <system_error>

namespace moat {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void throw_cannot_run(ErrorKind kind, const std::string& program, std::string_view reason) {
  throw Error(kind, fmt::format("cannot run {}: {}", quote(program), reason));
}

struct Pipe {
  UniqueFd read, write;
};

// Above 2, so that replacing the child's standard streams never overwrites one still needed (this process may
// have been started without some of them).
UniqueFd above_standard_streams(UniqueFd fd) {
  if (fd.get() > STDERR_FILENO) return fd;
  return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

Pipe make_pipe(const std::string& program) {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0)
    throw_cannot_run(ErrorKind::Disk, program, std::generic_category().message(errno));
  Pipe pipe{above_standard_streams(UniqueFd(fds[0])), above_standard_streams(UniqueFd(fds[1]))};
  if (!pipe.read || !pipe.write)
    throw_cannot_run(ErrorKind::Disk, program, std::generic_category().message(errno));
  return pipe;
}

void make_nonblocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }

  void put(int fd, int place) { check(posix_spawn_file_actions_adddup2(&actions_, fd, place)); }
  void put_null(int place) {
    check(posix_spawn_file_actions_addopen(&actions_, place, "/dev/null", O_RDONLY, 0));
  }
  void change_directory(const fs::path& path) {
    check(posix_spawn_file_actions_addchdir_np(&actions_, path.c_str()));
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  static void check(int result) {
    if (result != 0) throw std::system_error(result, std::generic_category());
  }
  posix_spawn_file_actions_t actions_{};
};

// Its own process group, so that all of it can be killed; default signal handling, whatever the threads of
// this process block.
class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t to_default;
    sigemptyset(&none);
    sigemptyset(&to_default);
    for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGCHLD}) sigaddset(&to_default, signal);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &to_default);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> environment_texts(const Command& command) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : *command.environment) texts.push_back(name + "=" + value);
  return texts;
}

std::string path_variable(const Command& command) {
  for (const auto& [name, value] : *command.environment)
    if (name == "PATH") return value;
  return "";
}

std::string reason_not_started(const std::string& program, int error_number) {
  const bool has_slash = program.find('/') != std::string::npos;
  if (error_number == ENOENT && has_slash && ::access(program.c_str(), F_OK) == 0)
    return "the program named in its first line, or its loader, does not exist";
  if (error_number == ENOENT && !has_slash) return "it was not found on PATH";
  return std::generic_category().message(error_number);
}

ErrorKind kind_not_started(int error_number) {
  const bool ours =
      error_number == EAGAIN || error_number == ENOMEM || error_number == EMFILE || error_number == ENFILE;
  return ours ? ErrorKind::Disk : ErrorKind::Interpreter;
}

pid_t spawn(const Command& command, const FileActions& actions) {
  const Attributes attributes;
  std::vector<std::string> arguments = command.argv;
  const std::vector<char*> argv = pointers_to(arguments);
  const std::string& program = command.argv.front();
  pid_t pid = -1;
  int result = 0;
  if (!command.environment) {
    result = ::posix_spawnp(&pid, program.c_str(), actions.get(), attributes.get(), argv.data(), environ);
  } else {
    // posix_spawnp would search our own PATH.
    const auto found = program.find('/') == std::string::npos ? find_program(program, path_variable(command))
                                                              : fs::path(program);
    if (!found) throw_cannot_run(ErrorKind::Interpreter, program, reason_not_started(program, ENOENT));
    std::vector<std::string> texts = environment_texts(command);
    const std::vector<char*> envp = pointers_to(texts);
    result = ::posix_spawn(&pid, found->c_str(), actions.get(), attributes.get(), argv.data(), envp.data());
  }
  if (result == EAGAIN)
    throw Error(ErrorKind::Disk,
                fmt::format("cannot run {}: {}", quote(program), reason_not_started(program, result)),
                {"this user may not have more processes: see `ulimit -u`, or the limit of the container"});
  if (result != 0) throw_cannot_run(kind_not_started(result), program, reason_not_started(program, result));
  return pid;
}

// Writing to a child that no longer reads must give EPIPE, not kill this process: SIGPIPE is blocked in this
// thread and, if it came, discarded. (Other threads and the process's own handling are unaffected.)
class SigpipeBlocked {
 public:
  SigpipeBlocked() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  SigpipeBlocked(const SigpipeBlocked&) = delete;
  SigpipeBlocked& operator=(const SigpipeBlocked&) = delete;
  ~SigpipeBlocked() {
    if (sigismember(&before_, SIGPIPE) == 1) return;
    const timespec none{};
    while (sigtimedwait(&pipe_, nullptr, &none) == SIGPIPE) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

// By number: glibc 2.36's header forgets extern "C". Invalid where the kernel has none or forbids it.
UniqueFd open_pidfd(pid_t pid) { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

// A started child: reads, writes and waits, and always reaps.
class Child {
 public:
  Child(pid_t pid, UniqueFd input, UniqueFd output, UniqueFd errors, std::size_t most_output)
      : pid_(pid),
        pidfd_(open_pidfd(pid)),
        input_(std::move(input)),
        output_(std::move(output)),
        errors_(std::move(errors)),
        said_(most_output),
        complained_(most_output) {
    for (const UniqueFd* fd : {&input_, &output_, &errors_})
      if (*fd) make_nonblocking(fd->get());
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (!reaped_) {
      kill_group();
      reap();
    }
  }

  ProcessResult run(std::string_view input, std::optional<Clock::time_point> deadline, int stop_fd,
                    const std::stop_token& stop) {
    while (true) {
      if (stop.stop_requested()) kill_group();
      if (deadline && Clock::now() >= *deadline && !result_.timed_out && !exited_) {
        result_.timed_out = true;
        kill_group();
      }
      if (exited_ && ((!output_ && !errors_) || Clock::now() >= *linger_until_)) break;
      poll_once(input, deadline, killed_ ? -1 : stop_fd);
    }
    result_.status = reap();
    result_.output = said_.take();
    result_.errors = complained_.take();
    return std::move(result_);
  }

 private:
  // After the child has ended, its own children may keep the streams open: read them a little
  // longer.
  static constexpr std::chrono::milliseconds kLinger{250};
  // How often to check for the end if the kernel has no pidfd to wait on.
  static constexpr std::chrono::milliseconds kTick{20};

  void kill_group() {
    // The child has not been reaped, so no other process can have its id, which is also the group's.
    if (!killed_) ::kill(-pid_, SIGKILL);
    killed_ = true;
  }

  int reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  int timeout_ms(std::optional<Clock::time_point> deadline) const {
    auto until = exited_ ? linger_until_ : (result_.timed_out ? std::nullopt : deadline);
    if (!pidfd_ && !exited_) until = std::min(until.value_or(Clock::time_point::max()), Clock::now() + kTick);
    if (!until) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
  }

  void poll_once(std::string_view input, std::optional<Clock::time_point> deadline, int stop_fd) {
    if (input_ && written_ == input.size()) input_.reset();
    // A negative descriptor is skipped by poll.
    std::array<pollfd, 5> waits = {{{input_.get(), POLLOUT, 0},
                                    {output_.get(), POLLIN, 0},
                                    {errors_.get(), POLLIN, 0},
                                    {exited_ ? -1 : pidfd_.get(), POLLIN, 0},
                                    {stop_fd, POLLIN, 0}}};
    if (::poll(waits.data(), waits.size(), timeout_ms(deadline)) < 0) return;  // EINTR: round again
    if (waits[0].revents != 0) write_some(input);
    if (waits[1].revents != 0) read_some(output_, said_);
    if (waits[2].revents != 0) read_some(errors_, complained_);
    if (!exited_ && (waits[3].revents != 0 || (!pidfd_ && has_ended()))) {
      exited_ = true;
      linger_until_ = Clock::now() + kLinger;
    }
  }

  bool has_ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
  }

  void write_some(std::string_view input) {
    const std::string_view rest = input.substr(written_);
    const ssize_t count = ::write(input_.get(), rest.data(), rest.size());
    if (count >= 0)
      written_ += static_cast<std::size_t>(count);
    else if (errno != EAGAIN && errno != EINTR)
      input_.reset();  // EPIPE: it does not want the rest
  }

  static void read_some(UniqueFd& fd, KeptOutput& to) {
    std::array<char, 65536> buffer;
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count > 0)
      to.append({buffer.data(), static_cast<std::size_t>(count)});
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
      fd.reset();
  }

  const pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd input_, output_, errors_;
  KeptOutput said_, complained_;
  std::size_t written_ = 0;
  bool exited_ = false;
  bool killed_ = false;
  bool reaped_ = false;
  std::optional<Clock::time_point> linger_until_;
  ProcessResult result_;
};

void check_directory(const Command& command) {
  struct stat status {};
  if (command.directory.empty()) return;
  if (::stat(command.directory.c_str(), &status) != 0)
    throw_errno("enter directory", command.directory, errno);
  if (!S_ISDIR(status.st_mode)) throw_errno("enter directory", command.directory, ENOTDIR);
}

}  // namespace

ProcessResult run_process(const Command& command, std::stop_token stop) {
  if (command.argv.empty()) throw std::invalid_argument("run_process: no program named");
  const std::string& program = command.argv.front();
  check_directory(command);

  const UniqueFd stopped(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stopped) throw_cannot_run(ErrorKind::Disk, program, std::generic_category().message(errno));
  const std::stop_callback on_stop(stop, [&stopped] { ::eventfd_write(stopped.get(), 1); });

  FileActions actions;
  Pipe input;
  Pipe errors;
  Pipe output = make_pipe(program);
  if (command.input.empty()) {
    actions.put_null(STDIN_FILENO);
  } else {
    input = make_pipe(program);
    actions.put(input.read.get(), STDIN_FILENO);
  }
  actions.put(output.write.get(), STDOUT_FILENO);
  if (command.merge_output) {
    actions.put(output.write.get(), STDERR_FILENO);
  } else {
    errors = make_pipe(program);
    actions.put(errors.write.get(), STDERR_FILENO);
  }
  if (!command.directory.empty()) actions.change_directory(command.directory);

  const SigpipeBlocked sigpipe;
  std::optional<Clock::time_point> deadline;
  if (command.timeout) deadline = Clock::now() + *command.timeout;
  Child child(spawn(command, actions), std::move(input.write), std::move(output.read), std::move(errors.read),
              command.most_output);
  input.read.reset();
  output.write.reset();
  errors.write.reset();
  return child.run(command.input, deadline, stopped.get(), stop);
}

std::optional<std::filesystem::path> find_program(const std::string& name, const std::string& path) {
  const auto is_program = [](const fs::path& file) {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(file.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos)
    return is_program(name) ? std::optional<fs::path>(name) : std::nullopt;
  // A shell takes an empty part for the current directory; programs there are not
  // wanted.
  for (const std::string_view part : split(path, ':'))
    if (!part.empty() && is_program(fs::path(part) / name)) return fs::path(part) / name;
  return std::nullopt;
}

}  // namespace moat
