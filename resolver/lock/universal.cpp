#include "resolver/lock/universal.h"

#include "resolver/solve/candidate_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace moat {
namespace {

using Pins = std::map<PackageName, ResolvedPackage>;
// Pre-releases that no line names, but without which an environment would have no answer.
using Necessary = std::set<std::pair<PackageName, Version>>;

std::string identity(const ResolvedPackage& package) {
  return package.version.to_string() +
         (package.file.direct ? " @ " + pinned_text(*package.file.direct) : std::string());
}

// A requirement after overrides, as for one target; but its markers are still open.
struct Conditional {
  const Requirement* requirement = nullptr;
  const std::set<ExtraName>* more_extras = nullptr;  // of what an override replaces
  std::vector<const Marker*> markers;                // all hold
};

// May this release be used in this kind of environment? Cached, because partitions are made again and again.
class Judges {
 public:
  explicit Judges(const UniversalRequest& request) : request_(request) {}

  // The target to resolve for in one cell.
  Target target_of(const MarkerCells::Cell& cell) const {
    const MarkerEnvironment& here = cell.environment;
    Target target = cell.named ? request_.targets[*cell.named].target
                               : Target{.environment = here,
                                        .tags = TagSet::anything(),
                                        .python = cell.python,
                                        .description = fmt::format("{} {} on {} {}", here.implementation_name,
                                                                   here.python_full_version,
                                                                   here.sys_platform, here.platform_machine)};
    if (cell.named && any_file_.contains(*cell.named)) target.tags = TagSet::anything();
    target.environment = here;
    target.python = cell.python;
    return target;
  }

  // From now on any file is accepted for this target.
  void let_any_file_do(std::size_t named) {
    any_file_.insert(named);
    std::erase_if(judges_, [named](const auto& entry) { return entry.first.first == named; });
  }
  bool any_file_does(std::size_t named) const { return any_file_.contains(named); }

  bool may_use(const MarkerCells::Cell& cell, const ResolvedPackage& package) {
    Judge& judge = judge_of(cell);
    const auto [entry, is_new] = judge.known.try_emplace(package.release.get(), false);
    if (is_new)
      entry->second = judge.filter->may_use(package.name, package.release, package.file.direct != nullptr);
    return entry->second;
  }

 private:
  struct Judge {
    std::unique_ptr<ResolveRequest> request;
    std::unique_ptr<CandidateFilter> filter;
    std::map<const Release*, bool> known;
  };

  // Files are told apart by tags and by the Python that they require.
  Judge& judge_of(const MarkerCells::Cell& cell) {
    const std::pair key(cell.named, cell.environment.python_full_version);
    const auto [entry, is_new] = judges_.try_emplace(key);
    if (is_new) {
      entry->second.request = std::make_unique<ResolveRequest>(request_.request);
      entry->second.request->target = target_of(cell);
      entry->second.filter = std::make_unique<CandidateFilter>(*entry->second.request);
    }
    return entry->second;
  }

  const UniversalRequest& request_;
  std::set<std::size_t> any_file_;
  std::map<std::pair<std::optional<std::size_t>, std::string>, Judge> judges_;
};

// Where a release has a file that may be used. Kept for all walks of the same cells.
class FilePlaces {
 public:
  FilePlaces(const MarkerCells& cells, Judges& judges) : cells_(cells), judges_(judges) {
    std::map<std::pair<std::optional<std::size_t>, std::string_view>, std::size_t> numbers;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const MarkerCells::Cell& cell = cells.cells()[i];
      const auto [entry, is_new] =
          numbers.try_emplace({cell.named, cell.environment.python_full_version}, alike_.size());
      if (is_new) alike_.push_back({i, cells.none()});
      alike_[entry->second].cells.insert(i);
    }
  }

  const CellSet& of(const ResolvedPackage& package) {
    const auto [entry, is_new] = known_.try_emplace(package.release.get(), cells_.none());
    if (is_new)
      for (const Alike& one : alike_)
        if (judges_.may_use(cells_.cells()[one.first], package)) entry->second |= one.cells;
    return entry->second;
  }

 private:
  // Cells that take the same files.
  struct Alike {
    std::size_t first;
    CellSet cells;
  };

  const MarkerCells& cells_;
  Judges& judges_;
  std::vector<Alike> alike_;
  std::unordered_map<const Release*, CellSet> known_;
};

