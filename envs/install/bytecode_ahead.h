// Compiles bytecode of wheels that have arrived while others are still being downloaded.
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

// Has its own thread and workers: the other workers are needed for unpacking, which everything waits for. Its
// results are in the store, where the change looks for them. A failure here is retried and reported there.
class BytecodeAhead {
 public:
  // `runtime` may still be in the making. All other arguments outlive this.
  BytecodeAhead(std::shared_future<Runtime> runtime, Store& store, Reporter& reporter);
  // Drops jobs that have not begun, waits for those that have.
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

// For a runtime that already exists.
std::shared_future<Runtime> ready_runtime(Runtime runtime);

}  // namespace moat
