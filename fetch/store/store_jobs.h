// STORE/jobs: work that commands leave to the background: bytecode of environments, a spare copy of a
// runtime. One process per store does it (envs/place/bytecode_behind.h); it may end at any moment, and the
// next one continues.
#pragma once

#include "fetch/os/file.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct StoreJob {
  fs::path environment;   // whose bytecode; or
  std::string spare_of;   // the runtime to make a spare copy of
  std::int64_t time = 0;  // when it was asked for, unix seconds
  std::uint64_t id = 0;   // changes if it is requested again
};

class StoreJobs {
 public:
  explicit StoreJobs(fs::path store) : store_(std::move(store)) {}

  // Again: there is still one.
  void add(const fs::path& environment) const;
  void add_spare(std::string_view fingerprint) const;
  std::vector<StoreJob> list() const;  // oldest first
  // Unless it was requested again meanwhile.
  void remove(const StoreJob& job) const noexcept;

  // Held by the process that works; nullopt if another one does.
  std::optional<FileLock> begin_work() const;
  bool is_worked_on() const;

 private:
  fs::path folder() const { return store_ / "jobs"; }
  fs::path store_;
};

}  // namespace moat
