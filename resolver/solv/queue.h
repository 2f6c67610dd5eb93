// libsolv's queue of ids, freed when it leaves scope. For the wrapper's own .cpp files.
#pragma once

#include <solv/queue.h>

#include <cstddef>
#include <span>

namespace moat::solv {

class IdQueue {
 public:
  IdQueue() { queue_init(&queue_); }
  IdQueue(const IdQueue&) = delete;
  IdQueue& operator=(const IdQueue&) = delete;
  ~IdQueue() { queue_free(&queue_); }

  void push(Id first, Id second) { queue_push2(&queue_, first, second); }
  std::span<const Id> ids() const { return {queue_.elements, static_cast<std::size_t>(queue_.count)}; }
  Queue* get() { return &queue_; }

 private:
  Queue queue_;
};

}  // namespace moat::solv
