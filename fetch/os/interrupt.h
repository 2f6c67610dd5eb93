// SIGINT and SIGTERM as cancellation.
#pragma once

#include "fetch/os/file.h"

#include <optional>
#include <stop_token>
#include <thread>

namespace moat {

// From here on a write beyond `ulimit -f` is an error as others are, and not SIGXFSZ. Programs that are
// started get the default.
void fail_at_file_limit();

// While it lives, the first SIGINT or SIGTERM requests a stop, from a thread of its own, so stop callbacks
// may do what they like. Whoever does not hear of it is overruled: where the process has not ended two
// seconds later it ends itself with 128 + signal, unless a commit is under way. A second signal ends it at
// once. One at a time in a process. A signal that was ignored from the start (nohup, background jobs) stays
// ignored. Programs started or exec'd get the defaults.
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
  UniqueFd read_, write_;
  std::jthread watcher_;
};

// The token of the Interrupts that lives now, for waits and long work at the bottom, where nobody hands one
// down; one that never stops where there is none. A signal is a fact of the process.
std::stop_token interrupt_token();
// Throws Error(Interrupted) where a stop was requested.
void throw_if_interrupted(const std::stop_token& stop = interrupt_token());

// From the last moment at which a signal leaves everything as it was, to the end of the change. The
// constructor throws Error(Interrupted) where one came before; one that comes later no longer ends the
// process after two seconds, and the command goes on to its end. (A second one does, and the next command
// finishes the change.)
class CommitUnderWay {
 public:
  CommitUnderWay();
  ~CommitUnderWay();
  CommitUnderWay(const CommitUnderWay&) = delete;
  CommitUnderWay& operator=(const CommitUnderWay&) = delete;
};

}  // namespace moat
