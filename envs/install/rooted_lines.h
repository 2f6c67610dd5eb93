// The lines that a lock for several targets is made from, and when each of them applies: always, or for an
// extra or a dependency group.
#pragma once

#include "envs/install/goal.h"
#include "resolver/lock/lockfile.h"
#include "resolver/lock/universal.h"

#include <cstddef>
#include <vector>

namespace moat {

class RootedLines {
 public:
  // Assigns this root to what was added to the goal since the last call.
  void close(const LockRoot& root, const Goal& goal);

  const std::vector<LockRoot>& roots() const { return roots_; }
  // Of goal.requirements, once all of them have their names.
  const std::vector<std::size_t>& root_of() const { return root_of_; }
  // The lines, one text each. REQUIRES: nothing has been named since they were added.
  LockedInputs inputs(const Goal& goal) const;

 private:
  struct End {
    std::size_t requirements = 0, unnamed = 0;
  };
  std::vector<LockRoot> roots_;
  std::vector<End> ends_;
  std::vector<std::size_t> root_of_;
};

}  // namespace moat
