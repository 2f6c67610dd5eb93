#include "resolver/solve/solution.h"

#include "resolver/base/text.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <stdexcept>
#include <utility>

namespace moat {
namespace {

// Follows requirements from the user's lines. Markers see all extras that a package is asked for with; so a
// package whose extras grow on the way is looked at again.
//
// `extra != "x"` may then undo what was followed before, with everything that it brought in, extras of others
// included. In that case everything is followed again with the extras known at the end, until they equal the
// extras asked for. A package that is asked for with x only by what it needs without x has no such end: then
// everything that was ever needed stays.
class Reader {
 public:
  Reader(const std::vector<solv::SolvableId>& installed, const Encoding& encoding, const RequestLines& lines)
      : encoding_(encoding), lines_(lines), chosen_(encoding.size()) {
    for (const solv::SolvableId solvable : installed) {
      const Encoding::Meaning meaning = encoding.meaning(solvable);
      if (meaning.kind == Encoding::Meaning::Kind::Candidate && meaning.variant == 0)
        chosen_[meaning.package] = meaning.index;
    }
  }

  Solution read() {
    follow_all();
    if (!took_back_) return with_needs();
    Solution all = with_needs();
    Extras known = extras_of(all);
    for (std::size_t again = 0; again <= chosen_.size(); ++again) {
      known_ = std::move(known);
      follow_all();
      known = extras_of(solution_);
      if (known == known_) return with_needs();
    }
    return all;
  }

 private:
  using Extras = std::vector<std::set<ExtraName>>;  // by package

  static Extras extras_of(const Solution& solution) {
    Extras out(solution.choices.size());
    for (PackageIndex package = 0; package < out.size(); ++package)
      if (const auto& choice = solution.choices[package]) out[package] = choice->extras;
    return out;
  }

  void follow_all() {
    solution_ = {};
    solution_.choices.resize(chosen_.size());
    own_needs_.assign(chosen_.size(), {});
    grown_.assign(chosen_.size(), {});
    for (LineIndex line = 0; line < lines_.lines().size(); ++line) {
      if (lines_.lines()[line].is_constraint) continue;
      const Requirement& requirement = lines_.lines()[line].requirement();
      solution_.needs.push_back({std::nullopt, line, &requirement});
      reach(requirement);
    }
    while (!to_do_.empty()) {
      const PackageIndex package = to_do_.front();
      to_do_.pop_front();
      follow(package);
    }
  }

  Solution with_needs() {
    for (PackageIndex package = 0; package < own_needs_.size(); ++package) {
      if (grown_[package].base_followed) sort_as_written(own_needs_[package]);
      for (const Requirement* requirement : own_needs_[package])
        solution_.needs.push_back({package, std::nullopt, requirement});
    }
    return std::move(solution_);
  }

  // They are consecutive, in the order of the metadata.
  static void sort_as_written(std::vector<const Requirement*>& needs) {
    std::sort(needs.begin(), needs.end(), std::less<>());
    needs.erase(std::unique(needs.begin(), needs.end()), needs.end());
  }

  void reach(const Requirement& requirement) {
    const auto package = encoding_.find(requirement.name);
    if (!package || !chosen_[*package]) return;  // not fed yet; a complete solution is checked for it
    auto& choice = solution_.choices[*package];
    const bool is_new = !choice;
    if (is_new) choice.emplace().index = *chosen_[*package];
    std::vector<ExtraName>& fresh = grown_[*package].fresh;
    const std::size_t before = fresh.size();
    for (const ExtraName& extra : requirement.extras)
      if (choice->extras.insert(extra).second) fresh.push_back(extra);
    if (is_new || fresh.size() != before) to_do_.push_back(*package);
  }

  void follow(PackageIndex package) {
    Solution::Choice& choice = *solution_.choices[package];
    choice.complete = encoding_.is_fed(package, 0, choice.index);
    if (!choice.complete) return;
    const Dependencies* dependencies = encoding_.view(package).dependencies(choice.index);
    if (!known_ && dependencies->only_grows()) return follow_growth(package, *dependencies);
    std::set<ExtraName> fed;
    for (const ExtraName& extra : known_ ? (*known_)[package] : choice.extras) {
      const auto variant = encoding_.find_variant(package, extra);
      if (variant && encoding_.is_fed(package, *variant, choice.index))
        fed.insert(extra);
      else
        choice.complete = false;
    }
    Needs needs = dependencies->in_force(fed);
    for (const Requirement* requirement : needs) reach(*requirement);
    for (const Requirement* before : own_needs_[package])
      if (std::find(needs.begin(), needs.end(), before) == needs.end()) {
        took_back_ = true;
        needs.push_back(before);
      }
    own_needs_[package] = std::move(needs);
  }

