// Locks made before, by the question that they answer. An unchanged question (the same lines, terms, targets
// and earlier lock) whose projects' pages say what they said is not solved again.
#pragma once

#include "envs/install/earlier_lock.h"
#include "envs/install/goal.h"
#include "envs/install/resolve_goal.h"
#include "resolver/lock/lockfile.h"
#include "resolver/lock/universal.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// Everything that decides what a lock says.
struct LockProblem {
  const Goal& goal;  // with sources prepared
  const ResolvePolicy& policy;
  const UniversalRequest& request;  // without targets where it is for one environment
  const InstallRequest& terms;
  const LockedInputs& inputs;
  const std::vector<std::string>& locked_groups;
  const EarlierLock& earlier;  // whose versions are kept
};

struct KeptLock {
  std::map<PackageName, std::string> pages;  // Project::made_of of all that was asked
  std::vector<std::string> notes;            // told when it was made
  std::size_t packages = 0;                  // several versions of one count once
  std::string text;                          // of the file
};

// A digest of it; nullopt: its answer may change though the pages do not (sources from URLs and
// folders, settings of builds, known vulnerabilities).
std::optional<std::string> digest_of(const LockProblem& problem);

// nullopt: there is no such answer, or it cannot be read. Never throws.
std::optional<KeptLock> find_kept_lock(const Store& store, const std::string& digest);

// Do the pages still say the same? Asks for all of them at once, as a resolution would (fresh pages come from
// the cache). A page that cannot be had counts as another one. Throws Error(Interrupted).
bool still_holds(const KeptLock& kept, const ResolveTools& with);

// Keeps the answer, unless a page is of an unknown state; of the many that may be kept the oldest goes. A
// store that cannot be written is no error.
void keep_lock(const Store& store, const std::string& digest, const KeptLock& lock, Reporter& reporter);

// May the answer be kept? Not with packages that came from URLs, that have to be built, or whose files no
// index gives hashes for.
bool may_be_kept(const UniversalResolution& resolution);
bool may_be_kept(const Resolution& resolution);

}  // namespace moat
