#include "fetch/http/request_queue.h"

#include "fetch/http/http_policy.h"

namespace moat {

Origin& RequestQueue::add(const Url& url, int priority, std::uint64_t number) {
  Origin& origin = origins_[url.scheme() + "://" + url.host() + ":" + effective_port(url)];
  origin.waiting.emplace(-priority, number);
  return origin;
}

std::optional<std::uint64_t> RequestQueue::take() {
  if (running_ >= at_once_) return std::nullopt;
  Origin* best = nullptr;
  for (auto& [name, origin] : origins_) {
    if (origin.waiting.empty() || !has_room(origin)) continue;
    if (best == nullptr || *origin.waiting.begin() < *best->waiting.begin()) best = &origin;
  }
  if (best == nullptr) return std::nullopt;
  const std::uint64_t number = best->waiting.begin()->second;
  best->waiting.erase(best->waiting.begin());
  return number;
}

void RequestQueue::clear() {
  for (auto& [name, origin] : origins_) origin.waiting.clear();
}

void RequestQueue::count_started(Origin& origin) {
  ++origin.running;
  ++running_;
}

void RequestQueue::count_ended(Origin& origin) {
  --origin.running;
  --running_;
}

bool RequestQueue::has_room(const Origin& origin) const {
  return origin.running < (origin.protocol == Origin::Protocol::Http2 ? at_once_ : connections_per_host_);
}

}  // namespace moat
