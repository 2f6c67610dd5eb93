// What a release needs on one target: its metadata with markers evaluated and overrides put in.
#pragma once

#include "resolver/solve/candidate.h"
#include "resolver/solve/solve.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moat {

// One dependency that can matter on the target.
struct Dependency {
  Requirement requirement;     // as written, or as an override replaces it
  std::optional<Marker> when;  // only where it depends on the extras asked for; the rest is decided already
  std::set<ExtraName> named;   // the extras that stand in it
};

class Dependencies {
 public:
  // Evaluates what can be evaluated once. REQUIRES: metadata and request outlive it.
  static Dependencies of(const ReleaseMetadata& metadata, const ResolveRequest& request);
  // For a release that cannot be chosen, because its requirements cannot be learned.
  static Dependencies unknown(std::string why);

  // Why the release can never be chosen, known only with its metadata.
  const std::optional<std::string>& unusable() const { return unusable_; }
  const ReleaseMetadata& metadata() const { return *metadata_; }

  // Exactly what is needed when the package is asked for with these extras. In the order of the metadata.
  std::vector<const Requirement*> in_force(const std::set<ExtraName>& extras) const;
  // The same, when it is known what is needed without `added`, one of them: at least what comes with it.
  std::vector<const Requirement*> in_force_with(const std::set<ExtraName>& extras,
                                                const ExtraName& added) const;
  // Does every extra only add requirements? Then so does any set of them, and in_force_with() gives
  // everything they add.
  bool only_grows() const { return only_grows_; }
  // What the release needs without extras.
  std::vector<const Requirement*> of_base() const;
  // What an extra adds, for an encoding that takes extras one by one: at least all that it adds alone or
  // together with others.
  std::vector<const Requirement*> of_extra(const ExtraName& extra) const;
  bool provides(const ExtraName& extra) const;

 private:
  const ReleaseMetadata* metadata_ = nullptr;
  const MarkerEnvironment* environment_ = nullptr;
  std::optional<std::string> unusable_;
  using Places = std::vector<std::size_t>;
  Places places_for(const std::set<ExtraName>& extras) const;
  std::vector<const Requirement*> those_that_hold(const Places& places,
                                                  const std::set<ExtraName>& extras) const;
  void sort_by_extra();

  std::vector<Dependency> dependencies_;
  // Metadata may have thousands of extras that lead to one another: what an extra does is looked up.
  Places always_;                         // must be asked whatever the extras are
  std::map<ExtraName, Places> by_extra_;  // can hold only with it
  bool only_grows_ = true;
};

}  // namespace moat
