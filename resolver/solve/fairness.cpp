#include "resolver/solve/fairness.h"

#include "resolver/base/text.h"
#include "resolver/solv/solver.h"

#include <algorithm>
#include <optional>

namespace moat {
namespace {

std::string span_of_time(std::chrono::seconds span) {
  constexpr auto kMonth = std::chrono::hours(24 * 365) / 12;
  const auto months = span / kMonth;
  if (months < 24) return std::to_string(months) + " months";
  return std::to_string(months / 12) + " years";
}

class FairnessTeller {
 public:
  FairnessTeller(const Solution& solution, Encoding& encoding, const RequestLines& lines,
                 const std::vector<bool>& permitted, std::chrono::seconds window)
      : solution_(solution), encoding_(encoding), lines_(lines), permitted_(permitted), window_(window) {}

  std::vector<std::string> tell() {
    std::vector<std::string> notes;
    for (const PackageName& name : lines_.requested()) {
      const PackageIndex package = *encoding_.find(name);
      const ProjectView& view = encoding_.view(package);
      const std::size_t chosen = solution_.choices[package]->index;
      const auto newest = newest_allowed(package);
      const auto is_of = view.candidate(chosen).uploaded;
      if (!newest || !is_of || !view.candidate(*newest).uploaded) continue;
      const std::chrono::seconds behind(*view.candidate(*newest).uploaded - *is_of);
      if (behind <= window_) continue;
      std::string note = name.display() + " " + view.version(chosen).to_string() + " is " +
                         span_of_time(behind) + " older than " + view.version(*newest).to_string() +
                         ", the newest that you allow";
      if (const std::vector<std::string> holders = holders_of(package); !holders.empty())
        note += "; it is held back by " + join(holders, ", ");
      notes.push_back(std::move(note));
    }
    return notes;
  }

 private:
  std::vector<bool> allowed(PackageIndex package) const {
    const ProjectView& view = encoding_.view(package);
    std::vector<bool> allowed = lines_.allowed(view);
    const bool permitted = package < permitted_.size() && permitted_[package];
    for (std::size_t k = 0; k < view.size(); ++k)
      if (view.is_reserve(k) && !permitted) allowed[k] = false;
    return allowed;
  }

  std::optional<std::size_t> newest_allowed(PackageIndex package) const {
    const std::vector<bool> all = allowed(package);
    for (std::size_t k = all.size(); k-- > 0;)
      if (all[k]) return k;
    return std::nullopt;
  }

  // Asks for this request inside the window, and for all others as good as they are; of what refutes that,
  // the lines of the others that are needed.
  std::vector<std::string> holders_of(PackageIndex held) {
    GoalOptions options;
    options.dropped.assign(lines_.lines().size(), false);
    options.only[held] = inside_window(encoding_.view(held), allowed(held), window_);
    for (const PackageName& name : lines_.requested()) {
      const PackageIndex package = *encoding_.find(name);
      if (package == held) continue;
      const ProjectView& view = encoding_.view(package);
      std::vector<bool>& as_good = options.only[package];
      as_good.resize(view.size());
      for (std::size_t k = 0; k < view.size(); ++k)
        as_good[k] = view.place(k) <= view.place(solution_.choices[package]->index);
    }
    solv::Solver solver(encoding_.pool());
    const auto refuted = [&] {
      return !solver.solve(make_goal(lines_, encoding_, permitted_, options).goal);
    };
    if (!refuted()) return {};
    std::vector<std::string> holders;
    for (const PackageName& name : lines_.requested()) {
      if (encoding_.find(name) == held) continue;
      set_dropped(name, true, options);
      if (refuted()) continue;
      set_dropped(name, false, options);
      const PackageIndex package = *encoding_.find(name);
      holders.push_back(name.display() + " " +
                        encoding_.view(package).version(solution_.choices[package]->index).to_string());
    }
    return holders;
  }

  void set_dropped(const PackageName& name, bool dropped, GoalOptions& options) const {
    for (const LineIndex line : lines_.of(name)) options.dropped[line] = dropped;
  }

  const Solution& solution_;
  Encoding& encoding_;
  const RequestLines& lines_;
  const std::vector<bool>& permitted_;
  std::chrono::seconds window_;
};

}  // namespace

std::vector<std::string> notes_on_fairness(const Solution& solution, Encoding& encoding,
                                           const RequestLines& lines, const std::vector<bool>& permitted,
                                           std::chrono::seconds window) {
  return FairnessTeller(solution, encoding, lines, permitted, window).tell();
}

}  // namespace moat