// Follows the user's lines through the chosen versions, in all cells at once.
class Walk {
 public:
  Walk(const UniversalRequest& request, const Pins& pins, const MarkerCells& cells, CellSet asked,
       FilePlaces& files, const Necessary& necessary)
      : request_(request),
        pins_(pins),
        cells_(cells),
        files_(files),
        necessary_(necessary),
        asked_(std::move(asked)) {
    run();
    if (sees_absence_) run_with_absences();
    for (auto& [name, sets] : needed_)
      for (CellSet& set : sets) set &= good_;
  }

  const CellSet& asked() const { return asked_; }
  // The cells in which every requirement is met.
  const CellSet& good() const { return good_; }
  // By root; empty sets for what is not needed.
  const std::map<PackageName, std::vector<CellSet>>& needed() const { return needed_; }
  std::set<PackageName> dependencies_of(const PackageName& name) const {
    std::set<PackageName> out;
    const auto found = edges_.find(name);
    if (found != edges_.end())
      for (const auto& [to, where] : found->second)
        if (to != name && where.meets(good_)) out.insert(to);
    return out;
  }

 private:
  using Extras = std::map<std::pair<PackageName, ExtraName>, std::vector<CellSet>>;

  // A marker such as `extra != "x"` may undo what another extra brought in, so all extras must be known
  // before a requirement counts as unmet: followed again until the known extras equal the ones asked for.
  void run_with_absences() {
    constexpr int kMostPasses = 8;
    only_looks_ = true;
    run();
    only_looks_ = false;
    for (int pass = 0; pass < kMostPasses && known_ != extras_; ++pass) {
      known_ = extras_;
      run();
    }
  }

  void run() {
    good_ = asked_;
    needed_.clear();
    permitted_.clear();
    edges_.clear();
    extras_.clear();
    for (std::size_t i = 0; i < request_.request.requirements.size(); ++i) {
      const Requirement& requirement = request_.request.requirements[i].requirement;
      CellSet where = good_;
      if (requirement.marker) where &= cells_.where(*requirement.marker);
      need(requirement, nullptr, where, request_.root_of[i]);
    }
    while (!to_do_.empty()) {
      const PackageName name = to_do_.front();
      to_do_.pop_front();
      queued_.erase(name);
      follow(name);
    }
    for (const RootRequirement& line : request_.request.constraints) limit(line.requirement);
    for (const auto& [name, sets] : needed_) {
      const auto permitted = permitted_.find(name);
      if (needs_permit(pins_.at(name)))
        for (const CellSet& where : sets)
          fail(permitted == permitted_.end() ? where : where - permitted->second);
    }
  }

  // A package from a URL is only for those who ask for that URL; a pre-release only where one is asked for,
  // or where no final version fits.
  bool needs_permit(const ResolvedPackage& package) const {
    if (package.file.direct) return true;
    return package.version.is_prerelease() &&
           request_.request.prereleases.of(package.name) == Prereleases::IfNecessary &&
           !necessary_.contains({package.name, package.version});
  }

  std::vector<CellSet> nowhere() const { return std::vector<CellSet>(request_.roots.size(), cells_.none()); }

  void fail(const CellSet& where) {
    if (!only_looks_) good_ -= where;
  }

  bool meets(const Requirement& requirement, const ResolvedPackage& package) const {
    const bool direct = package.file.direct != nullptr;
    if (requirement.url) return direct && same_url(*requirement.url, *package.file.direct);
    return admits(requirement.specifier, *package.release);
  }

  // As same_reference(), but between a line and a similar one that was fetched: its git commit is known.
  static bool same_url(const std::string& text, const SourceUrl& url) {
    const Expected<SourceUrl> said = SourceUrl::parse(text);
    if (!said) return false;
    return said->kind == url.kind && said->subdirectory == url.subdirectory &&
           said->url.without_credentials() == url.url.without_credentials() &&
           (said->kind != SourceKind::Git || said->revision == url.revision || said->revision == url.commit);
  }

