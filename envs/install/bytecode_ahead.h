// Bytecode of wheels that have come, compiled while others are still on their way.
#pragma once

#include "envs/python/runtime.h"
#include "fetch/os/workers.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

namespace moat {

// A thread of its own with its own workers: unpacking, which everything waits for, keeps the others. What
// it makes lies in the store, where the change looks for it. What fails here is tried again there, and told.
class BytecodeAhead {
 public:
  // `runtime` may still be in the making. The rest outlives this.
  BytecodeAhead(std::shared_future<Runtime> runtime, Store& store, Reporter& reporter);
  // Drops what has not begun, waits for what has.
  ~BytecodeAhead();
  BytecodeAhead(const BytecodeAhead&) = delete;
  BytecodeAhead& operator=(const BytecodeAhead&) = delete;

  void add(const StoredWheel& wheel);
  // Until everything added is compiled.
  void finish();

 private:
  void work(const std::stop_token& stop);

  std::shared_future<Runtime> runtime_;
  Store& store_;
  Reporter& reporter_;
  Workers workers_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::vector<StoredWheel> waiting_;
  bool complete_ = false;
  std::jthread thread_;  // last: it uses the rest
};

// A runtime that is there already.
std::shared_future<Runtime> ready_runtime(Runtime runtime);

}  // namespace moat
