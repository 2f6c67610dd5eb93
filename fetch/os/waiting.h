// Waiting for another process: a signal ends the wait, and the user is told what is waited for.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

namespace moat {

// Who is told, while it lives: "waiting for `moat install x` (pid 123)". One at a time in a process. `tell`
// may be called from any thread.
class WaitsAreTold {
 public:
  using Teller = std::function<void(const std::string& message)>;
  explicit WaitsAreTold(Teller tell);
  ~WaitsAreTold();
  WaitsAreTold(const WaitsAreTold&) = delete;
  WaitsAreTold& operator=(const WaitsAreTold&) = delete;
};

// One wait: `while (!try_it()) if (!wait.pause()) give_up();`
class Wait {
 public:
  // `subject`: what is waited for, found out when it is told, once, after a second.
  Wait(std::chrono::milliseconds patience, std::function<std::string()> subject);

  // Sleeps a little. False where patience is over; throws Error(Interrupted) where a signal came.
  bool pause();

 private:
  using Clock = std::chrono::steady_clock;
  std::function<std::string()> subject_;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point deadline_;
  std::chrono::milliseconds length_{1};
  bool told_ = false;
};

// "`moat install x` (pid 123)": who holds a lock on the file, by what the kernel shows of processes, else by
// what the file says; "another process" where neither tells. Looks at every process that may be looked at.
std::string lock_holder(const std::filesystem::path& file);

}  // namespace moat
