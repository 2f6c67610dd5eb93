#include "resolver/solve/project_view.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

namespace moat {
namespace {

bool prefers_lowest(const PackageName& name, const ResolveRequest& request) {
  switch (request.mode) {
    case ResolutionMode::Highest:
      return false;
    case ResolutionMode::Lowest:
      return true;
    case ResolutionMode::LowestDirect:
      return std::any_of(request.requirements.begin(), request.requirements.end(),
                         [&](const RootRequirement& line) { return line.requirement.name == name; });
  }
  return false;
}

}  // namespace

ProjectView::ProjectView(const Project& project, bool from_url, FilteredProject filtered,
                         const ResolveRequest& request)
    : project_(project), filtered_(std::move(filtered)) {
  const std::size_t count = filtered_.candidates.size();
  versions_.reserve(count);
  for (const Candidate& candidate : filtered_.candidates) {
    versions_.push_back(candidate.version());
    has_reserve_ |= candidate.prerelease();
  }
  has_reserve_ &= !from_url && request.prereleases.of(project.name) == Prereleases::IfNecessary;
  if (const auto wanted = request.preferences.find(project.name); wanted != request.preferences.end()) {
    const auto found = std::lower_bound(versions_.begin(), versions_.end(), wanted->second);
    if (found != versions_.end() && *found == wanted->second)
      preferred_ = static_cast<std::size_t>(found - versions_.begin());
  }
  by_preference_.resize(count);
  std::iota(by_preference_.begin(), by_preference_.end(), std::size_t{0});
  const bool lowest = prefers_lowest(project.name, request);
  // Smaller is better.
  const auto key = [&](std::size_t i) {
    return std::tuple(!is_preferred(i), filtered_.candidates[i].yanked, is_reserve(i),
                      lowest ? i : count - i);
  };
  std::sort(by_preference_.begin(), by_preference_.end(),
            [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  places_.resize(count);
  for (std::size_t place = 0; place < count; ++place) places_[by_preference_[place]] = place;
  dependencies_.resize(count);
}

const Ranges& ProjectView::admitted(const SpecifierSet& specifiers) const {
  const auto [known, is_unknown] = by_address_.try_emplace(&specifiers, nullptr);
  if (!is_unknown) return *known->second;
  const auto [entry, is_new] = admitted_.try_emplace(specifiers.to_string());
  known->second = &entry->second;
  if (is_new) entry->second = ranges_of(specifiers);
  return entry->second;
}

Ranges ProjectView::ranges_of(const SpecifierSet& specifiers) const {
  if (const auto set = VersionSet::from(specifiers)) return set->ranges_in(versions_);
  Ranges ranges;  // `===` compares texts
  for (std::size_t i = 0; i < size(); ++i) {
    if (!admits(specifiers, *candidate(i).release)) continue;
    if (!ranges.empty() && ranges.back().second == i)
      ++ranges.back().second;
    else
      ranges.emplace_back(i, i + 1);
  }
  return ranges;
}

std::optional<std::size_t> ProjectView::find(const Release* release) const {
  const auto found = std::lower_bound(versions_.begin(), versions_.end(), release->version);
  if (found == versions_.end() || *found != release->version) return std::nullopt;
  return static_cast<std::size_t>(found - versions_.begin());
}

void ProjectView::learn(std::size_t index, const ReleaseMetadata& metadata, const ResolveRequest& request) {
  dependencies_[index] = std::make_unique<const Dependencies>(Dependencies::of(metadata, request));
}

void ProjectView::rule_out(std::size_t index, std::string why) {
  dependencies_[index] = std::make_unique<const Dependencies>(Dependencies::unknown(std::move(why)));
}

ProjectView* ProjectViews::find(const PackageName& name) {
  if (const auto found = views_.find(name); found != views_.end()) return found->second.get();
  const Project* project = source_.find_project(name);
  if (project == nullptr) return nullptr;
  const bool from_url = pinned_.contains(name);
  auto view = std::make_unique<ProjectView>(*project, from_url, filtered(*project, from_url), request_);
  return views_.emplace(name, std::move(view)).first->second.get();
}

FilteredProject ProjectViews::filtered(const Project& project, bool from_url) {
  if (candidates_ == Candidates::Preferred && !from_url)
    if (const auto preferred = request_.preferences.find(project.name);
        preferred != request_.preferences.end())
      if (auto only = filter_.only(project, preferred->second)) return *std::move(only);
  return filter_.filter(project, from_url);
}

const Dependencies* ProjectViews::dependencies(ProjectView& view, std::size_t index) {
  if (view.dependencies(index) == nullptr) learn(view, index);
  return view.dependencies(index);
}

void ProjectViews::learn(ProjectView& view, std::size_t index) {
  const Candidate& candidate = view.candidate(index);
  try {
    const ReleaseMetadata* metadata = source_.find_metadata(view.name(), *candidate.release);
    if (metadata != nullptr) view.learn(index, *metadata, request_);
  } catch (const Error& error) {
    if (!request_.pass_over_unbuilt || error.kind() != ErrorKind::Refused ||
        !candidate.traits().may_need_build())
      throw;
    ++statistics_.unbuilt;
    view.rule_out(index, error.what());
  }
}

void ProjectViews::forget(const PackageName& name) {
  views_.erase(name);
  // Its specifiers are gone, and their addresses may be used again.
  for (const auto& [other, view] : views_) view->forget_addresses();
}

bool contains(const Ranges& ranges, std::size_t index) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [index](const auto& range) { return range.first <= index && index < range.second; });
}

}  // namespace moat
