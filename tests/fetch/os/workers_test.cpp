#include "fetch/os/workers.h"

#include "fetch/os/interrupt.h"

#include <gmock/gmock.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <latch>
#include <numeric>
#include <stdexcept>
#include <string>

namespace moat {
namespace {

TEST(Workers, GivesResultsAndErrorsInFutures) {
  Workers workers(2);
  EXPECT_EQ(workers.size(), 2U);
  auto good = workers.submit([] { return std::string("done"); });
  auto bad = workers.submit([]() -> int { throw std::runtime_error("no"); });
  EXPECT_EQ(good.get(), "done");
  EXPECT_THROW(bad.get(), std::runtime_error);
}

TEST(Workers, TakesWorkThatCanOnlyBeMoved) {
  Workers workers(1);
  EXPECT_EQ(workers.submit([value = std::make_unique<int>(5)] { return *value; }).get(), 5);
}

TEST(Workers, ForEachDoesEachUnitOnce) {
  Workers workers(3);
  std::vector<std::atomic<int>> seen(1000);
  workers.for_each(seen.size(), [&](std::size_t i) { ++seen[i]; });
  for (const auto& count : seen) EXPECT_EQ(count, 1);
  workers.for_each(0, [](std::size_t) { FAIL(); });
}

TEST(Workers, ForEachWorksWhileThePoolIsBusy) {
  Workers workers(1);
  std::latch release(1);
  auto blocked = workers.submit([&] { release.wait(); });
  std::atomic<int> sum = 0;
  workers.for_each(10, [&](std::size_t i) { sum += static_cast<int>(i); });
  EXPECT_EQ(sum, 45);
  release.count_down();
  blocked.get();
}

TEST(Workers, ForEachThrowsTheLowestErrorAndBeginsNoMore) {
  Workers workers(1);
  std::atomic<int> begun = 0;
  std::latch both(2);
  try {
    workers.for_each(1000, [&](std::size_t i) {
      ++begun;
      if (i < 2) {
        both.arrive_and_wait();  // both run at once, so either may fail first
        throw std::runtime_error(std::to_string(i));
      }
    });
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "0");
  }
  EXPECT_LE(begun, 3);
}

// No thread can be made while threads are to have stacks that no machine has.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge = before_;
    pthread_attr_setstacksize(&huge, std::size_t{1} << 46U);
    pthread_setattr_default_np(&huge);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  ~NoThreads() { pthread_setattr_default_np(&before_); }

 private:
  pthread_attr_t before_{};
};

TEST(Workers, WithoutThreadsWorkIsDoneByWhoBringsIt) {
  const NoThreads none;
  Workers workers(4);
  EXPECT_EQ(workers.size(), 0U);
  EXPECT_EQ(workers.submit([] { return 7; }).get(), 7);
  EXPECT_THROW(workers.submit([]() -> int { throw std::runtime_error("no"); }).get(), std::runtime_error);
  int sum = 0;
  workers.for_each(10, [&](std::size_t i) { sum += static_cast<int>(i); });
  EXPECT_EQ(sum, 45);
}

TEST(Workers, WithoutThreadsBackgroundWorkIsDoneWhenAsked) {
  const NoThreads none;
  std::future<int> answer = begin_async([] { return 7; });
  EXPECT_EQ(answer.get(), 7);
}

TEST(Workers, ASignalEndsForEach) {
  const Interrupts interrupts;
  Workers workers(2);
  std::atomic<int> begun = 0;
  std::latch stopped(1);
  const std::stop_callback callback(interrupts.token(), [&] { stopped.count_down(); });
  try {
    workers.for_each(1000, [&](std::size_t i) {
      ++begun;
      if (i == 0) ::raise(SIGINT);
      stopped.wait();
    });
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Interrupted);
  }
  EXPECT_LE(begun, 3);
}

TEST(Workers, DestructionDropsWhatHasNotBegun) {
  std::future<void> dropped;
  std::latch begun(1);
  std::latch release(1);
  std::future<void> running;
  {
    auto workers = std::make_unique<Workers>(1);
    running = workers->submit([&] {
      begun.count_down();
      release.wait();
    });
    dropped = workers->submit([] {});
    begun.wait();
    std::jthread destroyer([&] { workers.reset(); });
    EXPECT_THROW(dropped.get(), std::future_error);
    release.count_down();
  }
  running.get();
}

}  // namespace
}  // namespace moat
