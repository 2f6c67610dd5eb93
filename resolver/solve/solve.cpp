#include "resolver/solve/solve.h"

#include "resolver/base/text.h"
#include "resolver/solv/solver.h"
#include "resolver/solve/conflict.h"
#include "resolver/solve/encode.h"
#include "resolver/solve/fairness.h"
#include "resolver/solve/fresh.h"
#include "resolver/solve/passed_over.h"
#include "resolver/solve/prefetch.h"
#include "resolver/solve/prerelease_permits.h"
#include "resolver/solve/proof.h"
#include "resolver/solve/request_lines.h"
#include "resolver/solve/solution.h"
#include "resolver/solve/url_decisions.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

// The lazy loop. A page gives all candidates of a project at once, but no requirements; those come with
// metadata, one file per release. So: solve as if unknown candidates required nothing; ask for the metadata
// of the chosen ones; feed it; solve again, until every chosen candidate has been fed. A refutation needs no
// more metadata, since unknown requirements can only remove choices.
//
// Rounds feed the pool in a fixed order behind two barriers (metadata, then the pages it names): the answer
// does not depend on what arrives first, nor on what was in a cache. Waiting is the Prefetcher's time to run
// ahead.
//
// Preferred versions (installed, or locked) are fed before the first solve, with their requirements: if
// they still work, as they mostly do, that solve is the last. A small problem with only the preferred
// versions is solved first: an answer that takes the best of everything is the one that all candidates
// would give. While the best of everything meets all that is known, no solver is needed at all.

namespace moat {
namespace {

// Waits for what was asked of the source.
class Waiting {
 public:
  Waiting(CandidateSource& source, Prefetcher& ahead, std::stop_token stop)
      : source_(source), ahead_(ahead), stop_(std::move(stop)) {}

  // Work that is done once, as soon as something has to be waited for: looking ahead costs time.
  class Meanwhile {
   public:
    Meanwhile(Waiting& waiting, std::function<void()> work) : waiting_(waiting) {
      waiting_.meanwhile_ = std::move(work);
    }
    ~Meanwhile() { waiting_.meanwhile_ = nullptr; }
    Meanwhile(const Meanwhile&) = delete;
    Meanwhile& operator=(const Meanwhile&) = delete;

   private:
    Waiting& waiting_;
  };

  void until(const std::function<bool()>& done) {
    while (!done()) {
      check_stop();
      if (const auto work = std::exchange(meanwhile_, nullptr))
        work();
      else
        ahead_.arrived(source_.wait().name);
    }
  }
  void check_stop() const {
    if (stop_.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
  }
  const std::stop_token& stop() const { return stop_; }

 private:
  CandidateSource& source_;
  Prefetcher& ahead_;
  std::stop_token stop_;
  std::function<void()> meanwhile_;
};

// The loop itself. It stays one class: what a step finds (a URL for a project of the index, a failed proof, a
// spent budget) may send any other back to its beginning, and what they share is the state of that search.
class Resolver {
 public:
  Resolver(const ResolveRequest& request, Candidates candidates, CandidateSource& source, Reporter& reporter,
           std::stop_token stop, ResolveStatistics& statistics, ResolveBudget* budget)
      : request_(request),
        candidates_(candidates),
        reporter_(reporter),
        statistics_(statistics),
        budget_(budget),
        lines_(request),
        urls_(lines_.urls()),
        requests_(source, statistics),
        views_(request, candidates, source, urls_.pinned(), statistics),
        ahead_(requests_, views_, urls_.pinned()),
        waiting_(source, ahead_, std::move(stop)) {
    for (const auto& [name, url] : urls_.pinned()) requests_.pin(name, url);
  }

  // REQUIRES: Candidates::Preferred. nullopt: preferred versions fail, or there may be better ones.
  std::optional<Outcome> run_preferred() {
    if (!urls_.pinned().empty()) return std::nullopt;
    std::optional<Outcome> outcome;
    try {
      outcome = attempt();
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::Interrupted) throw;
      // The full search may not need what failed here.
    }
    if (outcome) return outcome;
    for (const auto& [name, url] : urls_.pinned()) requests_.unpin(name);
    return std::nullopt;
  }

