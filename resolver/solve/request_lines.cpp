#include "resolver/solve/request_lines.h"

#include "resolver/files/source_url.h"

#include <algorithm>
#include <set>

namespace moat {

RequestLines::RequestLines(const ResolveRequest& request) {
  const auto take = [&](const std::vector<RootRequirement>& from, bool is_constraint) {
    for (const RootRequirement& line : from) {
      const Requirement& requirement = line.requirement;
      if (requirement.marker && !requirement.marker->evaluate(request.target.environment)) continue;
      if (requirement.url) urls_.try_emplace(requirement.name, *requirement.url);
      std::vector<LineIndex>& of_name = by_name_[requirement.name];
      if (!is_constraint && of_name.empty()) requested_.push_back(requirement.name);
      of_name.push_back(lines_.size());
      lines_.push_back({&line, is_constraint});
    }
  };
  take(request.requirements, false);
  take(request.constraints, true);
}

const std::vector<LineIndex>& RequestLines::of(const PackageName& name) const {
  static const std::vector<LineIndex> kNone;
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? kNone : found->second;
}

bool RequestLines::is_requested(const PackageName& name) const {
  return std::ranges::any_of(of(name), [&](LineIndex line) { return !lines_[line].is_constraint; });
}

std::vector<bool> RequestLines::allowed(const ProjectView& view, const std::vector<bool>& dropped) const {
  std::vector<bool> allowed(view.size(), true);
  for (const LineIndex line : of(view.name())) {
    if (!dropped.empty() && dropped[line]) continue;
    const Requirement& requirement = lines_[line].requirement();
    if (requirement.url && !same_reference(urls_.at(view.name()), *requirement.url))
      return std::vector<bool>(view.size(), false);
    if (requirement.specifier.empty()) continue;
    std::size_t next = 0;
    for (const auto& [begin, end] : view.admitted(requirement.specifier)) {
      std::fill(allowed.begin() + static_cast<std::ptrdiff_t>(next),
                allowed.begin() + static_cast<std::ptrdiff_t>(begin), false);
      next = end;
    }
    std::fill(allowed.begin() + static_cast<std::ptrdiff_t>(next), allowed.end(), false);
  }
  return allowed;
}

std::vector<bool> RequestLines::allowed_inside(const ProjectView& view,
                                               const std::optional<std::chrono::seconds>& window) const {
  std::vector<bool> out = allowed(view);
  if (window && is_requested(view.name())) out = inside_window(view, out, *window);
  return out;
}

std::vector<bool> inside_window(const ProjectView& view, const std::vector<bool>& allowed,
                                std::chrono::seconds window) {
  std::vector<bool> inside = allowed;
  std::optional<UnixTime> newest;
  for (std::size_t k = view.size(); k-- > 0 && !newest;)
    if (allowed[k]) newest = view.candidate(k).uploaded;
  if (!newest) return inside;  // an index without upload times
  for (std::size_t k = 0; k < view.size(); ++k) {
    const auto& uploaded = view.candidate(k).uploaded;
    if (inside[k] && uploaded && *newest - *uploaded > window.count() && !view.is_preferred(k))
      inside[k] = false;
  }
  return inside;
}

RequestGoal make_goal(const RequestLines& lines, Encoding& encoding, const std::vector<bool>& permitted,
                      const GoalOptions& options) {
  RequestGoal out;
  const auto is_permitted = [&](PackageIndex package) {
    return package < permitted.size() && permitted[package];
  };
  std::set<PackageIndex> asked_for;
  for (const PackageName& name : lines.requested()) {
    const PackageIndex package = *encoding.find(name);
    const ProjectView& view = encoding.view(package);
    bool asked = false;
    std::set<ExtraName> extras;
    for (const LineIndex line : lines.of(name)) {
      if (lines.lines()[line].is_constraint || (!options.dropped.empty() && options.dropped[line])) continue;
      asked = true;
      extras.insert(lines.lines()[line].requirement().extras.begin(),
                    lines.lines()[line].requirement().extras.end());
    }
    if (!asked) continue;
    asked_for.insert(package);
    std::vector<bool> allowed = lines.allowed(view, options.dropped);
    for (std::size_t k = 0; k < view.size(); ++k)
      if (view.is_reserve(k) && !is_permitted(package)) allowed[k] = false;
    if (const auto only = options.only.find(package); only != options.only.end())
      for (std::size_t k = 0; k < view.size(); ++k) allowed[k] = allowed[k] && only->second[k];
    if (options.window) {
      std::vector<bool> inside = inside_window(view, allowed, *options.window);
      out.window_excludes |= inside != allowed;
      allowed = std::move(inside);
    }
    std::vector<VariantIndex> variants = {0};
    for (const ExtraName& extra : extras) variants.push_back(*encoding.find_variant(package, extra));
    for (const VariantIndex variant : variants) {
      std::vector<solv::SolvableId> candidates;
      for (std::size_t k = 0; k < view.size(); ++k)
        if (allowed[k]) candidates.push_back(encoding.candidate(package, variant, k));
      out.goal.install_one_of(std::move(candidates));
      out.items.push_back(package);
    }
  }
  for (PackageIndex package = 0; package < encoding.size(); ++package) {
    const ProjectView& view = encoding.view(package);
    if (encoding.permit(package) != 0 && !is_permitted(package)) {
      out.goal.forbid(encoding.permit(package));
      out.items.push_back(package);
    }
    // Constraints also limit projects that only packages ask for.
    if (lines.of(view.name()).empty() || asked_for.contains(package)) continue;
    const std::vector<bool> allowed = lines.allowed(view, options.dropped);
    for (std::size_t k = 0; k < view.size(); ++k) {
      if (allowed[k]) continue;
      out.goal.forbid(encoding.candidate(package, 0, k));
      out.items.push_back(package);
    }
  }
  return out;
}

}  // namespace moat
