// Reporter for people and for programs: one live line on a terminal, JSON lines with --json -v, else only
// necessary messages.
#pragma once

#include "cli/output/output.h"
#include "resolver/base/reporter.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace moat {

struct PhaseTime {
  std::string name;
  std::chrono::nanoseconds time{};
};

// The state of a phase; begin times are those of the steady clock.
struct PhaseProgress {
  struct Item {
    std::uint64_t done = 0, total = 0;
  };
  std::map<std::string, Item, std::less<>> items;
  std::string latest;  // the last reported item
};

// "Downloading 12.3 of 98.1 MB, 23.0 MB/s, scipy 8.1 of 35.2 MB": amount, rate, and the item it waits for.
std::string live_line(std::string_view phase, const PhaseProgress& progress, std::chrono::nanoseconds since,
                      std::size_t width);

class Progress final : public Reporter {
 public:
  explicit Progress(Output& output);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() override;

  void warn(std::string_view message) override { output_.warn(message); }
  void note(std::string_view message) override { output_.note(message); }
  void phase_begin(std::string_view phase) override;
  void phase_end(std::string_view phase, std::chrono::nanoseconds took) override;
  void progress(std::string_view phase, std::string_view item, std::uint64_t done,
                std::uint64_t total) override;

  // Finished phases, each name once with its times added up, in the order of their first begin.
  std::vector<PhaseTime> times() const;

 private:
  struct Running {
    std::string name;
    std::chrono::steady_clock::time_point begun;
    PhaseProgress progress;
  };
  void draw_until_stopped(const std::stop_token& stop);

  Output& output_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::vector<Running> running_;
  std::vector<PhaseTime> times_;
  std::jthread artist_;  // last: joined before the members it reads are destroyed
};

}  // namespace moat