  // nullopt: the budget is used up.
  std::optional<Outcome> run() {
    for (;;) {
      std::optional<Outcome> outcome = attempt();
      if (!outcome && is_spent()) return std::nullopt;
      const auto* resolution = outcome ? std::get_if<Resolution>(&*outcome) : nullptr;
      const std::optional<std::size_t> unasked =
          resolution != nullptr ? urls_.nobody_asks_for(*resolution) : std::nullopt;
      if (outcome && !unasked) return outcome;
      permits_.reset();
      fresh_.reset();
      encoding_.reset();
      if (unasked) refuse_url(*unasked);
      if (refuse_last_) refuse_url(urls_.last_taken().value());
      refuse_last_ = false;
      for (const auto& [name, url] : late_pins_) take_url(name, url);
      late_pins_.clear();
    }
  }

 private:
  bool is_spent() const { return budget_ != nullptr && (budget_->rounds <= 0 || budget_->releases <= 0); }

  // nullopt: the budget is used up; or everything starts again, because a dependency named a URL for a
  // project already requested from the index, or because a URL is to be refused.
  std::optional<Outcome> attempt() {
    encoding_.emplace(urls_.pinned());
    permits_.emplace(lines_, *encoding_);
    window_ = request_.mode == ResolutionMode::Highest ? request_.window : std::nullopt;
    fresh_.emplace(request_, lines_, *encoding_);
    best_may_do_ = true;
    begin();
    follow_preferences();
    if (!late_pins_.empty()) return std::nullopt;
    for (;;) {
      waiting_.check_stop();
      if (is_spent()) return std::nullopt;
      std::optional<Solution> solution;
      if (!solve(solution)) continue;  // another window or permit
      if (!solution && candidates_ == Candidates::Preferred) return std::nullopt;
      if (!solution) return refuted();
      // In every round: a package that cannot keep its version, and pins preferred versions of others, would
      // otherwise be tried release by release before the answer is rejected anyway.
      if (candidates_ == Candidates::Preferred && !takes_the_best(*solution)) return std::nullopt;
      if (solution->is_complete()) return Outcome(finish(*solution));
      learn(*solution, fresh_->of(*solution, window_));
      if (!late_pins_.empty()) return std::nullopt;
    }
  }

  // The first obstacle found is the one reported.
  std::optional<Outcome> refuted() {
    if (!conflict_)
      conflict_ = make_conflict(lines_, *encoding_, permits_->by_package(), views_.filter(), waiting_.stop());
    refuse_last_ = urls_.last_taken().has_value();
    return refuse_last_ ? std::nullopt : std::optional<Outcome>(std::move(*conflict_));
  }

  // REQUIRES: the encoding has not been made yet.
  void refuse_url(std::size_t number) {
    ahead_.restart({}, {});
    for (const PackageName& name : urls_.refuse(number)) {
      views_.forget(name);
      requests_.unpin(name);
    }
  }

  void begin() {
    for (const PackageName& name : lines_.requested()) requests_.project(name);
    follow_urls();
    std::vector<const Requirement*> needed;
    for (const RequestLine& line : lines_.lines())
      if (!lines_.of(line.requirement().name).empty() && lines_.is_requested(line.requirement().name))
        needed.push_back(&line.requirement());
    const Waiting::Meanwhile meanwhile(waiting_, [this, needed] { ahead_.restart(needed, {}); });
    add_projects(lines_.requested());
    Solution nothing_yet;
    for (LineIndex line = 0; line < lines_.lines().size(); ++line) {
      const RequestLine& own = lines_.lines()[line];
      if (own.is_constraint) continue;
      for (const ExtraName& extra : own.requirement().extras)
        encoding_->variant(*encoding_->find(own.requirement().name), extra);
      nothing_yet.needs.push_back({std::nullopt, line, &own.requirement()});
    }
    permits_->grant_for(nothing_yet);
  }

  // False: the question was eased and must be asked again. Else a solution, or nullopt if there is none.
  bool solve(std::optional<Solution>& solution) {
    const auto begun = std::chrono::steady_clock::now();
    ++statistics_.rounds;
    if (budget_ != nullptr) --budget_->rounds;
    std::optional<Proof> proof;
    bool window_excludes = false;
    if (best_may_do_) solution = best_of_all();
    if (!solution) {
      best_may_do_ = false;  // what is known only grows
      const RequestGoal goal = goal_now();
      window_excludes = goal.window_excludes;
      solv::Solver solver(encoding_->pool());
      if (solver.solve(goal.goal))
        solution = read_solution(solver.installed(), *encoding_, lines_);
      else
        proof = read_proof(solver.refutation(), *encoding_, goal);
    }
    statistics_.solver += std::chrono::steady_clock::now() - begun;
    if (!proof || permits_->grant_for(*proof)) return !proof;
    if (!window_ || !window_excludes) return true;
    *window_ *= 2;
    return false;
  }

