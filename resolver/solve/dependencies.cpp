#include "resolver/solve/dependencies.h"

#include <algorithm>

namespace moat {
namespace {

bool holds(const Dependency& dependency, const MarkerEnvironment& environment,
           const std::set<ExtraName>& extras) {
  return !dependency.when || dependency.when->evaluate(environment, extras);
}

// Does the dependency hold with this extra plus some set of others, but not with those others alone? `extra
// == "a" and extra == "b"`: each of them counts for both. REQUIRES: it does not hold without extras.
bool makes_hold(const ExtraName& extra, const Dependency& dependency, const MarkerEnvironment& environment) {
  constexpr std::size_t kMostOthers = 8;
  if (holds(dependency, environment, {extra})) return true;
  std::vector<ExtraName> others;
  for (const ExtraName& name : dependency.named)
    if (name != extra) others.push_back(name);
  // Too many combinations to try: assume that the extra adds it.
  if (others.size() > kMostOthers) return dependency.named.contains(extra);
  for (std::size_t chosen = 1; chosen < std::size_t{1} << others.size(); ++chosen) {
    std::set<ExtraName> extras;
    for (std::size_t i = 0; i < others.size(); ++i)
      if ((chosen >> i & 1U) != 0) extras.insert(others[i]);
    if (holds(dependency, environment, extras)) continue;
    extras.insert(extra);
    if (holds(dependency, environment, extras)) return true;
  }
  return false;
}

// What overrides make of a requirement: its replacements on this target, or itself. The extras it asks for
// stay.
std::vector<Requirement> overridden(const Requirement& requirement, const ResolveRequest& request) {
  std::vector<Requirement> replacements;
  bool is_overridden = false;
  for (const RootRequirement& line : request.overrides) {
    const Requirement& override = line.requirement;
    if (override.name != requirement.name) continue;
    is_overridden = true;
    if (override.marker && !override.marker->evaluate(request.target.environment)) continue;
    Requirement replacement = override;
    replacement.extras.insert(requirement.extras.begin(), requirement.extras.end());
    replacement.marker = requirement.marker;
    replacements.push_back(std::move(replacement));
  }
  if (!is_overridden) replacements.push_back(requirement);
  return replacements;
}

}  // namespace

Dependencies Dependencies::of(const ReleaseMetadata& metadata, const ResolveRequest& request) {
  Dependencies out;
  out.metadata_ = &metadata;
  out.environment_ = &request.target.environment;
  out.unusable_ = metadata.unusable;
  if (!out.unusable_ && !request.ignore_requires_python && metadata.requires_python &&
      !metadata.requires_python->contains(request.target.python))
    out.unusable_ = "it needs Python " + metadata.requires_python->to_string();
  if (request.no_deps) return out;
  for (const Requirement& written : metadata.requires_dist) {
    std::optional<Marker> when;
    std::set<ExtraName> named;
    if (written.marker) {
      if (written.marker->mentions_extra()) {
        if (written.marker->never_holds(*out.environment_)) continue;
        when = written.marker;
        named = written.marker->extras_named();
      } else if (!written.marker->evaluate(*out.environment_)) {
        continue;
      }
    }
    for (Requirement& requirement : overridden(written, request))
      out.dependencies_.push_back({std::move(requirement), when, named});
  }
  out.sort_by_extra();
  return out;
}

Dependencies Dependencies::unknown(std::string why) {
  static const ReleaseMetadata kNothing;
  Dependencies out;
  out.metadata_ = &kNothing;
  out.unusable_ = std::move(why);
  return out;
}

void Dependencies::sort_by_extra() {
  for (std::size_t i = 0; i < dependencies_.size(); ++i) {
    const Dependency& dependency = dependencies_[i];
    const bool by_name = !dependency.when || dependency.when->wants_extras_by_name();
    only_grows_ = only_grows_ && by_name;
    if (!dependency.when || !by_name || holds(dependency, *environment_, {})) {
      always_.push_back(i);
    } else {
      for (const ExtraName& extra : dependency.named) by_extra_[extra].push_back(i);
    }
  }
}

Dependencies::Places Dependencies::places_for(const std::set<ExtraName>& extras) const {
  Places places = always_;
  for (const ExtraName& extra : extras)
    if (const auto found = by_extra_.find(extra); found != by_extra_.end())
      places.insert(places.end(), found->second.begin(), found->second.end());
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  return places;
}

std::vector<const Requirement*> Dependencies::those_that_hold(const Places& places,
                                                              const std::set<ExtraName>& extras) const {
  std::vector<const Requirement*> out;
  for (const std::size_t place : places)
    if (holds(dependencies_[place], *environment_, extras)) out.push_back(&dependencies_[place].requirement);
  return out;
}

std::vector<const Requirement*> Dependencies::in_force(const std::set<ExtraName>& extras) const {
  return those_that_hold(places_for(extras), extras);
}

std::vector<const Requirement*> Dependencies::in_force_with(const std::set<ExtraName>& extras,
                                                            const ExtraName& added) const {
  if (!only_grows_) return in_force(extras);
  const auto found = by_extra_.find(added);
  return found == by_extra_.end() ? std::vector<const Requirement*>()
                                  : those_that_hold(found->second, extras);
}

std::vector<const Requirement*> Dependencies::of_base() const { return in_force({}); }

std::vector<const Requirement*> Dependencies::of_extra(const ExtraName& extra) const {
  std::vector<const Requirement*> out;
  for (const std::size_t place : places_for({extra})) {
    const Dependency& dependency = dependencies_[place];
    if (dependency.when && !holds(dependency, *environment_, {}) &&
        makes_hold(extra, dependency, *environment_))
      out.push_back(&dependency.requirement);
  }
  return out;
}

bool Dependencies::provides(const ExtraName& extra) const {
  return std::find(metadata_->provides_extra.begin(), metadata_->provides_extra.end(), extra) !=
         metadata_->provides_extra.end();
}

}  // namespace moat
