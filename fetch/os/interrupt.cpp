#include "fetch/os/interrupt.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

namespace moat {
namespace {

constexpr std::array<int, 2> kSignals = {SIGINT, SIGTERM};

// A signal handler has no other way to know anything. Set while an Interrupts lives.
// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<int> handler_pipe = -1;
std::atomic<int> signals_seen = 0;
std::array<struct sigaction, kSignals.size()> actions_before;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)
static_assert(std::atomic<int>::is_always_lock_free, "or it may not be used in a signal handler");

extern "C" void moat_on_interrupt(int signal) {
  const int error_before = errno;
  if (signals_seen.fetch_add(1) > 0) ::_exit(128 + signal);
  const char byte = static_cast<char>(signal);
  // The pipe is empty, so there is room; nothing could be done about a failure here.
  [[maybe_unused]] const ssize_t count = ::write(handler_pipe, &byte, 1);
  errno = error_before;
}

}  // namespace

Interrupts::Interrupts() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) throw_errno("make", "a pipe", errno);
  read_.reset(fds[0]);
  write_.reset(fds[1]);
  handler_pipe = write_.get();
  signals_seen = 0;
  watcher_ = std::jthread([this] { watch(); });
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
  const char end = 0;
  while (::write(write_.get(), &end, 1) < 0 && errno == EINTR) {
  }
  watcher_.join();
  handler_pipe = -1;
}

std::optional<int> Interrupts::signal() const {
  const int signal = signal_;
  return signal == 0 ? std::nullopt : std::optional(signal);
}

void Interrupts::watch() {
  while (true) {
    char byte = 0;
    const ssize_t count = ::read(read_.get(), &byte, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || byte == 0) return;
    signal_ = byte;
    source_.request_stop();
  }
}

}  // namespace moat