  // Extras that ask for the next one of their project make thousands of steps: each looks at what is new
  // only.
  void follow_growth(PackageIndex package, const Dependencies& dependencies) {
    Solution::Choice& choice = *solution_.choices[package];
    Growth& growth = grown_[package];
    Needs added;
    if (!std::exchange(growth.base_followed, true)) added = dependencies.in_force({});
    for (const ExtraName& extra : std::exchange(growth.fresh, {})) {
      const auto variant = encoding_.find_variant(package, extra);
      if (!variant || !encoding_.is_fed(package, *variant, choice.index)) {
        growth.lacks_extra = true;
        continue;
      }
      growth.fed.insert(extra);
      const Needs more = dependencies.in_force_with(growth.fed, extra);
      added.insert(added.end(), more.begin(), more.end());
    }
    choice.complete = !growth.lacks_extra;
    for (const Requirement* requirement : added) reach(*requirement);
    own_needs_[package].insert(own_needs_[package].end(), added.begin(), added.end());
  }

  using Needs = std::vector<const Requirement*>;

  // A package whose extras only add requirements.
  struct Growth {
    bool base_followed = false;
    std::vector<ExtraName> fresh;  // not followed yet
    std::set<ExtraName> fed;
    bool lacks_extra = false;  // one of them is not fed
  };

  const Encoding& encoding_;
  const RequestLines& lines_;
  std::vector<std::optional<std::size_t>> chosen_;
  std::optional<Extras> known_;  // nullopt: those that were met so far
  bool took_back_ = false;
  std::vector<Needs> own_needs_;
  std::vector<Growth> grown_;
  std::deque<PackageIndex> to_do_;
  Solution solution_;
};

std::string named(const ResolvedPackage& package) {
  return package.name.display() + " " + package.version.to_string();
}

void add_notes(const ResolvedPackage& package, const Project& project, const Dependencies& dependencies,
               std::vector<std::string>& notes) {
  if (package.file.artifact.yanked) {
    const std::string& reason = *package.file.artifact.yanked;
    notes.push_back(named(package) + " was yanked" + (reason.empty() ? "" : ": " + quote(reason)));
  }
  if (project.status == "archived" || project.status == "deprecated" || project.status == "quarantined")
    notes.push_back(package.name.display() + " is " + project.status +
                    (project.status_reason.empty() ? "" : ": " + quote(project.status_reason)));
  for (const std::string& mended : package.metadata.mended) notes.push_back(named(package) + ": " + mended);
  for (const ExtraName& extra : package.extras)
    if (!dependencies.provides(extra))
      notes.push_back(named(package) + " has no extra " + quote(extra.display()));
}

bool user_first(const Edge& a, const Edge& b) {
  if (a.from.has_value() != b.from.has_value()) return !a.from.has_value();
  return a.from && *a.from < *b.from;
}

}  // namespace

bool Solution::is_complete() const {
  return std::all_of(choices.begin(), choices.end(),
                     [](const std::optional<Choice>& choice) { return !choice || choice->complete; });
}

Solution read_solution(const std::vector<solv::SolvableId>& installed, const Encoding& encoding,
                       const RequestLines& lines) {
  return Reader(installed, encoding, lines).read();
}

Resolution make_resolution(const Solution& solution, const Encoding& encoding, const RequestLines& lines) {
  Resolution out;
  std::vector<std::size_t> place(encoding.size());
  for (PackageIndex package = 0; package < encoding.size(); ++package) {
    const auto& choice = solution.choices[package];
    if (!choice) continue;
    place[package] = out.packages.size();
    const ProjectView& view = encoding.view(package);
    const Candidate& candidate = view.candidate(choice->index);
    out.packages.push_back({.name = view.name(),
                            .version = candidate.version(),
                            .release = candidate.release,
                            .file = candidate.file(),
                            .extras = choice->extras,
                            .metadata = view.dependencies(choice->index)->metadata(),
                            .required_by = {},
                            .index = view.project().index,
                            .accepted = {}});
  }
  for (const Solution::Need& need : solution.needs) {
    const auto on = encoding.find(need.requirement->name);
    // The encoding should make this impossible; a wrong environment would be worse than no answer.
    if (!on || !solution.choices[*on] ||
        !contains(encoding.view(*on).admitted(need.requirement->specifier), solution.choices[*on]->index))
      throw std::logic_error("the solution does not meet " + need.requirement->to_string());
    Edge edge{std::nullopt, *need.requirement, {}};
    if (need.from) edge.from = encoding.view(*need.from).name();
    if (need.line) edge.origin = lines.lines()[*need.line].line->origin;
    out.packages[place[*on]].required_by.push_back(std::move(edge));
  }
  for (ResolvedPackage& package : out.packages)
    std::stable_sort(package.required_by.begin(), package.required_by.end(), user_first);
  std::sort(out.packages.begin(), out.packages.end(),
            [](const ResolvedPackage& a, const ResolvedPackage& b) { return a.name < b.name; });
  for (const ResolvedPackage& package : out.packages) {
    const PackageIndex index = *encoding.find(package.name);
    add_notes(package, encoding.view(index).project(),
              *encoding.view(index).dependencies(solution.choices[index]->index), out.notes);
  }
  return out;
}

}  // namespace moat