  // Feeds the preferred candidates that are reachable from the user's lines through other preferred ones.
  void follow_preferences() {
    if (request_.preferences.empty()) return;
    std::set<std::pair<PackageIndex, std::size_t>> followed;
    for (;;) {
      waiting_.check_stop();
      std::vector<solv::SolvableId> preferred;
      for (PackageIndex package = 0; package < encoding_->size(); ++package)
        if (const auto index = preferred_of(package))
          preferred.push_back(encoding_->candidate(package, 0, *index));
      const Solution solution = read_solution(preferred, *encoding_, lines_);
      std::vector<Fresh> fresh;
      for (PackageIndex package = 0; package < solution.choices.size(); ++package)
        if (const auto& choice = solution.choices[package];
            choice && !choice->complete && followed.emplace(package, choice->extras.size()).second)
          fresh.push_back({package, choice->index, false});
      if (fresh.empty()) return;
      try {
        learn(solution, fresh);
      } catch (const Error& error) {
        if (error.kind() == ErrorKind::Interrupted) throw;
        return;  // it is met again if something needs it
      }
      if (!late_pins_.empty()) return;
    }
  }

  // If the user's lines admit it, and no build is needed to know it.
  std::optional<std::size_t> preferred_of(PackageIndex package) const {
    const ProjectView& view = encoding_->view(package);
    if (view.size() == 0) return std::nullopt;
    const std::size_t best = view.by_preference().front();
    if (!view.is_preferred(best) || fresh_->may_need_build(package, best) || !lines_.allowed(view)[best])
      return std::nullopt;
    return best;
  }

  RequestGoal goal_now() {
    return make_goal(lines_, *encoding_, permits_->by_package(), {.window = window_, .dropped = {}});
  }

  // The best candidate of every project, if nothing known speaks against it: what the solver would choose.
  // One exception: a marker on several extras at once is judged exactly here, while the solver has each
  // extra's requirements on their own, and may therefore choose something older.
  std::optional<Solution> best_of_all() const {
    if (window_ && window_ != request_.window) return std::nullopt;
    std::vector<solv::SolvableId> best;
    for (PackageIndex package = 0; package < encoding_->size(); ++package)
      if (const auto index = best_of(package)) best.push_back(encoding_->candidate(package, 0, *index));
    Solution solution = read_solution(best, *encoding_, lines_);
    for (PackageIndex package = 0; package < solution.choices.size(); ++package)
      if (const auto& choice = solution.choices[package])
        if (const Dependencies* known = encoding_->view(package).dependencies(choice->index);
            known != nullptr && (known->unusable() || !known->only_grows()))
          return std::nullopt;
    for (const Solution::Need& need : solution.needs) {
      const auto on = encoding_->find(need.requirement->name);
      if (!on || !solution.choices[*on] || need.requirement->url ||
          !contains(encoding_->view(*on).admitted(need.requirement->specifier), solution.choices[*on]->index))
        return std::nullopt;
    }
    return solution;
  }

  // nullopt: the user's lines or the window allow none, or only one that needs a permit.
  std::optional<std::size_t> best_of(PackageIndex package) const {
    const ProjectView& view = encoding_->view(package);
    std::optional<std::size_t> best;
    if (lines_.of(view.name()).empty()) {
      if (view.size() > 0) best = view.by_preference().front();
    } else {
      const std::vector<bool> allowed = lines_.allowed_inside(view, window_);
      const auto first =
          std::ranges::find_if(view.by_preference(), [&](std::size_t index) { return allowed[index]; });
      if (first != view.by_preference().end()) best = *first;
    }
    if (best && view.is_reserve(*best) && !permits_->has(package)) return std::nullopt;
    return best;
  }

  // The first candidate of each project that the user's lines and the window allow?
  bool takes_the_best(const Solution& solution) const {
    if (window_ && window_ != request_.window) return false;
    for (PackageIndex package = 0; package < solution.choices.size(); ++package)
      if (const auto& choice = solution.choices[package]; choice && best_of(package) != choice->index)
        return false;
    return true;
  }

