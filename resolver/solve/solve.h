// resolve(): requirements and a source of candidates in, one set of versions or a conflict out.
#pragma once

#include "resolver/base/reporter.h"
#include "resolver/solve/candidate.h"
#include "resolver/solve/resolution.h"
#include "resolver/solve/target.h"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace moat {

struct RootRequirement {
  Requirement requirement;
  Origin origin;
  std::vector<Digest> hashes;  // --hash: alternatives; only files with one of them may be used
};

enum class ResolutionMode { Highest, Lowest, LowestDirect };

// --no-binary / --only-binary: later entries override earlier ones per name; cli folds them into this.
struct BinaryPolicy {
  bool allow_wheels = true;  // for names not listed
  bool allow_sdists = true;
  std::map<PackageName, std::pair<bool, bool>> by_name;  // allow wheels, allow sdists
  bool wheels(const PackageName& name) const;
  bool sdists(const PackageName& name) const;
};

struct PrereleasePolicy {
  Prereleases otherwise = Prereleases::IfNecessary;
  std::map<PackageName, Prereleases> by_name;
  Prereleases of(const PackageName& name) const;
};

// Everything the answer depends on; no hidden input.
struct ResolveRequest {
  std::vector<RootRequirement> requirements;  // in the user's order: earlier ones are preferred newest first
  std::vector<RootRequirement> constraints;   // limit, never ask
  std::vector<RootRequirement> overrides;     // replace what packages say of these names
  Target target;
  std::map<PackageName, Version> preferences;                // installed or locked: taken when allowed
  std::set<std::pair<PackageName, Version>> may_use_yanked;  // pinned by a lock
  ResolutionMode mode = ResolutionMode::Highest;
  PrereleasePolicy prereleases;
  BinaryPolicy binary;
  std::optional<UnixTime> exclude_newer;
  // Date window: a request may only take candidates uploaded at most this long before the newest one it
  // allows; doubled when refuted, at last off. nullopt: off from the start.
  std::optional<std::chrono::seconds> window = std::chrono::hours(24 * 365);
  // A project's releases that do not admit these Pythons too are no candidates, unless none does.
  std::vector<Version> also_for = {};
  bool no_deps = false;
  bool require_hashes = false;
  bool ignore_requires_python = false;
  bool can_build = false;  // sdists may be candidates
  // Sdists that the source refuses to ask (see stop_building) are passed over; the run goes on.
  bool pass_over_unbuilt = false;
};

struct ResolveStatistics {
  int rounds = 0;    // solves of the lazy loop
  int projects = 0;  // pages asked for
  int metadata = 0;  // metadata files asked for
  int unbuilt = 0;   // sdists passed over
  std::chrono::nanoseconds solver{};
};

// Deterministic: the same request and the same world give the same outcome, whatever the order of arrival.
// Single-threaded; blocks in source.wait(). Throws Error if the world fails for something it needs, and
// Error(Interrupted) when stopped.
Outcome resolve(const ResolveRequest& request, CandidateSource& source, Reporter& reporter,
                std::stop_token stop = {}, ResolveStatistics* statistics = nullptr);

// The cost limit of resolutions, counted down by them. No time: the same question gets the same answer.
struct ResolveBudget {
  int rounds = 0;    // solves of the lazy loop
  int releases = 0;  // whose requirements are learned, whether from the network or from a cache
};

// The same within a budget; nullopt if the budget runs out before there is an outcome.
std::optional<Outcome> resolve_within(ResolveBudget& budget, const ResolveRequest& request,
                                      CandidateSource& source, Reporter& reporter, std::stop_token stop = {},
                                      ResolveStatistics* statistics = nullptr);

}  // namespace moat
