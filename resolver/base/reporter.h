// How a lower room speaks to the user: it tells a Reporter, and cli decides how to show it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace moat {

// All members may be called from any thread. The default does nothing.
class Reporter {
 public:
  Reporter() = default;
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;
  virtual ~Reporter() = default;

  // Something the user should know and may act on; one sentence. Shown once even if told twice.
  virtual void warn(std::string_view message) { static_cast<void>(message); }
  // A detail of the progress, for -v.
  virtual void note(std::string_view message) { static_cast<void>(message); }

  // A named phase ("resolve", "download", "build", "install", "snapshot") begins and ends; phases may
  // overlap.
  virtual void phase_begin(std::string_view phase) { static_cast<void>(phase); }
  virtual void phase_end(std::string_view phase, std::chrono::nanoseconds took) {
    static_cast<void>(phase), static_cast<void>(took);
  }
  // Progress of one item of a phase: bytes for downloads, steps elsewhere. total 0: unknown.
  virtual void progress(std::string_view phase, std::string_view item, std::uint64_t done,
                        std::uint64_t total) {
    static_cast<void>(phase), static_cast<void>(item), static_cast<void>(done), static_cast<void>(total);
  }
};

// Times a scope as one phase.
class Phase {
 public:
  Phase(Reporter& reporter, std::string_view name)
      : reporter_(reporter), name_(name), begun_(std::chrono::steady_clock::now()) {
    reporter_.phase_begin(name_);
  }
  ~Phase() { reporter_.phase_end(name_, std::chrono::steady_clock::now() - begun_); }
  Phase(const Phase&) = delete;
  Phase& operator=(const Phase&) = delete;

 private:
  Reporter& reporter_;
  std::string name_;
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace moat
