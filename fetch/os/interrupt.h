// SIGINT and SIGTERM as cancellation.
#pragma once

#include "fetch/os/file.h"

#include <optional>
#include <stop_token>
#include <thread>

namespace moat {

// From here on a write beyond `ulimit -f` is an ordinary error instead of SIGXFSZ. Child programs get the
// default.
void fail_at_file_limit();

// While it lives, the first SIGINT or SIGTERM requests a stop, from its own thread, so stop callbacks may do
// what they like. If the process has not ended two seconds later, it ends itself with 128 + signal, unless a
// commit is under way. A second signal ends it at once. One at a time in a process. A signal that was
// ignored from the start (nohup, background jobs) stays ignored. Programs started or exec'd get the
// defaults.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();  // restores the previous handlers
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  // The signal that was received: for the exit status 128 + signal.
  std::optional<int> signal() const;

 private:
  void watch();

  std::stop_source source_;
  UniqueFd read_, write_;
  std::jthread watcher_;
};

// The token of the current Interrupts, for waits and long work in functions that get no token; without an
// Interrupts it never stops. A signal concerns the whole process.
std::stop_token interrupt_token();
// Throws Error(Interrupted) if a stop was requested.
void throw_if_interrupted(const std::stop_token& stop = interrupt_token());

// Marks the time from the last moment at which a signal leaves everything unchanged, to the end of the
// change. The constructor throws Error(Interrupted) if a signal came before; a later one no longer ends the
// process after two seconds, and the command finishes. (A second signal does end it, and the next command
// finishes the change.)
class CommitUnderWay {
 public:
  CommitUnderWay();
  ~CommitUnderWay();
  CommitUnderWay(const CommitUnderWay&) = delete;
  CommitUnderWay& operator=(const CommitUnderWay&) = delete;
};

}  // namespace moat