  // Requests the data that the solution needs, waits for it, feeds it.
  void learn(const Solution& solution, const std::vector<Fresh>& fresh) {
    if (budget_ != nullptr) budget_->releases -= static_cast<int>(fresh.size());
    for (const bool in_advance : {false, true})  // what was chosen is the more urgent
      for (const Fresh& one : fresh)
        if (one.in_advance == in_advance) requests_.metadata(encoding_->view(one.package), one.index);
    tell_progress(solution, fresh.size());
    const Waiting::Meanwhile meanwhile(waiting_, [this, &solution] { run_ahead(solution); });
    waiting_.until([&] {
      return std::all_of(fresh.begin(), fresh.end(), [&](const Fresh& one) { return has_come(one); });
    });
    const std::vector<PackageName> missing = missing_projects(fresh, solution);
    if (!late_pins_.empty()) return;
    for (const PackageName& name : missing) requests_.project(name);
    add_projects(missing);
    follow_urls();
    if (!late_pins_.empty()) return;
    for (const Fresh& one : fresh) feed(one, *encoding_);
    permits_->grant_for(read_again(solution));
  }

  void run_ahead(const Solution& solution) {
    std::vector<const Requirement*> needed;
    for (const Solution::Need& need : solution.needs) needed.push_back(need.requirement);
    std::vector<std::pair<PackageName, std::size_t>> chosen;
    for (PackageIndex package = 0; package < solution.choices.size(); ++package)
      if (solution.choices[package])
        chosen.emplace_back(encoding_->view(package).name(), solution.choices[package]->index);
    ahead_.restart(needed, chosen);
  }

  // A prefetch may also have failed.
  bool has_come(const Fresh& one) {
    try {
      return views_.dependencies(encoding_->view(one.package), one.index) != nullptr;
    } catch (const Error& error) {
      if (!one.in_advance || error.kind() == ErrorKind::Interrupted) throw;
      return true;
    }
  }

  // Is this variant part of the solution? Other variants of a chosen candidate are fed along only if that
  // needs no further page.
  bool is_chosen(const Fresh& one, VariantIndex variant, const Solution& solution) const {
    if (one.in_advance) return false;
    const auto& extra = encoding_->extra(one.package, variant);
    return !extra || solution.choices[one.package]->extras.contains(*extra);
  }

  std::vector<PackageName> missing_projects(const std::vector<Fresh>& fresh, const Solution& solution) {
    std::vector<PackageName> missing;
    std::set<PackageName> seen;
    for (const Fresh& one : fresh) {
      const Dependencies* dependencies = encoding_->view(one.package).dependencies(one.index);
      if (dependencies == nullptr || dependencies->unusable()) continue;
      for (const VariantIndex variant : unfed(one, *encoding_)) {
        if (!is_chosen(one, variant, solution)) continue;
        for (const Requirement* requirement : requirements_of(one, variant, *encoding_)) {
          take_url_of(*requirement);
          if (!encoding_->find(requirement->name) && seen.insert(requirement->name).second)
            missing.push_back(requirement->name);
        }
      }
    }
    return missing;
  }

  // A URL gives one release with its requirements, which may name further URLs. All of these must be known
  // before a missing project in the index counts.
  void follow_urls() {
    for (bool goes_on = true; goes_on;) {
      std::vector<PackageName> next;
      for (const auto& [name, url] : urls_.pinned())
        if ((lines_.is_requested(name) || encoding_->find(name) || needed_by_url_.contains(name)) &&
            followed_.emplace(name, url).second)
          next.push_back(name);
      for (const PackageName& name : next) requests_.project(name);
      for (const PackageName& name : next) follow_url(name);
      goes_on = !next.empty();
    }
  }

  void follow_url(const PackageName& name) {
    try {
      waiting_.until([&] { return views_.find(name) != nullptr; });
      ProjectView& view = *views_.find(name);
      if (view.size() == 0) return;
      requests_.metadata(view, 0);
      waiting_.until([&] { return views_.dependencies(view, 0) != nullptr; });
      std::set<ExtraName> extras;
      for (const LineIndex line : lines_.of(name)) {
        const RequestLine& own = lines_.lines()[line];
        if (!own.is_constraint)
          extras.insert(own.requirement().extras.begin(), own.requirement().extras.end());
      }
      for (const Requirement* requirement : view.dependencies(0)->in_force(extras)) {
        if (requirement->url) needed_by_url_.insert(requirement->name);
        take_url_of(*requirement);
      }
    } catch (const Error& error) {
      // The failure is met again if something needs it.
      if (error.kind() == ErrorKind::Interrupted) throw;
    }
  }

  void take_url_of(const Requirement& requirement) {
    if (!requirement.url || !urls_.may_take(requirement.name, *requirement.url)) return;
    if (encoding_->find(requirement.name))
      late_pins_.emplace(requirement.name, *requirement.url);
    else
      take_url(requirement.name, *requirement.url);
  }

