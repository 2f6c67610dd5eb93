#include "fetch/os/interrupt.h"

#include "fetch/os/background.h"
#include "fetch/os/memory_out.h"
#include "fetch/os/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <latch>
#include <new>
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

TEST(Interrupts, WhereMemoryIsOutWhoeverWaitsStops) {
  {
    std::latch stopped(1);
    const Interrupts interrupts;
    EXPECT_FALSE(stopped_for_memory());
    Workers workers(1);
    const auto background = Background::make(workers);
    const std::stop_callback callback(interrupts.token(), [&] { stopped.count_down(); });
    background->submit([] { throw std::bad_alloc(); });
    stopped.wait();
    EXPECT_TRUE(stopped_for_memory());
    EXPECT_EQ(interrupts.signal(), std::nullopt);
    background->close();
  }
  const Interrupts next;
  EXPECT_FALSE(stopped_for_memory());
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

void wait_for_ever() {
  std::latch never(1);
  never.wait();
}

TEST(Interrupts, WhoDoesNotHearTheSignalIsEnded) {
  const auto interrupt_once = [](int signal) {
    const Interrupts interrupts;
    ::raise(signal);
    wait_for_ever();
  };
  EXPECT_EXIT(interrupt_once(SIGINT), ::testing::ExitedWithCode(130), "error: interrupted");
  EXPECT_EXIT(interrupt_once(SIGTERM), ::testing::ExitedWithCode(143), "error: interrupted");
}

// Nobody reads what it says: the pipe is full.
TEST(Interrupts, WhoCannotSayItIsEndedAllTheSame) {
  const auto wait_with_full_stderr = [] {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (::write(ends[1], "x", 1) == 1) {
    }
    ::fcntl(ends[1], F_SETFL, 0);
    ::dup2(ends[1], STDERR_FILENO);
    const Interrupts interrupts;
    ::raise(SIGINT);
    wait_for_ever();
  };
  EXPECT_EXIT(wait_with_full_stderr(), ::testing::ExitedWithCode(130), "");
}

TEST(Interrupts, ABlockedSignalIsHeard) {
  const auto wait_with_blocked_signals = [] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    const Interrupts interrupts;
    ::kill(::getpid(), SIGTERM);
    wait_for_ever();
  };
  EXPECT_EXIT(wait_with_blocked_signals(), ::testing::ExitedWithCode(143), "");
}

TEST(Interrupts, WhoseCallbackHangsIsEnded) {
  const auto interrupt_once = [] {
    const Interrupts interrupts;
    const std::stop_callback callback(interrupts.token(), wait_for_ever);
    ::raise(SIGINT);
    wait_for_ever();
  };
  EXPECT_EXIT(interrupt_once(), ::testing::ExitedWithCode(130), "error: interrupted");
}

TEST(Interrupts, ACommitGoesOnToItsEnd) {
  const auto commit = [] {
    const Interrupts interrupts;
    {
      const CommitUnderWay under_way;
      ::raise(SIGINT);
      ::sleep(3);  // longer than the process would be let live
    }
    ::_exit(7);
  };
  EXPECT_EXIT(commit(), ::testing::ExitedWithCode(7), "");
}

TEST(Interrupts, NoCommitBeginsAfterASignal) {
  const Interrupts interrupts;
  { const CommitUnderWay fine; }
  ::raise(SIGINT);
  EXPECT_THROW({ const CommitUnderWay late; }, Error);
}

TEST(Interrupts, TheTokenIsKnownEverywhere) {
  EXPECT_FALSE(interrupt_token().stop_possible());
  std::latch stopped(1);
  {
    const Interrupts interrupts;
    const std::stop_callback callback(interrupt_token(), [&] { stopped.count_down(); });
    EXPECT_NO_THROW(throw_if_interrupted());
    ::raise(SIGTERM);
    stopped.wait();
    EXPECT_THROW(throw_if_interrupted(), Error);
  }
  EXPECT_NO_THROW(throw_if_interrupted());
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
