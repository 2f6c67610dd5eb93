#include "fetch/http/request_queue.h"

#include <gtest/gtest.h>

#include <vector>

namespace moat {
namespace {

const Url& one() {
  static const Url url = Url::parse("https://one.example/a").value();
  return url;
}
const Url& two() {
  static const Url url = Url::parse("https://two.example/a").value();
  return url;
}

// Takes and starts whatever can be started; all of it runs at `origin`.
std::vector<std::uint64_t> start_all(RequestQueue& queue, Origin& origin) {
  std::vector<std::uint64_t> out;
  while (const auto next = queue.take()) {
    queue.count_started(origin);
    out.push_back(*next);
  }
  return out;
}

using Numbers = std::vector<std::uint64_t>;

TEST(RequestQueue, TheMostUrgentComesFirstThenTheOldest) {
  RequestQueue queue(10, 10);
  queue.add(one(), 0, 1);
  queue.add(two(), 5, 2);
  queue.add(one(), 5, 3);
  Origin& origin = queue.add(two(), 9, 4);
  EXPECT_EQ(start_all(queue, origin), (Numbers{4, 2, 3, 1}));
}

TEST(RequestQueue, AnOriginHasSoManyConnections) {
  RequestQueue queue(10, 2);
  Origin& origin = queue.add(one(), 0, 1);
  for (std::uint64_t number = 2; number <= 4; ++number) queue.add(one(), 0, number);
  EXPECT_EQ(start_all(queue, origin), (Numbers{1, 2}));
  queue.count_ended(origin);
  EXPECT_EQ(start_all(queue, origin), (Numbers{3}));
  // Another one is not held up.
  queue.add(two(), -1, 5);
  EXPECT_EQ(queue.take(), 5U);
}

TEST(RequestQueue, OneConnectionOfHttp2IsEnoughForAll) {
  RequestQueue queue(3, 1);
  Origin& origin = queue.add(one(), 0, 1);
  for (std::uint64_t number = 2; number <= 5; ++number) queue.add(one(), 0, number);
  EXPECT_EQ(start_all(queue, origin), (Numbers{1}));
  origin.protocol = Origin::Protocol::Http2;
  EXPECT_EQ(start_all(queue, origin), (Numbers{2, 3}));  // as many as run at once in all
}

TEST(RequestQueue, PortsAreOriginsOfTheirOwn) {
  RequestQueue queue(10, 1);
  Origin& origin = queue.add(one(), 0, 1);
  EXPECT_EQ(&queue.add(Url::parse("https://one.example:443/b").value(), 0, 2), &origin);
  EXPECT_NE(&queue.add(Url::parse("https://one.example:8443/b").value(), 0, 3), &origin);
}

TEST(RequestQueue, NothingWaitsAfterItWasCleared) {
  RequestQueue queue(10, 1);
  queue.add(one(), 0, 1);
  queue.clear();
  EXPECT_EQ(queue.take(), std::nullopt);
}

}  // namespace
}  // namespace moat
