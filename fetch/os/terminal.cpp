#include "fetch/os/terminal.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

namespace moat {
namespace {

void show(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDERR_FILENO, text.data(), text.size());
    if (count < 0 && errno != EINTR) return;
    if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
  }
}

class WithoutEcho {
 public:
  WithoutEcho() : changed_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    // Discard input that was typed before the question.
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  WithoutEcho(const WithoutEcho&) = delete;
  WithoutEcho& operator=(const WithoutEcho&) = delete;
  ~WithoutEcho() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }

 private:
  termios before_{};
  bool changed_ = false;
};

std::optional<std::string> read_line(const std::stop_token& stop) {
  constexpr int kPatienceMs = 100;  // so that a stop is noticed this soon
  std::string line;
  while (!stop.stop_requested()) {
    pollfd waiting{STDIN_FILENO, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, kPatienceMs);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    char byte = 0;
    const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    if (byte == '\n' || byte == '\r') return line;
    line += byte;
  }
  return std::nullopt;
}

}  // namespace

bool someone_is_there() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

std::optional<std::string> ask_terminal(std::string_view question, Echo echo, const std::stop_token& stop) {
  if (echo == Echo::On) {
    show(question);
    return read_line(stop);
  }
  const WithoutEcho silent;  // before anybody can answer
  show(question);
  auto line = read_line(stop);
  show("\n");
  return line;
}

}  // namespace moat
