#include "envs/install/bytecode_ahead.h"

#include "envs/place/bytecode.h"

#include <system_error>
#include <utility>

namespace moat {

BytecodeAhead::BytecodeAhead(std::shared_future<Runtime> runtime, Store& store, Reporter& reporter)
    : runtime_(std::move(runtime)), store_(store), reporter_(reporter) {
  if (!may_spend_threads()) return;
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
  } catch (const std::system_error&) {  // no thread can be started: the change compiles what is missing
  }
}

BytecodeAhead::~BytecodeAhead() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void BytecodeAhead::add(const StoredWheel& wheel) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(wheel);
  }
  wake_.notify_one();
}

void BytecodeAhead::finish() {
  {
    const std::lock_guard lock(mutex_);
    complete_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void BytecodeAhead::work(const std::stop_token& stop) {
  try {
    const Runtime& runtime = runtime_.get();
    for (;;) {
      std::vector<StoredWheel> batch;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, stop, [this] { return complete_ || !waiting_.empty(); });
        batch = std::exchange(waiting_, {});
      }
      if (stop.stop_requested() || batch.empty()) return;
      obtain_bytecode(batch, runtime, store_, workers_, reporter_);
    }
  } catch (const std::exception&) {  // the change meets it again, and says so
  }
}

std::shared_future<Runtime> ready_runtime(Runtime runtime) {
  std::promise<Runtime> promise;
  promise.set_value(std::move(runtime));
  return promise.get_future().share();
}

}  // namespace moat
