#include "fetch/os/interrupt.h"

#include "fetch/os/process.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <latch>
#include <optional>

namespace moat {
namespace {

TEST(Interrupts, TheFirstSignalRequestsAStop) {
  std::latch stopped(1);
  const Interrupts interrupts;
  EXPECT_FALSE(interrupts.token().stop_requested());
  EXPECT_EQ(interrupts.signal(), std::nullopt);
  const std::stop_callback callback(interrupts.token(), [&] { stopped.count_down(); });
  ::raise(SIGTERM);
  stopped.wait();
  EXPECT_EQ(interrupts.signal(), SIGTERM);
}

TEST(Interrupts, AChildIsEndedWithIt) {
#ifdef __SANITIZE_THREAD__
  // The thread sanitizer keeps a signal back until the thread's next call into the C library, and a thread
  // that is just going to sleep in poll makes none.
  GTEST_SKIP();
#endif
  const Interrupts interrupts;
  Command command;
  command.argv = {"/bin/sh", "-c", "kill -INT $PPID; sleep 1000"};
  EXPECT_EQ(run_process(command, interrupts.token()).status, 128 + SIGKILL);
}

TEST(Interrupts, TheSecondSignalEndsTheProcess) {
  const auto interrupt_twice = [](int first, int second) {
    const Interrupts interrupts;
    ::raise(first);
    ::raise(second);
  };
  EXPECT_EXIT(interrupt_twice(SIGTERM, SIGINT), ::testing::ExitedWithCode(130), "");
  EXPECT_EXIT(interrupt_twice(SIGINT, SIGTERM), ::testing::ExitedWithCode(143), "");
}

TEST(Interrupts, IgnoredSignalsStayIgnoredAndHandlersComeBack) {
  struct sigaction before {};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGINT, &ignore, &before);
  {
    const Interrupts interrupts;
    ::raise(SIGINT);
    EXPECT_FALSE(interrupts.token().stop_requested());
  }
  struct sigaction after {};
  ::sigaction(SIGINT, &before, &after);
  EXPECT_EQ(after.sa_handler, SIG_IGN);
  ::sigaction(SIGTERM, nullptr, &after);
  EXPECT_EQ(after.sa_handler, SIG_DFL);
}

}  // namespace
}  // namespace moat
