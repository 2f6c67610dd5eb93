#include "fetch/os/interrupt.h"

#include "fetch/os/memory_out.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <system_error>

namespace moat {
namespace {

constexpr std::array<int, 2> kSignals = {SIGINT, SIGTERM};
constexpr unsigned kSecondsToEnd = 2;

// A signal handler can only use globals. Set while an Interrupts lives.
// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<int> handler_pipe = -1;
std::atomic<int> signals_seen = 0;
std::atomic<int> first_signal = 0;
std::atomic<int> commits_under_way = 0;
std::atomic<bool> commit_met_signal = false;
std::atomic<bool> has_watcher = false;
std::atomic<bool> memory_is_out = false;
std::atomic<std::stop_source*> current_source = nullptr;
std::array<struct sigaction, kSignals.size()> actions_before;
struct sigaction alarm_before;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "or they may not be used in a signal handler");

// Writes as much as standard error accepts now: do not wait for a full pipe or a stopped
// terminal.
void say_at_the_end(std::string_view words) {
  pollfd standard_error{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&standard_error, 1, 0) == 1 && (standard_error.revents & POLLOUT) != 0) [[maybe_unused]]
    const ssize_t count = ::write(STDERR_FILENO, words.data(), words.size());
}

void end_process(int signal) {
  // On a terminal the line in progress goes first.
  if (::isatty(STDERR_FILENO) == 1) say_at_the_end("\r\x1b[K");
  say_at_the_end("error: interrupted\n");
  ::_exit(128 + signal);
}

extern "C" void moat_on_interrupt(int signal) {
  const int error_before = errno;
  if (signals_seen.fetch_add(1) > 0) ::_exit(128 + signal);
  first_signal = signal;
  if (commits_under_way != 0) {
    commit_met_signal = true;
  } else if (!has_watcher) {
    end_process(signal);
  } else {
    ::alarm(kSecondsToEnd);
  }
  const char byte = static_cast<char>(signal);
  // The pipe is empty, so there is room; nothing could be done about a failure here.
  [[maybe_unused]] const ssize_t count = ::write(handler_pipe, &byte, 1);
  errno = error_before;
}

extern "C" void moat_on_deadline(int) {
  if (!commit_met_signal && commits_under_way == 0) end_process(first_signal);
}

extern "C" void moat_on_file_limit(int) {}

}  // namespace

void fail_at_file_limit() {
  struct sigaction action {};
  action.sa_handler = &moat_on_file_limit;  // not SIG_IGN, which programs that are started would inherit
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGXFSZ, &action, nullptr);
}

Interrupts::Interrupts() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) throw_errno("make", "a pipe", errno);
  read_.reset(fds[0]);
  write_.reset(fds[1]);
  handler_pipe = write_.get();
  signals_seen = 0;
  first_signal = 0;
  commit_met_signal = false;
  memory_is_out = false;
  current_source = &source_;
  try {
    watcher_ = std::jthread([this] { watch(); });
  } catch (const std::system_error&) {  // no thread can be started: the first signal ends the process
  }
  has_watcher = watcher_.joinable();
  struct sigaction deadline {};
  deadline.sa_handler = &moat_on_deadline;
  deadline.sa_flags = SA_RESTART;
  ::sigaction(SIGALRM, &deadline, &alarm_before);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &actions_before[i]);
    if (actions_before[i].sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = &moat_on_interrupt;
    action.sa_flags = SA_RESTART;
    ::sigaction(kSignals[i], &action, nullptr);
  }
}

Interrupts::~Interrupts() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &actions_before[i], nullptr);
  ::alarm(0);
  ::sigaction(SIGALRM, &alarm_before, nullptr);
  const char end = 0;
  ssize_t written = -1;
  while ((written = ::write(write_.get(), &end, 1)) < 0 && errno == EINTR) {
  }
  if (written < 0) write_.reset();  // wakes the watcher as well
  if (watcher_.joinable()) watcher_.join();
  handler_pipe = -1;
  current_source = nullptr;
}

std::optional<int> Interrupts::signal() const {
  const int signal = first_signal;
  return signal == 0 ? std::nullopt : std::optional(signal);
}

void Interrupts::watch() {
  // Independent of the inherited mask: some thread must receive a signal and the deadline.
  sigset_t heard;
  sigemptyset(&heard);
  sigaddset(&heard, SIGALRM);
  for (const int signal : kSignals) sigaddset(&heard, signal);
  pthread_sigmask(SIG_UNBLOCK, &heard, nullptr);
  while (true) {
    char byte = 0;
    const ssize_t count = ::read(read_.get(), &byte, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || byte == 0) return;
    source_.request_stop();
  }
}

std::stop_token interrupt_token() {
  const std::stop_source* const source = current_source;
  return source == nullptr ? std::stop_token() : source->get_token();
}

void stop_for_memory() noexcept {
  memory_is_out = true;
  const char byte = 1;
  // From the watcher's thread, as for a signal: here a lock may be held that a stop callback takes.
  if (has_watcher && ::write(handler_pipe, &byte, 1) == 1) return;
  if (std::stop_source* const source = current_source) source->request_stop();
}

bool stopped_for_memory() { return memory_is_out; }

void throw_if_interrupted(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
}

CommitUnderWay::CommitUnderWay() {
  ++commits_under_way;
  // Either the signal sees the count, or this sees the signal.
  if (signals_seen != 0 && !commit_met_signal) {
    --commits_under_way;
    throw Error(ErrorKind::Interrupted, "interrupted");
  }
}

CommitUnderWay::~CommitUnderWay() { --commits_under_way; }

}  // namespace moat
