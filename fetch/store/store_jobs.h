// STORE/jobs: environments whose bytecode is still to be made, and who makes it. One process a store works
// them off (envs/place/bytecode_behind.h); it may end at any moment, and whoever comes next goes on.
#pragma once

#include "fetch/os/file.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace moat {

struct StoreJob {
  fs::path environment;
  std::int64_t time = 0;  // when it was asked for, unix seconds
  std::uint64_t id = 0;   // another one where it is asked for again
};

class StoreJobs {
 public:
  explicit StoreJobs(fs::path store) : store_(std::move(store)) {}

  // Again: there is still one.
  void add(const fs::path& environment) const;
  std::vector<StoreJob> list() const;  // oldest first
  // Unless it was asked for again meanwhile.
  void remove(const StoreJob& job) const noexcept;

  // Held by the one that works; nullopt where another does.
  std::optional<FileLock> begin_work() const;
  bool is_worked_on() const;

 private:
  fs::path folder() const { return store_ / "jobs"; }
  fs::path store_;
};

}  // namespace moat
