#include "fetch/os/workers.h"

#include "fetch/os/interrupt.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <limits>

namespace moat {
namespace {

// State shared by the threads of one for_each. Helpers that start after all is done find nothing to take, so
// `work` is never called after for_each has returned.
class Share {
 public:
  Share(std::size_t count, const std::function<void(std::size_t)>& work) : count_(count), work_(work) {}

  void run() {
    while (true) {
      std::size_t unit = 0;
      {
        const std::lock_guard lock(mutex_);
        if (next_ == count_ || error_) return;
        unit = next_++;
        ++running_;
      }
      std::exception_ptr error;
      try {
        throw_if_interrupted(stop_);
        work_(unit);
      } catch (...) {
        error = std::current_exception();
      }
      finished(unit, error);
    }
  }

  void wait() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return running_ == 0; });
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void finished(std::size_t unit, std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (error && unit < failed_) {
      failed_ = unit;
      error_ = std::move(error);
    }
    if (--running_ == 0) idle_.notify_all();
  }

  const std::stop_token stop_ = interrupt_token();
  const std::size_t count_;
  const std::function<void(std::size_t)>& work_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t next_ = 0;
  std::size_t running_ = 0;
  std::size_t failed_ = std::numeric_limits<std::size_t>::max();
  std::exception_ptr error_;
};

}  // namespace

bool may_spend_threads() {
  constexpr rlim_t kFew = 32;
  struct rlimit processes {};
  // Nothing limits root.
  return ::getuid() == 0 || ::getrlimit(RLIMIT_NPROC, &processes) != 0 || processes.rlim_cur >= kFew;
}

Workers::Workers(unsigned threads) {
  if (!may_spend_threads()) {
    if (threads == 0) return;
    threads = 1;  // for work that blocks, which must not run on the thread that submits it
  }
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  threads_.reserve(threads);
  try {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { loop(); });
  } catch (const std::system_error&) {  // no more threads: the running ones are enough
  }
}

Workers::~Workers() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
  }
  ready_.notify_all();
  dropped.clear();  // waiters learn it now (broken_promise), not after the running units
  // Before the members are destroyed: the threads use them to the end.
  threads_.clear();
}

void Workers::for_each(std::size_t count, const std::function<void(std::size_t)>& work) {
  if (count == 0) return;
  const auto share = std::make_shared<Share>(count, work);
  const std::size_t helpers = std::min<std::size_t>(size(), count - 1);
  for (std::size_t i = 0; i < helpers; ++i) push([share] { share->run(); });
  share->run();
  share->wait();
}

void Workers::push(std::function<void()> task) {
  if (threads_.empty()) return task();
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
  }
  ready_.notify_one();
}

void Workers::loop() {
  while (true) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    task();
  }
}

}  // namespace moat