  void need(const Requirement& requirement, const std::set<ExtraName>* more_extras, CellSet where,
            std::size_t root) {
    where &= good_;
    if (where.empty()) return;
    const auto pin = pins_.find(requirement.name);
    if (pin == pins_.end() || !meets(requirement, pin->second)) return fail(where);
    if (pin->second.file.direct ? requirement.url.has_value() : requirement.specifier.names_prerelease())
      permitted_.try_emplace(requirement.name, cells_.none()).first->second |= where;
    bool grows = grow(needed_, requirement.name, where, root);
    for (const std::set<ExtraName>* extras : {&requirement.extras, more_extras})
      if (extras != nullptr)
        for (const ExtraName& extra : *extras)
          grows |= grow(extras_, std::pair(requirement.name, extra), where, root);
    if (grows && queued_.insert(requirement.name).second) to_do_.push_back(requirement.name);
  }

  template <class Sets, class Key>
  bool grow(Sets& sets, const Key& key, const CellSet& where, std::size_t root) {
    CellSet& set = sets.try_emplace(key, nowhere()).first->second[root];
    if (where.is_subset_of(set)) return false;
    set |= where;
    return true;
  }

  // Cells where the package itself may be used.
  const CellSet& usable(const ResolvedPackage& package) {
    const auto [entry, is_new] = usable_.try_emplace(package.name);
    if (is_new) {
      entry->second = files_.of(package);
      if (!request_.request.ignore_requires_python && package.metadata.requires_python)
        entry->second &= cells_.admitted_by(*package.metadata.requires_python);
    }
    return entry->second;
  }

  void follow(const PackageName& name) {
    const ResolvedPackage& package = pins_.at(name);
    const std::vector<CellSet> here = needed_.at(name);
    for (const CellSet& where : here) fail(where - usable(package));
    if (request_.request.no_deps) return;
    for (const Requirement& written : package.metadata.requires_dist)
      for (const Conditional& one : overridden(written))
        for (std::size_t root = 0; root < here.size(); ++root) {
          CellSet where = here[root] & good_;
          if (where.empty()) continue;
          for (const Marker* marker : one.markers) where &= holds(*marker, name, root);
          if (where.empty()) continue;
          auto& edge = edges_[name].try_emplace(one.requirement->name, cells_.none()).first->second;
          edge |= where;
          need(*one.requirement, one.more_extras, std::move(where), root);
        }
  }

  std::vector<Conditional> overridden(const Requirement& written) const {
    std::vector<Conditional> out;
    bool is_overridden = false;
    for (const RootRequirement& line : request_.request.overrides) {
      if (line.requirement.name != written.name) continue;
      is_overridden = true;
      Conditional one{&line.requirement, &written.extras, {}};
      if (written.marker) one.markers.push_back(&*written.marker);
      if (line.requirement.marker) one.markers.push_back(&*line.requirement.marker);
      out.push_back(std::move(one));
    }
    if (!is_overridden) {
      Conditional one{&written, nullptr, {}};
      if (written.marker) one.markers.push_back(&*written.marker);
      out.push_back(std::move(one));
    }
    return out;
  }

  // Where a marker of the package's holds with the extras that are asked for there.
  CellSet holds(const Marker& marker, const PackageName& name, std::size_t root) {
    if (!marker.mentions_extra()) return cells_.where(marker);
    const std::set<ExtraName> named = marker.extras_named();
    const bool sees_absence = !marker.wants_extras_by_name();
    sees_absence_ |= sees_absence;
    std::vector<std::pair<ExtraName, CellSet>> asked;
    for (const ExtraName& extra : named)
      if (CellSet where = where_asked(sees_absence && !only_looks_ ? known_ : extras_, name, extra, root);
          !where.empty())
        asked.emplace_back(extra, std::move(where));
    constexpr std::size_t kMostTogether = 10;
    const std::size_t together = std::min(asked.size(), kMostTogether);
    CellSet out = cells_.none();
    for (std::size_t chosen = 0; chosen < std::size_t{1} << together; ++chosen) {
      std::set<ExtraName> extras;
      CellSet where = cells_.all();
      for (std::size_t i = 0; i < together; ++i) {
        if ((chosen >> i & 1U) != 0) {
          extras.insert(asked[i].first);
          where &= asked[i].second;
        } else if (sees_absence) {
          where -= asked[i].second;
        }
      }
      if (!where.empty()) out |= where & cells_.where(marker, extras);
    }
    return out;
  }

