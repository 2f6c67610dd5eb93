// One answer for many environments: each gets one set of versions, and as many environments as can the same.
//
// The newest Python of the first platform is resolved as ever. What that gives is then tried on all the other
// environments, without the solver: from the user's lines on, each requirement whose marker holds there must
// be met by the versions that were chosen, with a file that the environment takes. Where that fails, one of
// the environments is resolved in turn, the versions of its neighbours preferred; its versions join those
// chosen before where they do not contradict them. So most projects have one version a package, what one
// Python or platform cannot have is decided there alone, and an answer is missing nowhere where there is one.
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
      false;  // nobody asked for it by name: where it has no answer, the lock is not for it
};

// What has to be asked for, so that a line counts: nothing, an extra or a dependency group of the project.
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
  // Where no answer has files for one of them: is that a conflict, or do files of others do there?
  bool targets_must_install = true;
  std::vector<PythonMinor> everywhere;  // beside the targets, all other platforms with these Pythons
  SpecifierSet requires_python;
  bool fewest_forks = false;  // one version for all Pythons, where a project has one that admits them all
  // What an environment should keep, where it may: the versions of the lock that is there.
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
};

using UniversalOutcome = std::variant<UniversalResolution, UniversalConflict>;

// Deterministic, as resolve(), and throws what that throws. Before a target is left out those that may not be
// are resolved: what nobody can install is told of one of them.
UniversalOutcome resolve_universal(const UniversalRequest& request, CandidateSource& source,
                                   Reporter& reporter, std::stop_token stop = {});

// The lock of it: each version of a package with the marker of where it is needed. `environments` and
// `inputs` are the caller's.
Pylock lock_universal(const UniversalRequest& request, const UniversalResolution& resolution,
                      const LockOptions& options);

}  // namespace moat
