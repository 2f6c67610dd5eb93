#include "resolver/solve/prefetch.h"

#include <algorithm>
#include <utility>

namespace moat {

void Requests::project(const PackageName& name) {
  if (!projects_.insert(name).second) return;
  ++statistics_.projects;
  source_.request_project(name);
}

void Requests::metadata(const ProjectView& view, std::size_t index) {
  const Candidate& candidate = view.candidate(index);
  if (!metadata_.emplace(view.name(), candidate.release.get()).second) return;
  ++statistics_.metadata;
  source_.request_metadata(view.name(), *candidate.release, candidate.file());
}

void Requests::pin(const PackageName& name, const std::string& url) {
  source_.pin_to_url(name, url);
  projects_.erase(name);
}

void Requests::unpin(const PackageName& name) {
  source_.unpin(name);
  projects_.erase(name);
}

void Prefetcher::restart(const std::vector<const Requirement*>& needed,
                         const std::vector<std::pair<PackageName, std::size_t>>& chosen) {
  guesses_.clear();
  to_do_.clear();
  for (const auto& [name, index] : chosen) guesses_[name].chosen = index;
  for (const Requirement* requirement : needed) want(*requirement);
  work();
}

void Prefetcher::arrived(const PackageName& name) {
  if (!guesses_.contains(name)) return;
  to_do_.push_back(name);
  work();
}

void Prefetcher::want(const Requirement& requirement) {
  if (requirement.url && !pinned_.contains(requirement.name))
    return;  // the solver decides whether that counts
  requests_.project(requirement.name);
  Guess& guess = guesses_[requirement.name];
  bool says_more = !std::exchange(guess.wanted, true);
  if (!requirement.specifier.empty() && guess.seen.insert(&requirement.specifier).second) {
    guess.specifiers.push_back(&requirement.specifier);
    says_more = true;
  }
  for (const ExtraName& extra : requirement.extras)
    if (guess.extras.insert(extra).second) {
      guess.fresh.push_back(extra);
      says_more = true;
    }
  if (says_more) to_do_.push_back(requirement.name);
}

void Prefetcher::work() {
  while (!to_do_.empty()) {
    const PackageName name = std::move(to_do_.front());
    to_do_.pop_front();
    try {
      advance(name, guesses_[name]);
    } catch (const Error& error) {
      // A guess may fail; if the item is needed after all, the solver meets the failure itself.
      if (error.kind() == ErrorKind::Interrupted) throw;
    }
  }
}

std::optional<std::size_t> Prefetcher::best(const ProjectView& view, const Guess& guess) {
  std::vector<const Ranges*> limits;
  const auto first_inside = [&]() -> std::optional<std::size_t> {
    for (const std::size_t index : view.by_preference())
      if (std::all_of(limits.begin(), limits.end(), [&](const Ranges* r) { return contains(*r, index); }))
        return index;
    return std::nullopt;
  };
  for (const SpecifierSet* specifiers : guess.specifiers) {
    const Ranges& limit = view.admitted(*specifiers);
    if (std::find(limits.begin(), limits.end(), &limit) != limits.end()) continue;
    limits.push_back(&limit);
    if (!first_inside()) limits.pop_back();
  }
  const auto inside = [&](std::size_t index) {
    return std::all_of(limits.begin(), limits.end(), [&](const Ranges* r) { return contains(*r, index); });
  };
  if (guess.chosen && inside(*guess.chosen)) return guess.chosen;
  return first_inside();
}

void Prefetcher::advance(const PackageName& name, Guess& guess) {
  ProjectView* view = views_.find(name);
  if (view == nullptr) return;
  const auto index = best(*view, guess);
  if (!index) return;
  if (guess.index != index) {
    guess.index = index;
    guess.followed = false;
    if (!view->candidate(*index).traits().may_need_build()) requests_.metadata(*view, *index);
  }
  if ((guess.followed && guess.fresh.empty()) || !requests_.has_asked(*view, *index)) return;
  const Dependencies* dependencies = views_.dependencies(*view, *index);
  if (dependencies == nullptr || dependencies->unusable()) return;
  follow(*dependencies, guess);
}

// An extra may ask for another one of the same project, and that for the next: only what is new is looked at.
void Prefetcher::follow(const Dependencies& dependencies, Guess& guess) {
  const bool knows_the_rest = std::exchange(guess.followed, true);
  const std::vector<ExtraName> fresh = std::exchange(guess.fresh, {});
  if (!knows_the_rest || !dependencies.only_grows()) {
    for (const Requirement* requirement : dependencies.in_force(guess.extras)) want(*requirement);
    return;
  }
  for (const ExtraName& extra : fresh)
    for (const Requirement* requirement : dependencies.in_force_with(guess.extras, extra)) want(*requirement);
}

}  // namespace moat
