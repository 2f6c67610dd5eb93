// One answer for many environments: each gets one set of versions, and as many environments as can the same.
//
// The newest Python of the first platform is resolved as usual. The result is then tried on all other
// environments without the solver: starting from the user's lines, the chosen versions must meet each
// requirement whose marker holds there, with a file that the environment accepts. Where that fails, one of
// those environments is resolved next, preferring the versions of its neighbours; its versions join an
// earlier set if they do not contradict it. So most projects have one version per package, a fork appears
// only for the Pythons or platforms that need it, and every solvable environment gets an answer.
#pragma once

#include "resolver/lock/lockfile.h"
#include "resolver/pep/marker_cells.h"
#include "resolver/solve/solve.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace moat {

// A platform that is known by name, with one minor Python.
struct LockTarget {
  std::string name;  // "linux-x86_64"
  Target target;
  bool may_be_left_out =
      false;  // nobody asked for it by name: if there is no answer for it, the lock leaves it out
};

// What the user must ask for so that a line applies: nothing, an extra or a dependency group of the project.
struct LockRoot {
  enum class Kind { Always, Extra, Group };
  Kind kind = Kind::Always;
  std::string name = {};  // normalised
  friend auto operator<=>(const LockRoot&, const LockRoot&) = default;
};

struct UniversalRequest {
  ResolveRequest request;            // `target` and `preferences` are those of each environment, below
  std::vector<LockRoot> roots;       // the first is Always
  std::vector<std::size_t> root_of;  // of each of request.requirements, a place in `roots`
  std::optional<std::set<std::size_t>> only_roots = std::nullopt;  // lines of others do not count now
  std::vector<LockTarget> targets;  // those in front are resolved first, of one Python
  // If no answer has files for one of the targets: is that a conflict, or are files of others accepted?
  bool targets_must_install = true;
  std::vector<PythonMinor> everywhere;  // beside the targets, all other platforms with these Pythons
  SpecifierSet requires_python;
  bool fewest_forks = false;  // one version for all Pythons, where a project has one that admits them all
  // What an environment should keep if possible: the versions of the existing lock.
  std::function<std::map<PackageName, Version>(const MarkerEnvironment&)> preferences;
};

// One version of a package, and where it is needed.
struct UniversalPackage {
  ResolvedPackage package;
  std::vector<CellSet> needed;  // by root; nowhere twice with different versions
  std::set<std::pair<PackageName, Version>> dependencies;
};

// An environment has no answer.
struct UniversalConflict {
  Conflict conflict;
  ResolveRequest request;  // what had none, its target among it
};

struct LeftOutTarget {
  std::size_t place;  // in the request's targets
  UniversalConflict why;
};

struct UniversalResolution {
  MarkerCells cells;
  std::vector<UniversalPackage> packages;  // by name, newest first
  std::vector<std::string> notes;
  int solves = 0;
  std::vector<LeftOutTarget> left_out = {};
  std::map<PackageName, std::string> pages =
      {};  // what it rests on (Project::made_of), where the caller adds it
};

using UniversalOutcome = std::variant<UniversalResolution, UniversalConflict>;

// Deterministic, as resolve(), and throws what resolve() throws. Required targets are resolved before a
// target is left out, so a project that nobody can install is reported for one of them.
UniversalOutcome resolve_universal(const UniversalRequest& request, CandidateSource& source,
                                   Reporter& reporter, std::stop_token stop = {});

// The lock for it: each version of a package with the marker for where it is needed. The caller sets
// `environments` and `inputs`.
Pylock lock_universal(const UniversalRequest& request, const UniversalResolution& resolution,
                      const LockOptions& options);

}  // namespace moat
