// SIGINT and SIGTERM as cancellation.
#pragma once

#include "fetch/os/file.h"

#include <atomic>
#include <optional>
#include <stop_token>
#include <thread>

namespace moat {

// While it lives, the first SIGINT or SIGTERM requests a stop, from a thread of its own, so stop callbacks
// may do what they like; a second one ends the process at once with 128 + signal. One at a time in a process.
// A signal that was ignored from the start (nohup, background jobs) stays ignored. Programs started or exec'd
// get the defaults.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();  // the handlers before it are back
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  // The signal that came: for the exit status 128 + signal.
  std::optional<int> signal() const;

 private:
  void watch();

  std::stop_source source_;
  std::atomic<int> signal_ = 0;
  UniqueFd read_, write_;
  std::jthread watcher_;
};

}  // namespace moat
