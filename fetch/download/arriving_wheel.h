// A big wheel that is unpacked while it comes: its end is asked for apart, which holds the directory and what
// the wheel says of itself; then each slice of members is inflated once its bytes are in the file that the
// download writes.
//
// Nothing is believed before all is here. What is unpacked lies in the store's tmp/ until the owner has
// compared the hash of the whole file with the one that was promised; then the end that came apart is
// compared with the file's own, and the file's directory with the one that was gone by. Whatever goes wrong
// here is not an error: the owner adds the file as any other, and that says what is wrong with it.
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
  // Smaller ones are unpacked in less time than asking for their end takes.
  static constexpr std::uint64_t kWorthwhile = 8ULL << 20U;

  // `wheel.file`: where the download will write; `wheel.sha256`: the promised one; `size`: of the file.
  // REQUIRES: store and pool outlive this object's last call of `done` or cancel().
  ArrivingWheel(WheelToAdd wheel, std::uint64_t size, const Store& store, Workers& workers);
  ~ArrivingWheel();
  ArrivingWheel(const ArrivingWheel&) = delete;
  ArrivingWheel& operator=(const ArrivingWheel&) = delete;

  // What to ask for, as a body in memory; then take_end() with the answer. Where that gives another range,
  // the same again. Thread-safe, quick.
  ByteRange end_to_ask_for() const;
  std::optional<ByteRange> take_end(const HttpClient::Result& result);

  // So many bytes are in the file. Thread-safe, quick.
  void bytes_came(std::uint64_t count);

  // The file is whole, and has its hash. `done` is called exactly once, on a thread of the pool or this one:
  // the stored wheel, or nullopt where the file has to be added by itself.
  void finish(std::function<void(std::optional<StoredWheel>)> done);

  // Returns once nothing of it runs any more; `done` is not called then if it has not been.
  void cancel();

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace moat