  // An extra that is asked for in any case counts with every root.
  CellSet where_asked(const Extras& extras, const PackageName& name, const ExtraName& extra,
                      std::size_t root) const {
    const auto found = extras.find({name, extra});
    if (found == extras.end()) return cells_.none();
    return found->second[root] | found->second[0];
  }

  void limit(const Requirement& constraint) {
    const auto found = needed_.find(constraint.name);
    if (found == needed_.end() || meets(constraint, pins_.at(constraint.name))) return;
    for (CellSet where : found->second) {
      if (constraint.marker) where &= cells_.where(*constraint.marker);
      fail(where);
    }
  }

  const UniversalRequest& request_;
  const Pins& pins_;
  const MarkerCells& cells_;
  FilePlaces& files_;
  const Necessary& necessary_;
  const CellSet asked_;
  CellSet good_;
  bool only_looks_ = false;
  std::map<PackageName, CellSet> permitted_;
  std::map<PackageName, std::vector<CellSet>> needed_;
  Extras extras_, known_;
  bool sees_absence_ = false;
  std::map<PackageName, std::map<PackageName, CellSet>> edges_;
  std::map<PackageName, CellSet> usable_;
  std::deque<PackageName> to_do_;
  std::set<PackageName> queued_;
};

class Universal {
 public:
  Universal(const UniversalRequest& request, CandidateSource& source, Reporter& reporter,
            std::stop_token stop)
      : request_(request), source_(source), reporter_(reporter), stop_(std::move(stop)), judges_(request) {
    for (const LockTarget& one : request.targets) space_.named.push_back(one.target.environment);
    space_.everywhere = request.everywhere;
    space_.requires_python = request.requires_python;
    add_atoms_of_lines();
  }

  UniversalOutcome run() {
    cut();
    if (cells_->size() > 0) solve_latest(cells_->cells().front());
    for (;;) {
      cut();
      const MarkerCells& cells = *cells_;
      if (cells.size() == 0) return UniversalResolution{std::move(*cells_), {}, {}, 0, std::move(left_out_)};
      const CellSet left = walk_all();
      const std::optional<std::size_t> open = left.first();
      if (!open) return finish();
      if (last_solved_ == cells.cells()[*open].environment)
        throw std::logic_error("an answer for " + judges_.target_of(cells.cells()[*open]).description +
                               " does not hold there");
      last_solved_ = cells.cells()[*open].environment;
      reporter_.note(fmt::format("{} environments in {} sets, {} open: now {}", cells.size(), chosen_.size(),
                                 left.count(), judges_.target_of(cells.cells()[*open]).description));
      const MarkerCells::Cell& cell = cells.cells()[*open];
      if (auto conflict = solve(cell)) {
        if (may_be_left_out(cell)) {
          if (auto of_needed = solve_needed(cells, left)) return std::move(*of_needed);
          left_out_.push_back({*cell.named, std::move(*conflict)});
          space_.left_out.insert(*cell.named);
          forget_cells();
          continue;
        }
        if (request_.targets_must_install || !cell.named || judges_.any_file_does(*cell.named))
          return std::move(*conflict);
        notes_.push_back(fmt::format("there is no answer with files for {}: the lock is not checked there",
                                     judges_.target_of(cell).description));
        judges_.let_any_file_do(*cell.named);
        forget_cells();
      }
    }
  }

 private:
  bool may_be_left_out(const MarkerCells::Cell& cell) const {
    return cell.named && request_.targets[*cell.named].may_be_left_out;
  }

  // A cell is solved for its first Python release, so versions that require a later one would never be found.
  // This solves for the latest release of the newest Python first; cells that the result does not fit are
  // solved as usual.
  void solve_latest(MarkerCells::Cell cell) {
    constexpr std::uint64_t kLatest = 99;
    const Version first = cell.python;
    for (std::uint64_t micro = kLatest; micro > first.release_at(2).as_uint64().value_or(0); --micro) {
      cell.python = Version::parse(cell.environment.python_version + "." + std::to_string(micro)).value();
      if (!space_.requires_python.contains(cell.python)) continue;
      cell.environment.python_full_version = cell.python.to_string();
      if (cell.environment.implementation_name == "cpython")
        cell.environment.implementation_version = cell.environment.python_full_version;
      solve(cell);  // a conflict is ignored here: the cell itself reports it if it has one
      return;
    }
  }

