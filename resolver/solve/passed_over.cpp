#include "resolver/solve/passed_over.h"

#include <algorithm>
#include <optional>

namespace moat {
namespace {

bool has_bad_file(const ProjectView& view, std::size_t index) {
  const Dependencies* const dependencies = view.dependencies(index);
  return dependencies != nullptr && dependencies->metadata().unusable.has_value();
}

std::string named(const ProjectView& view, std::size_t index) {
  return view.name().display() + " " + view.version(index).to_string();
}

class PassedOver {
 public:
  PassedOver(const Solution& solution, const Encoding& encoding) : solution_(solution), encoding_(encoding) {
    for (PackageIndex package = 0; package < encoding_.size(); ++package) {
      const ProjectView& view = encoding_.view(package);
      bool any = false;
      for (std::size_t k = 0; k < view.size() && !any; ++k) any = has_bad_file(view, k);
      bad_.push_back(any);
    }
  }

  std::vector<std::string> tell() const {
    std::vector<std::string> notes;
    if (std::find(bad_.begin(), bad_.end(), true) == bad_.end()) return notes;
    for (PackageIndex package = 0; package < solution_.choices.size(); ++package)
      if (solution_.choices[package])
        if (auto note = note_on(package, *solution_.choices[package])) notes.push_back(std::move(*note));
    return notes;
  }

 private:
  // For the most wanted release that was passed over because of a file.
  std::optional<std::string> note_on(PackageIndex package, const Solution::Choice& choice) const {
    const ProjectView& view = encoding_.view(package);
    for (const std::size_t k : view.by_preference()) {
      if (k == choice.index) break;
      if (k < choice.index || view.dependencies(k) == nullptr || !is_admitted(package, k)) continue;
      if (has_bad_file(view, k))
        return named(view, k) + " was passed over: " + *view.dependencies(k)->metadata().unusable;
      if (view.dependencies(k)->unusable()) continue;
      for (const Requirement* const need : view.dependencies(k)->in_force(choice.extras))
        if (const auto why = why_impossible(*need))
          return named(view, k) + " was passed over: it needs " + *why;
    }
    return std::nullopt;
  }

  // By all that the solution requires of the package.
  bool is_admitted(PackageIndex package, std::size_t index) const {
    const ProjectView& view = encoding_.view(package);
    if (view.is_reserve(index)) return false;
    return std::all_of(solution_.needs.begin(), solution_.needs.end(), [&](const Solution::Need& need) {
      return need.requirement->name != view.name() ||
             is_within(view.admitted(need.requirement->specifier), index);
    });
  }

  static bool is_within(const Ranges& ranges, std::size_t index) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const auto& range) { return range.first <= index && index < range.second; });
  }

  // None of the releases that would do can be used, one of them for its file.
  std::optional<std::string> why_impossible(const Requirement& need) const {
    const auto package = encoding_.find(need.name);
    if (!package || !bad_[*package]) return std::nullopt;
    const ProjectView& view = encoding_.view(*package);
    std::optional<std::size_t> bad;
    for (const auto& [from, to] : view.admitted(need.specifier))
      for (std::size_t k = from; k < to; ++k) {
        if (has_bad_file(view, k))
          bad = k;
        else if (view.dependencies(k) == nullptr || !view.dependencies(k)->unusable())
          return std::nullopt;
      }
    if (!bad) return std::nullopt;
    return need.to_string() + ", and " + named(view, *bad) +
           " cannot be used: " + *view.dependencies(*bad)->metadata().unusable;
  }

  const Solution& solution_;
  const Encoding& encoding_;
  std::vector<bool> bad_;  // has the package a release with a file that cannot be used?
};

}  // namespace

std::vector<std::string> notes_on_passed_over(const Solution& solution, const Encoding& encoding) {
  return PassedOver(solution, encoding).tell();
}

}  // namespace moat
