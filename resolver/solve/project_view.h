// A project as the resolver sees it: its candidates in order of version and of preference, what specifiers
// mean in it, and what its releases need, as far as that is known.
#pragma once

#include "resolver/pep/version_set.h"
#include "resolver/solve/candidate_filter.h"
#include "resolver/solve/dependencies.h"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace moat {

// Half-open index ranges of candidates, sorted, disjoint.
using Ranges = std::vector<std::pair<std::size_t, std::size_t>>;

class ProjectView {
 public:
  // from_url: it is what a requirement's URL gives.
  ProjectView(const Project& project, bool from_url, FilteredProject filtered, const ResolveRequest& request);

  const PackageName& name() const { return project_.name; }
  const Project& project() const { return project_; }
  const FilteredProject& filtered() const { return filtered_; }
  std::size_t size() const { return filtered_.candidates.size(); }
  // Oldest first; index 0 to size().
  const Candidate& candidate(std::size_t index) const { return filtered_.candidates[index]; }
  const Version& version(std::size_t index) const { return versions_[index]; }

  // Best first: what was installed or locked, finals, then pre-releases (where they are only a last resort),
  // at last yanked ones; within each the newest (or the oldest, where the lowest are asked for).
  const std::vector<std::size_t>& by_preference() const { return by_preference_; }
  // Place in by_preference().
  std::size_t place(std::size_t index) const { return places_[index]; }
  bool is_preferred(std::size_t index) const { return preferred_ == index; }
  // Some candidates are a reserve: pre-releases, to be used only where they are permitted.
  bool has_reserve() const { return has_reserve_; }
  bool is_reserve(std::size_t index) const {
    return has_reserve_ && candidate(index).prerelease() && !is_preferred(index);
  }

  // The candidates that the specifiers admit, pre-releases and all; remembered by address, and by text.
  // REQUIRES: the specifiers belong to the request or to a view's dependencies.
  const Ranges& admitted(const SpecifierSet& specifiers) const;
  void forget_addresses() { by_address_.clear(); }
  std::optional<std::size_t> find(const Release* release) const;

  // nullptr: not learned yet.
  const Dependencies* dependencies(std::size_t index) const { return dependencies_[index].get(); }
  void learn(std::size_t index, const ReleaseMetadata& metadata, const ResolveRequest& request);
  // It can never be chosen.
  void rule_out(std::size_t index, std::string why);

 private:
  Ranges ranges_of(const SpecifierSet& specifiers) const;

  const Project& project_;
  FilteredProject filtered_;
  std::vector<Version> versions_;
  std::vector<std::size_t> by_preference_, places_;
  std::optional<std::size_t> preferred_;
  bool has_reserve_ = false;
  std::vector<std::unique_ptr<const Dependencies>> dependencies_;
  mutable std::unordered_map<std::string, Ranges> admitted_;
  mutable std::unordered_map<const SpecifierSet*, const Ranges*> by_address_;
};

// Preferred: where a project's preferred version may be chosen, it is the only candidate.
enum class Candidates { All, Preferred };

// The views of all pages that came, made on first use.
class ProjectViews {
 public:
  // pinned: URLs that projects come from, by name; may grow.
  ProjectViews(const ResolveRequest& request, Candidates candidates, CandidateSource& source,
               const std::map<PackageName, std::string>& pinned, ResolveStatistics& statistics)
      : request_(request),
        candidates_(candidates),
        source_(source),
        pinned_(pinned),
        statistics_(statistics),
        filter_(request) {}

  // nullptr: the page is not here yet. Throws what the source throws.
  ProjectView* find(const PackageName& name);
  // nullptr: the metadata is not here yet. Throws what the source throws, except for sdists that are passed
  // over.
  const Dependencies* dependencies(ProjectView& view, std::size_t index);
  CandidateFilter& filter() { return filter_; }
  // Look at the page again (the project now comes from a URL).
  void forget(const PackageName& name);

 private:
  void learn(ProjectView& view, std::size_t index);
  FilteredProject filtered(const Project& project, bool from_url);

  const ResolveRequest& request_;
  const Candidates candidates_;
  CandidateSource& source_;
  const std::map<PackageName, std::string>& pinned_;
  ResolveStatistics& statistics_;
  CandidateFilter filter_;
  std::unordered_map<PackageName, std::unique_ptr<ProjectView>> views_;
};

bool contains(const Ranges& ranges, std::size_t index);

}  // namespace moat
