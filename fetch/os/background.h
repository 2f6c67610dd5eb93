// Background work for an object, in callbacks of the network and units of the pool, which ends with the
// object.
#pragma once

#include "fetch/os/memory_out.h"
#include "fetch/os/workers.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace moat {

// Shared by every callback that may still use the owner. After close() nothing of the owner's is touched:
// running work is waited for, later work is dropped. Thread-safe.
class Background : public std::enable_shared_from_this<Background> {
 public:
  static std::shared_ptr<Background> make(Workers& workers) {
    return std::shared_ptr<Background>(new Background(workers));
  }

  // Runs `work` on the pool, unless closed by then. May be called from any thread. What `work` throws is
  // lost, unless memory has run out: then the process ends, because another thread may be waiting for it.
  void submit(std::function<void()> work) {
    run([&] {
      workers_.submit([self = shared_from_this(), work = std::move(work)] {
        try {
          self->run(work);
        } catch (const std::bad_alloc&) {
          stop_for_memory();
        }
      });
    });
  }

  // Runs `work` here, unless closed. For callbacks: must be quick.
  template <class F>
  void run(const F& work) {
    const Running running(*this);
    if (running.begun()) work();
  }

  // May not be called from inside run().
  void close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    idle_.wait(lock, [this] { return running_ == 0; });
  }

 private:
  explicit Background(Workers& workers) : workers_(workers) {}

  // Counts what runs, whether it ends well or not.
  class Running {
   public:
    explicit Running(Background& owner) : owner_(owner) {
      const std::lock_guard lock(owner_.mutex_);
      begun_ = !owner_.closed_;
      if (begun_) ++owner_.running_;
    }
    ~Running() {
      if (!begun_) return;
      const std::lock_guard lock(owner_.mutex_);
      if (--owner_.running_ == 0) owner_.idle_.notify_all();
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    bool begun() const { return begun_; }

   private:
    Background& owner_;
    bool begun_ = false;
  };

  Workers& workers_;
  std::mutex mutex_;
  std::condition_variable idle_;
  int running_ = 0;
  bool closed_ = false;
};

}  // namespace moat
