#pragma once

#include <mutex>
#include <utility>

namespace moat {

// A value that can only be reached while holding its mutex. Never call out to foreign code inside with().
template <class T>
class Guarded {
 public:
  template <class F>
  decltype(auto) with(F&& f) {
    const std::lock_guard lock(mutex_);
    return std::forward<F>(f)(value_);
  }

 private:
  std::mutex mutex_;
  T value_{};
};

}  // namespace moat