  void take_url(const PackageName& name, const std::string& url) {
    ahead_.restart({}, {});  // it may have looked at what the index has
    views_.forget(name);
    urls_.take(name, url);
    requests_.pin(name, url);
  }

  void add_projects(const std::vector<PackageName>& names) {
    // Continues where the last look ended: one package may need thousands, and each arrival triggers a look.
    auto next = names.begin();
    waiting_.until([&] {
      while (next != names.end() && views_.find(*next) != nullptr) ++next;
      return next == names.end();
    });
    for (const PackageName& name : names) encoding_->add(*views_.find(name));
  }

  // The same choices with what has been fed since.
  Solution read_again(const Solution& solution) const {
    std::vector<solv::SolvableId> chosen;
    for (PackageIndex package = 0; package < solution.choices.size(); ++package)
      if (solution.choices[package])
        chosen.push_back(encoding_->candidate(package, 0, solution.choices[package]->index));
    return read_solution(chosen, *encoding_, lines_);
  }

  void tell_progress(const Solution& solution, std::size_t asked) {
    const auto chosen =
        static_cast<std::uint64_t>(std::count_if(solution.choices.begin(), solution.choices.end(),
                                                 [](const auto& choice) { return choice.has_value(); }));
    reporter_.progress("resolve", "packages", chosen, 0);
    reporter_.note("round " + std::to_string(statistics_.rounds) + ": " + std::to_string(chosen) +
                   " packages, metadata of " + std::to_string(asked) + " releases to learn");
  }

  Resolution finish(const Solution& solution) {
    Resolution resolution = make_resolution(solution, *encoding_, lines_);
    for (std::string& note : notes_on_passed_over(solution, *encoding_))
      resolution.notes.push_back(std::move(note));
    for (ResolvedPackage& package : resolution.packages)
      if (const auto* hashes = views_.filter().hashes().of(package.name)) package.accepted = *hashes;
    if (window_ && window_ != request_.window) {  // one window was not enough
      std::vector<std::string> notes =
          notes_on_fairness(solution, *encoding_, lines_, permits_->by_package(), *request_.window);
      resolution.notes.insert(resolution.notes.begin(), notes.begin(), notes.end());
    }
    return resolution;
  }

  const ResolveRequest& request_;
  const Candidates candidates_;
  Reporter& reporter_;
  ResolveStatistics& statistics_;
  ResolveBudget* budget_;  // nullptr: without limits
  RequestLines lines_;
  UrlDecisions urls_;
  Requests requests_;
  ProjectViews views_;
  Prefetcher ahead_;
  Waiting waiting_;
  std::optional<Encoding> encoding_;
  std::optional<FreshCandidates> fresh_;  // of the encoding
  std::optional<PrereleasePermits> permits_;
  std::optional<std::chrono::seconds> window_;
  bool best_may_do_ = true;                                 // of the attempt
  std::map<PackageName, std::string> late_pins_;            // of projects that are in the encoding already
  std::set<std::pair<PackageName, std::string>> followed_;  // URLs whose own requirements were looked at
  std::set<PackageName> needed_by_url_;                     // … at a URL, by them
  bool refuse_last_ = false;
  std::optional<Conflict> conflict_;  // of the first attempt that was refuted
};

}  // namespace

Outcome resolve(const ResolveRequest& request, CandidateSource& source, Reporter& reporter,
                std::stop_token stop, ResolveStatistics* statistics) {
  ResolveStatistics unused;
  ResolveStatistics& counted = statistics != nullptr ? *statistics : unused;
  const Phase phase(reporter, "resolve");
  // Releases that also admit other Pythons can only be found among all releases.
  if (!request.preferences.empty() && request.also_for.empty())
    if (auto outcome = Resolver(request, Candidates::Preferred, source, reporter, stop, counted, nullptr)
                           .run_preferred())
      return *std::move(outcome);
  return Resolver(request, Candidates::All, source, reporter, std::move(stop), counted, nullptr)
      .run()
      .value();
}

std::optional<Outcome> resolve_within(ResolveBudget& budget, const ResolveRequest& request,
                                      CandidateSource& source, Reporter& reporter, std::stop_token stop,
                                      ResolveStatistics* statistics) {
  ResolveStatistics unused;
  const Phase phase(reporter, "resolve");
  return Resolver(request, Candidates::All, source, reporter, std::move(stop),
                  statistics != nullptr ? *statistics : unused, &budget)
      .run();
}

}  // namespace moat
