// Waiting for another process: a signal ends the wait, and the user sees who is waited for.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

namespace moat {

// Installs the function that shows "waiting for `moat install x` (pid 123)". One at a time in a process.
// `tell` may be called from any thread.
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
  // `subject`: who is waited for; called only when it is shown, once, after a second.
  Wait(std::chrono::milliseconds patience, std::function<std::string()> subject);

  // Sleeps a little. Returns false when patience is over; throws Error(Interrupted) after a signal.
  bool pause();

 private:
  using Clock = std::chrono::steady_clock;
  std::function<std::string()> subject_;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point deadline_;
  std::chrono::milliseconds length_{1};
  bool told_ = false;
};

// "`moat install x` (pid 123)": the holder of a lock on the file, from the kernel's process information or
// else from the file's text; "another process" if neither tells. Looks at every readable process.
std::string lock_holder(const std::filesystem::path& file);

}  // namespace moat