  // Solves the targets that may not be left out and are still open. Returns the first conflict, if any.
  std::optional<UniversalConflict> solve_needed(const MarkerCells& cells, const CellSet& left) {
    if (std::exchange(needed_are_solved_, true)) return std::nullopt;
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (left.contains(i) && !may_be_left_out(cells.cells()[i]))
        if (auto conflict = solve(cells.cells()[i])) return conflict;
    return std::nullopt;
  }

  void forget_cells() {
    walks_.clear();
    files_.reset();
    cells_.reset();
    last_solved_.reset();
  }

  // Makes the cells, unless the current ones already separate everything in play.
  void cut() {
    if (cells_ && !tells_more_apart_) return;
    walks_.clear();
    files_.reset();
    cells_.emplace(space_, atoms_);
    files_.emplace(*cells_, judges_);
    tells_more_apart_ = false;
  }

  // The environments that the chosen versions do not fit. Walks of unchanged sets stay valid.
  CellSet walk_all() {
    CellSet left = cells_->all();
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      if (i < walks_.size() && (walks_[i].asked() != left || chosen_[i].has_changed))
        while (walks_.size() > i) walks_.pop_back();
      if (i == walks_.size())
        walks_.emplace_back(request_, chosen_[i].pins, *cells_, left, *files_, necessary_);
      chosen_[i].has_changed = false;
      left -= walks_[i].good();
    }
    return left;
  }

  // Everything that can distinguish environments: the user's lines, and the chosen versions.
  void add_atoms_of_lines() {
    for (const auto* lines :
         {&request_.request.requirements, &request_.request.constraints, &request_.request.overrides})
      for (const RootRequirement& line : *lines)
        if (line.requirement.marker) atoms_.add(*line.requirement.marker);
  }

  void add_atoms(const ResolvedPackage& package) {
    if (package.metadata.requires_python) add_atoms(*package.metadata.requires_python);
    std::string_view last;  // most files say the same
    for (const FileTraits& file : package.release->traits()) {
      if (file.requires_python == last) continue;
      last = file.requires_python;
      if (const auto requires_python = SpecifierSet::parse(last)) add_atoms(*requires_python);
    }
    for (const Requirement& requirement : package.metadata.requires_dist)
      if (requirement.marker && is_in_play(*requirement.marker, package)) add_atoms(*requirement.marker);
  }
  template <class Said>
  void add_atoms(const Said& said) {
    tells_more_apart_ |= atoms_.add(said);
  }

  // Markers that hold only for extras nobody asks for distinguish nothing.
  static bool is_in_play(const Marker& marker, const ResolvedPackage& package) {
    if (!marker.mentions_extra() || !marker.wants_extras_by_name()) return true;
    const std::set<ExtraName> named = marker.extras_named();
    return std::any_of(named.begin(), named.end(),
                       [&](const ExtraName& extra) { return package.extras.contains(extra); });
  }

  std::optional<UniversalConflict> solve(const MarkerCells::Cell& cell) {
    ResolveRequest request = request_.request;
    request.target = judges_.target_of(cell);
    request.preferences = preferences_;
    if (request_.preferences)
      for (auto& [name, version] : request_.preferences(cell.environment))
        request.preferences.insert_or_assign(name, version);
    ++solves_;
    Outcome outcome = resolve(request, source_, reporter_, stop_);
    release_urls(request, outcome);
    if (auto* conflict = std::get_if<Conflict>(&outcome))
      return UniversalConflict{std::move(*conflict), std::move(request)};
    take(std::get<Resolution>(std::move(outcome)));
    return std::nullopt;
  }

  // The next environment may take the same project from another source.
  void release_urls(const ResolveRequest& request, const Outcome& outcome) {
    std::set<PackageName> names;
    for (const auto* lines : {&request.requirements, &request.constraints, &request.overrides})
      for (const RootRequirement& line : *lines)
        if (line.requirement.url) names.insert(line.requirement.name);
    if (const auto* resolution = std::get_if<Resolution>(&outcome))
      for (const ResolvedPackage& package : resolution->packages)
        if (package.file.direct) names.insert(package.name);
    for (const PackageName& name : names) source_.unpin(name);
  }

  // Adds the versions to an earlier set if both agree wherever they have the same package.
  void take(Resolution resolution) {
    for (std::string& note : resolution.notes)
      if (std::find(notes_.begin(), notes_.end(), note) == notes_.end()) notes_.push_back(std::move(note));
    Pins fresh;
    for (ResolvedPackage& package : resolution.packages) {
      // In other environments a final version may fit.
      if (!package.version.is_prerelease()) preferences_.insert_or_assign(package.name, package.version);
      if (package.version.is_prerelease() && !is_named(package) &&
          necessary_.emplace(package.name, package.version).second)
        walks_.clear();
      PackageName name = package.name;
      fresh.emplace(std::move(name), std::move(package));
    }
    const auto suits = [&](const Chosen& one) { return agree(one.pins, fresh); };
    auto joined = std::find_if(chosen_.begin(), chosen_.end(), suits);
    if (joined == chosen_.end()) joined = chosen_.emplace(chosen_.end());
    joined->has_changed = true;
    for (auto& [name, package] : fresh) {
      const auto [entry, is_new] = joined->pins.try_emplace(name, package);
      const std::size_t extras_before = entry->second.extras.size();
      entry->second.extras.insert(package.extras.begin(), package.extras.end());
      if (is_new || entry->second.extras.size() != extras_before) add_atoms(entry->second);
    }
  }

  static bool is_named(const ResolvedPackage& package) {
    return std::any_of(package.required_by.begin(), package.required_by.end(),
                       [](const Edge& edge) { return edge.requirement.specifier.names_prerelease(); });
  }

  static bool agree(const Pins& a, const Pins& b) {
    return std::all_of(b.begin(), b.end(), [&](const auto& entry) {
      const auto found = a.find(entry.first);
      return found == a.end() || identity(found->second) == identity(entry.second);
    });
  }

  UniversalResolution finish() {
    const MarkerCells& cells = *cells_;
    std::map<std::pair<PackageName, std::string>, UniversalPackage> packages;
    for (std::size_t i = 0; i < walks_.size(); ++i)
      for (const auto& [name, needed] : walks_[i].needed()) {
        if (std::all_of(needed.begin(), needed.end(), [](const CellSet& set) { return set.empty(); }))
          continue;
        const ResolvedPackage& pin = chosen_[i].pins.at(name);
        const auto [entry, is_new] = packages.try_emplace(
            {name, identity(pin)},
            UniversalPackage{pin, std::vector<CellSet>(request_.roots.size(), cells.none()), {}});
        for (std::size_t root = 0; root < needed.size(); ++root) entry->second.needed[root] |= needed[root];
        for (const PackageName& to : walks_[i].dependencies_of(name))
          entry->second.dependencies.emplace(to, chosen_[i].pins.at(to).version);
      }
    UniversalResolution out{std::move(*cells_), {}, std::move(notes_), solves_, std::move(left_out_)};
    for (auto& [key, package] : packages) out.packages.push_back(std::move(package));
    std::stable_sort(out.packages.begin(), out.packages.end(),
                     [](const UniversalPackage& a, const UniversalPackage& b) {
                       if (a.package.name != b.package.name) return a.package.name < b.package.name;
                       return a.package.version > b.package.version;
                     });
    return out;
  }

  const UniversalRequest& request_;
  CandidateSource& source_;
  Reporter& reporter_;
  std::stop_token stop_;
  Judges judges_;
  EnvironmentSpace space_;
  // One set of versions, for the environments that the earlier sets do not fit.
  struct Chosen {
    Pins pins;
    bool has_changed = true;  // since it was walked
  };
  std::deque<Chosen> chosen_;  // walks refer to them
  MarkerAtoms atoms_;
  bool tells_more_apart_ = false;  // atoms_ tells more apart than the cells do
  std::optional<MarkerCells> cells_;
  std::optional<FilePlaces> files_;  // of the cells
  std::vector<Walk> walks_;          // over the cells, of the first of chosen_
  Necessary necessary_;
  std::map<PackageName, Version> preferences_;
  std::vector<LeftOutTarget> left_out_;
  bool needed_are_solved_ = false;
  std::optional<MarkerEnvironment> last_solved_;
  std::vector<std::string> notes_;
  int solves_ = 0;
};

}  // namespace

UniversalOutcome resolve_universal(const UniversalRequest& request, CandidateSource& source,
                                   Reporter& reporter, std::stop_token stop) {
  return Universal(request, source, reporter, std::move(stop)).run();
}

}  // namespace moat
