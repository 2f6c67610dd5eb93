// A big wheel that is unpacked while it arrives: a separate request fetches its end, which holds the
// directory and the wheel's metadata; then each slice of members is inflated once its bytes are in the file
// that the download writes.
//
// Nothing is trusted before the whole file has arrived. The unpacked files stay in the store's tmp/ until the
// owner has compared the hash of the whole file with the promised one; then the separately fetched end is
// compared with the file's own, and the file's directory with the one that was used. A failure here is not an
// error: the owner then adds the file in the normal way, which reports any fault.
#pragma once

#include "fetch/http/http.h"
#include "fetch/os/workers.h"
#include "fetch/store/store.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace moat {

class ArrivingWheel {
 public:
  // Smaller ones are unpacked faster than their end could be fetched.
  static constexpr std::uint64_t kWorthwhile = 8ULL << 20U;

  // `wheel.file`: where the download will write; `wheel.sha256`: the promised one; `size`: of the file.
  // REQUIRES: store and pool outlive this object's last call of `done` or cancel().
  ArrivingWheel(WheelToAdd wheel, std::uint64_t size, const Store& store, Workers& workers);
  ~ArrivingWheel();
  ArrivingWheel(const ArrivingWheel&) = delete;
  ArrivingWheel& operator=(const ArrivingWheel&) = delete;

  // The range to request, as a body in memory; then call take_end() with the response. If that returns
  // another range, do the same again. Thread-safe, quick.
  ByteRange end_to_ask_for() const;
  std::optional<ByteRange> take_end(const HttpClient::Result& result);

  // The file now has this many bytes. Thread-safe, quick.
  void bytes_came(std::uint64_t count);

  // The file is complete, and has its hash. `done` is called exactly once, on a thread of the pool or this
  // one: with the stored wheel, or nullopt if the file has to be added in the normal way.
  void finish(std::function<void(std::optional<StoredWheel>)> done);

  // Returns once none of its tasks runs any more; `done` is not called after that.
  void cancel();

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace moat
