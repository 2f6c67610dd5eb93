// A fixed pool of threads for CPU and disk work.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace moat {

// False if this user may have only a few processes: then a thread that is made for speed alone could take the
// place of a Python or a build.
bool may_spend_threads();

// As many threads as cores by default; fewer if the system allows no more; without any, submit() runs the
// work itself. A unit of work is a value moved in and never waits for another unit of the same pool. An
// exception of a unit is passed on in its future. The destructor drops units that have not begun and joins.
class Workers {
 public:
  explicit Workers(unsigned threads = 0);  // a number: for work that blocks, so at least one is tried
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  unsigned size() const { return static_cast<unsigned>(threads_.size()); }

  template <class F>
  auto submit(F work) -> std::future<std::invoke_result_t<F>> {
    // shared_ptr: std::function wants copies, a packaged_task has none.
    auto task = std::make_shared<std::packaged_task<std::invoke_result_t<F>()>>(std::move(work));
    auto result = task->get_future();
    push([task] { (*task)(); });
    return result;
  }

  // Runs work(i) for all i in [0, count), spread over the pool and the calling thread; returns when all are
  // done and throws the error of the lowest i that failed. No unit begins after a failure, nor after a signal
  // (Error(Interrupted)). May not be called from inside the pool.
  void for_each(std::size_t count, const std::function<void(std::size_t)>& work);

 private:
  void push(std::function<void()> task);
  void loop();

  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

// Runs `work` on its own thread; if none can be made, when its result is requested.
template <class F>
auto begin_async(F work) -> std::future<std::invoke_result_t<F>> {
  if (may_spend_threads()) {
    try {
      return std::async(std::launch::async, work);
    } catch (const std::system_error&) {  // no more can be started
    }
  }
  return std::async(std::launch::deferred, std::move(work));
}

}  // namespace moat
