// From the wish to the change, in this order: what leaves, what comes, whether the two can be (every refusal
// is made here, before anything is written), the stage, the moves, the new manifest, the commit.
//
// Who owns a file is said by the RECORDs in the environment, which other installers keep as well; the
// manifest is brought into line with them on the way.
#include "envs/place/transaction.h"

#include "envs/environment/pip_shim.h"
#include "envs/journal/bytecode_list.h"
#include "envs/journal/change.h"
#include "envs/journal/file_plan.h"
#include "envs/journal/former_files.h"
#include "envs/journal/history.h"
#include "envs/journal/sealed.h"
#include "envs/journal/state_files.h"
#include "envs/place/bytecode.h"
#include "envs/place/damaged.h"
#include "envs/place/import_names.h"
#include "envs/place/overlaps.h"
#include "envs/place/owned_files.h"
#include "envs/place/staging.h"
#include "envs/place/transaction_check.h"
#include "envs/place/wheel_files.h"
#include "envs/place/wheel_layout.h"
#include "fetch/bytes/hasher.h"
#include "resolver/base/text.h"
#include "resolver/pep/record.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <unordered_map>
#include <unordered_set>

namespace moat {

namespace {

constexpr std::string_view kSaved = ".moat-saved";

std::optional<struct stat> lstat_of(const fs::path& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0) return facts;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  throw_errno("look at", path, errno);
}

// ---- what is there ----

// A distribution of the environment with its files.
struct Present {
  const InstalledDistribution* distribution = nullptr;
  OwnedFiles owned;
};

struct Owner {
  const InstalledDistribution* distribution = nullptr;
  const OwnedFile* file = nullptr;
};

[[noreturn]] void refuse_unknown_files(const InstalledDistribution& distribution) {
  const std::string who =
      distribution.installer.empty() ? "" : fmt::format(" by {}", quote(distribution.installer));
  if (distribution.legacy)
    throw Error(
        ErrorKind::Refused,
        fmt::format("cannot change {}: it was installed{} the old way ({}), without a list of its files",
                    distribution.name.display(), who, distribution.info.filename().string()),
        {"remove it with the tool that installed it"});
  throw Error(ErrorKind::Refused,
              fmt::format("cannot change {}: it was installed{} without RECORD, so its files are not known",
                          distribution.name.display(), who),
              {"remove it with the tool that installed it"});
}

class Application {
 public:
  Application(const TransactionRequest& request, const Environment& environment, const Store& store,
              Workers& workers, Reporter& reporter)
      : request_(request),
        environment_(environment),
        root_(environment.root()),
        scheme_(environment.scheme()),
        store_(store),
        workers_(workers),
        reporter_(reporter),
        single_files_(needs_single_files(root_)),
        departures_(root_, scheme_, single_files_) {}

  // What leaves, what comes, and whether the two can be: every refusal is made here. Writes nothing.
  void plan(const std::vector<std::optional<StoredBytecode>>& bytecode) {
    read_present();
    result_.operations = plan_operations(installed_, request_);
    collect_departures();
    for (std::size_t i = 0; i < request_.install.size(); ++i)
      if (has_wheel(request_.install[i])) collect_arrivals(i, bytecode[i]);
    settle_overlaps();
    departures_.plan(leaving_);
    check_arrivals();
  }

  TransactionResult run(const std::vector<std::optional<StoredBytecode>>& bytecode,
                        const std::string& command) {
    if (environment_.is_foreign()) make_directories(root_ / ".moat");
    Change change = Change::begin(root_, command);
    plan(bytecode);
    keep_edited_files();
    add_records();
    mark_requested();
    correct_records();
    change_pip_shim();
    date_arrivals();
    if (result_.operations.empty() && marked_.empty() && next_requests() == manifest_.requests) {
      result_.state = manifest_.state;
      return std::move(result_);
    }
    stage_files(arrivals_, change.stage(), request_.link_mode, workers_);

    FolderNames arriving;
    for (const ArrivingFile& file : arrivals_) arriving.add_file(file.path);
    std::vector<Move> moves = plan_moves(departures_, arriving, root_, single_files_, change);
    Manifest manifest = next_manifest();
    renew_state_files(change, root_, next_bytecode(manifest), moves);
    renew_launcher(change, manifest_, manifest, moves);
    std::vector<std::string> summary = summarize(manifest_, manifest);
    if (request_.before_commit) request_.before_commit();
    change.commit(moves, std::move(manifest), request_.reason, summary, request_.durable);
    result_.state = change.state();
    result_.files_placed = arrivals_.size();
    return std::move(result_);
  }

 private:
  // ---- what is there ----

  void read_present() {
    installed_ = InstalledDistributions::read(environment_.site_packages());
    for (const std::string& problem : installed_.problems) reporter_.note(problem);
    if (fs::exists(root_ / ".moat/manifest")) {
      Environment::Placed placed = environment_.placed();
      manifest_ = std::move(placed.manifest);
      bytecode_ = std::move(placed.bytecode);
    }
    add_damaged(installed_, manifest_, root_);
    read_pip_shim();
    for (const WantedPackage& package : request_.install) leaving_names_.insert(package.name);
    leaving_names_.insert(request_.remove.begin(), request_.remove.end());
    present_.resize(installed_.all.size());
    workers_.for_each(present_.size(), [&](std::size_t i) {
      present_[i].distribution = &installed_.all[i];
      present_[i].owned = files_of(installed_.all[i]);
    });
    for (const Present& present : present_) {
      if (is_leaving(*present.distribution)) continue;
      for (const OwnedFile& file : present.owned.files) {
        const Owner owner{present.distribution, &file};
        if (!staying_.emplace(file.path, owner).second) also_staying_[file.path].push_back(owner);
      }
    }
  }

  // One that was made without (for a build, or before there was any) stays without.
  void read_pip_shim() {
    if (environment_.is_foreign()) return;
    std::map<std::string, PipShimFile> files;
    for (PipShimFile& file : pip_shim(scheme_, environment_.interpreter()))
      files.emplace(file.path, std::move(file));
    const bool has_one =
        std::any_of(manifest_.entries.begin(), manifest_.entries.end(),
                    [&](const auto& entry) { return entry.owner.empty() && files.count(entry.path) != 0; });
    if (has_one) shim_ = std::move(files);
  }

  // By RECORD; what is damaged there the manifest knows.
  OwnedFiles files_of(const InstalledDistribution& distribution) const {
    OwnedFiles owned;
    std::optional<Error> unreadable;
    try {
      if (distribution.has_record) owned = owned_files(distribution, root_, scheme_);
    } catch (const Error& error) {
      unreadable = error;
    }
    if (!distribution.legacy && (owned.files.empty() || is_leaving(distribution)))
      add_placed_files(owned, distribution, manifest_);
    if (unreadable && owned.files.empty()) throw Error(*unreadable);
    return owned;
  }

  bool is_leaving(const InstalledDistribution& distribution) const {
    return leaving_names_.count(distribution.name) != 0;
  }

  // ---- what leaves ----

  void collect_departures() {
    for (const Present& present : present_) {
      const InstalledDistribution& distribution = *present.distribution;
      if (!is_leaving(distribution)) continue;
      if (!distribution.has_record && present.owned.files.empty()) refuse_unknown_files(distribution);
      for (const OwnedFile& file : present.owned.files)
        if (staying_.count(file.path) == 0) leaving_.add_file(file.path);
      for (const std::string& row : present.owned.outside)
        warn(fmt::format("{} of {} is outside this environment's packages and was left unchanged", quote(row),
                         distribution.name.display()));
      leaving_.add_everything(distribution.info.lexically_relative(root_).string());
    }
  }

  // ---- what comes ----

  void collect_arrivals(std::size_t index, const std::optional<StoredBytecode>& bytecode) {
    const WantedPackage& package = request_.install[index];
    for (ArrivingFile& file : files_of(package)) arrive(std::move(file), index);
    if (bytecode) collect_bytecode(index, *bytecode);
    for (ArrivingFile& file : installer_files(package, scheme_, stays_requested(package)))
      arrive(std::move(file), index);
  }

  void collect_bytecode(std::size_t index, const StoredBytecode& bytecode) {
    const WantedPackage& package = request_.install[index];
    for (const Placement& placement :
         lay_out_bytecode(package.wheel, package.name, scheme_, bytecode.files)) {
      ArrivingFile file = stored_file(placement, bytecode.tree);
      file.in_record = file.in_manifest = false;
      file.is_derived = true;
      arrive(std::move(file), index);
    }
  }

  // What a wheel brings, its commands included.
  std::vector<ArrivingFile> files_of(const WantedPackage& package) const {
    std::vector<ArrivingFile> out = wheel_files(package, scheme_);
    for (const ArrivingFile& file : out)  // lay_out() has looked at the files of the wheel
      if (file.source.empty() && is_reserved(file.path, scheme_))
        throw Error(ErrorKind::Refused,
                    fmt::format("cannot install {}: its command {} would replace the environment's own",
                                label(package), quote(fs::path(file.path).filename().native())));
    return out;
  }

  // Asked for now, or before: an upgrade on behalf of another package does not make it forgotten.
  bool stays_requested(const WantedPackage& package) const {
    const InstalledDistribution* const before = installed_.find(package.name);
    return package.requested || (before && before->requested);
  }

  // The last one to arrive at a path is remembered: packages come one after the other, so a second file of
  // the same package is noticed, and one of another package makes the path one to be settled.
  void arrive(ArrivingFile file, std::size_t package) {
    file.package = package;
    file.owner = request_.install[package].name.normalized();
    const auto [place, is_new] = last_arrival_.emplace(file.path, arrivals_.size());
    if (!is_new) {
      const ArrivingFile& other = arrivals_[place->second];
      const bool is_same_package = other.package == package;
      if (is_same_package && file.is_derived) return;  // the wheel brings its own bytecode
      if (is_same_package)
        throw Error(ErrorKind::BadArchive, fmt::format("cannot install {}: it contains {} twice",
                                                       label(request_.install[package]), quote(file.path)));
      contested_.insert(file.path);
      place->second = arrivals_.size();
    }
    arrivals_.push_back(std::move(file));
  }

  // ---- files of several packages ----

  // One who brings a file to a path where others do: a package that comes, or one that stays.
  struct Contender {
    PathClaim claim;
    std::size_t arrival = kNone;                     // index in arrivals_, or
    const InstalledDistribution* staying = nullptr;  // its distribution,
    bool has_row = false;                            // with a row for the file in its RECORD,
    bool lies_there = false;                         // and its bytes are those that lie there
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  using Contenders = std::vector<Contender>;

  // Whose bytes lie at each path that several packages have a file for. Depends on who is there in the end
  // and who was asked for, not on who came first; so it is settled again whenever one of them comes, goes or
  // is asked for.
  void settle_overlaps() {
    std::map<std::string, Contenders> all;
    for (const ManifestEntry& other : manifest_.others)
      if (is_staying(other.owner)) all[other.path];
    for (std::size_t i = 0; i < arrivals_.size(); ++i) {
      const std::string& path = arrivals_[i].path;
      if (arrivals_[i].is_derived) continue;
      if (contested_.count(path) != 0 || staying_.count(path) != 0 || (!all.empty() && all.count(path) != 0))
        all[path].push_back({.claim = claim_of(arrivals_[i]), .arrival = i});
    }
    if (!all.empty()) {
      for (const ManifestEntry& entry : manifest_.entries)
        if (all.count(entry.path) != 0) entry_at_.emplace(entry.path, &entry);
      for (auto& [path, contenders] : all) add_staying(path, contenders);
      OverlapReport report;
      for (auto& [path, contenders] : all) settle(path, std::move(contenders), report);
      for (std::string& sentence : report.sentences()) warn(std::move(sentence));
    }
    if (!lost_.empty() || !same_.empty() || !contested_.empty()) leave_out_losers();
  }

  bool is_staying(const std::string& name) const { return find_staying(name) != nullptr; }

  const InstalledDistribution* find_staying(const std::string& name) const {
    const Expected<PackageName> parsed = PackageName::parse(name);
    const InstalledDistribution* const found = parsed ? installed_.find(*parsed) : nullptr;
    return found && !is_leaving(*found) ? found : nullptr;
  }

  PathClaim claim_of(const ArrivingFile& file) const {
    return {file.owner, stays_requested(request_.install[file.package]), file.sha256, file.size,
            mode_of(file, request_.link_mode, umask_)};
  }

  void add_staying(const std::string& path, Contenders& contenders) const {
    const auto known = entry_at_.find(path);
    const ManifestEntry* const entry = known == entry_at_.end() ? nullptr : known->second;
    const bool is_there = lstat_of(root_ / path).has_value();
    const auto add = [&](const InstalledDistribution& distribution, const ManifestEntry& file, bool has_row) {
      const bool is_requested =
          distribution.requested || request_.mark_requested.count(distribution.name) != 0;
      contenders.push_back(
          {.claim = {distribution.name.normalized(), is_requested, file.sha256, file.size, file.mode},
           .staying = &distribution,
           .has_row = has_row,
           .lies_there = is_there && (entry ? entry->sha256 == file.sha256 : has_row)});
    };
    std::set<std::string> added;
    const auto add_owner = [&](const Owner& owner) {
      const std::string& name = owner.distribution->name.normalized();
      if (added.insert(name).second) add(*owner.distribution, file_of_owner(owner, entry), true);
    };
    if (const auto owner = staying_.find(path); owner != staying_.end()) add_owner(owner->second);
    if (const auto owners = also_staying_.find(path); owners != also_staying_.end())
      for (const Owner& owner : owners->second) add_owner(owner);
    for (const ManifestEntry& other : manifest_.others) {
      if (other.path != path) continue;
      const InstalledDistribution* const distribution = find_staying(other.owner);
      if (distribution && added.insert(other.owner).second) add(*distribution, other, false);
    }
  }

  // As the manifest knows it, or the RECORD of another installer.
  ManifestEntry file_of_owner(const Owner& owner, const ManifestEntry* entry) const {
    const std::string& name = owner.distribution->name.normalized();
    if (entry && entry->owner == name) return *entry;
    const auto facts = lstat_of(root_ / owner.file->path);
    ManifestEntry out{.path = owner.file->path,
                      .sha256 = sha256_hex(owner.file->sha256),
                      .size = owner.file->size.value_or(0),
                      .mode = facts ? facts->st_mode & 07777U : 0644U,
                      .owner = name};
    if (out.sha256.empty() && facts && S_ISREG(facts->st_mode)) {
      out.sha256 = hash_file(root_ / out.path).hex;
      out.size = static_cast<std::uint64_t>(facts->st_size);
    }
    return out;
  }

  void settle(const std::string& path, Contenders contenders, OverlapReport& report) {
    std::sort(contenders.begin(), contenders.end(),
              [](const Contender& a, const Contender& b) { return wins_over(a.claim, b.claim); });
    std::optional<ArrivingFile> given_back;
    auto winner = contenders.begin();
    for (; winner != contenders.end(); ++winner) {
      if (winner->arrival != kNone || winner->lies_there) break;
      if ((given_back = file_of_staying(*winner->staying, path, winner->claim.sha256))) break;
    }
    if (winner == contenders.end()) return lose(path, contenders);
    std::iter_swap(contenders.begin(), winner);
    const Contender& first = contenders.front();
    refuse_if_strict(path, contenders);
    for (auto other = contenders.begin() + 1; other != contenders.end(); ++other) {
      const bool differs = other->claim.sha256 != first.claim.sha256;
      if (differs && is_news(path, first, *other)) report.add(label_of(first), label_of(*other), path);
      if (other->arrival != kNone) (differs ? lost_ : same_).insert(other->arrival);
      next_others_.push_back(
          {path, other->claim.sha256, other->claim.size, other->claim.mode, other->claim.owner});
    }
    for (const Contender& one : contenders)
      if (one.staying) correct_row(path, one, one.claim.sha256 == first.claim.sha256);
    owner_at_[path] = first.claim.owner;
    place_winner(path, contenders, std::move(given_back));
  }

  void place_winner(const std::string& path, const Contenders& contenders,
                    std::optional<ArrivingFile> given_back) {
    const Contender& winner = contenders.front();
    const bool lies_there = std::any_of(contenders.begin(), contenders.end(), [&](const Contender& one) {
      return one.lies_there && one.claim.sha256 == winner.claim.sha256;
    });
    if (winner.arrival != kNone && lies_there) {
      same_.insert(winner.arrival);
      return;
    }
    if (winner.arrival == kNone && !given_back) return;
    // What lies there goes, and its bytecode.
    leaving_.add_file(path);
    displaced_.insert(path);
    if (given_back) arrivals_.push_back(*std::move(given_back));
  }

  // Nobody's bytes are to be had.
  void lose(const std::string& path, const Contenders& contenders) {
    for (const Contender& one : contenders)
      warn(
          fmt::format("{} is missing {}: another package's file was there, and its own is no longer in the "
                      "store; `moat install --reinstall {}` restores it",
                      label_of(one), quote(path), one.claim.owner));
  }

  std::string label_of(const Contender& one) const {
    if (one.arrival != kNone) return label(request_.install[arrivals_[one.arrival].package]);
    return fmt::format("{} {}", one.staying->name.display(), one.staying->version.to_string());
  }

  void refuse_if_strict(const std::string& path, const Contenders& contenders) const {
    if (!request_.strict_files) return;
    for (const Contender& one : contenders) {
      if (one.arrival == kNone) continue;
      for (const Contender& other : contenders)
        if (other.claim.sha256 != one.claim.sha256)
          throw different_contents(label_of(one), label_of(other), path);
    }
  }

  // Two of them are told once: when one of them comes, and had no such file beside the other before.
  bool is_news(const std::string& path, const Contender& winner, const Contender& loser) const {
    if (winner.arrival == kNone && loser.arrival == kNone) return false;
    const auto known = [&](const std::string& one, const std::string& other) {
      return std::any_of(manifest_.others.begin(), manifest_.others.end(), [&](const ManifestEntry& row) {
        if (row.owner != one) return false;
        const auto entry = std::lower_bound(
            manifest_.entries.begin(), manifest_.entries.end(), row.path,
            [](const ManifestEntry& before, const std::string& p) { return before.path < p; });
        return entry != manifest_.entries.end() && entry->path == row.path && entry->owner == other &&
               entry->sha256 != row.sha256;
      });
    };
    if (known(winner.claim.owner, loser.claim.owner) || known(loser.claim.owner, winner.claim.owner))
      return false;
    return fs::path(path).filename() != "__init__.py" ||
           !(declares_namespace(path, winner) && declares_namespace(path, loser));
  }

  bool declares_namespace(const std::string& path, const Contender& one) const {
    constexpr std::uint64_t kLongest = 16384;
    if (one.claim.size > kLongest) return false;
    if (one.arrival == kNone)
      return one.lies_there && declares_only_a_namespace(read_file_if_exists(root_ / path).value_or("x"));
    const ArrivingFile& file = arrivals_[one.arrival];
    return declares_only_a_namespace(file.source.empty() ? file.text : read_file(file.source));
  }

  // The file of a package that stays, from its wheel in the store.
  std::optional<ArrivingFile> file_of_staying(const InstalledDistribution& distribution,
                                              const std::string& path, const std::string& sha256) {
    const std::string& name = distribution.name.normalized();
    auto files = files_of_staying_.find(name);
    if (files == files_of_staying_.end()) {
      files = files_of_staying_.emplace(name, std::map<std::string, ArrivingFile>()).first;
      const auto placed = std::find_if(
          manifest_.packages.begin(), manifest_.packages.end(), [&](const ManifestPackage& package) {
            return package.name == name && package.version == distribution.version.to_string();
          });
      const bool is_of_a_wheel = placed != manifest_.packages.end() && !placed->wheel_sha256.empty();
      if (auto wheel = is_of_a_wheel ? store_.find_wheel({"sha256", placed->wheel_sha256}) : std::nullopt)
        for (ArrivingFile& file : files_of({distribution.name, distribution.version, *std::move(wheel)}))
          files->second.emplace(file.path, std::move(file));
    }
    const auto found = files->second.find(path);
    if (found == files->second.end() || found->second.sha256 != sha256) return std::nullopt;
    ArrivingFile file = found->second;
    file.owner = name;
    file.in_record = false;  // of none of the packages that come; correct_records() writes the row
    return file;
  }

  // From the arrivals: what does not get its place, with its bytecode, and what is the same as another's.
  void leave_out_losers() {
    std::set<std::pair<std::size_t, std::string>> lost_sources;  // package, and path without `.py`
    for (const std::size_t i : lost_) {
      const std::string& path = arrivals_[i].path;
      if (fs::path(path).extension() == ".py")
        lost_sources.emplace(arrivals_[i].package, path.substr(0, path.size() - 3));
    }
    std::vector<ArrivingFile> rest;
    rest.reserve(arrivals_.size());
    std::unordered_set<std::string> compiled;
    for (std::size_t i = 0; i < arrivals_.size(); ++i) {
      ArrivingFile& file = arrivals_[i];
      if (lost_.count(i) != 0) continue;
      if (same_.count(i) != 0)
        shared_.push_back(std::move(file));
      else if (!file.is_derived || contested_.count(file.path) == 0)
        rest.push_back(std::move(file));
      else if (lost_sources.count({file.package, source_stem(file.path)}) == 0 &&
               compiled.insert(file.path).second)
        rest.push_back(std::move(file));
    }
    if (!lost_sources.empty())
      std::erase_if(rest, [&](const ArrivingFile& file) {
        return file.is_derived && lost_sources.count({file.package, source_stem(file.path)}) != 0;
      });
    arrivals_ = std::move(rest);
  }

  // "lib/foo/__pycache__/bar.cpython-311.pyc" → "lib/foo/bar"
  static std::string source_stem(const std::string& bytecode) {
    const fs::path path = bytecode;
    const std::string name = path.filename().string();
    return (path.parent_path().parent_path() / name.substr(0, name.find('.'))).string();
  }

  // ---- RECORDs of packages that stay ----

  struct RecordCorrection {
    std::vector<std::string> without;
    std::vector<RecordEntry> with;
  };

  void correct_row(const std::string& path, const Contender& one, bool should_have_row) {
    if (one.has_row == should_have_row) return;
    RecordCorrection& correction = corrections_[one.staying];
    if (should_have_row)
      correction.with.push_back(record_row(path, one.claim.sha256, one.claim.size, scheme_));
    else
      correction.without.push_back(record_path(path, scheme_));
  }

  void correct_records() {
    for (const auto& one : corrections_) {  // no binding: clang 14 captures none
      const InstalledDistribution* const distribution = one.first;
      const RecordCorrection& correction = one.second;
      if (!distribution->has_record) continue;
      auto rows = parse_record(read_file(distribution->info / "RECORD"));
      const auto metadata = lstat_of(distribution->info / "METADATA");
      if (!rows || !metadata) continue;  // both have been read before
      std::erase_if(*rows, [&without = correction.without](const RecordEntry& row) {
        return std::find(without.begin(), without.end(), row.path) != without.end();
      });
      rows->insert(rows->end(), correction.with.begin(), correction.with.end());
      const std::string info = distribution->info.lexically_relative(root_).string();
      ArrivingFile record = text_file(info + "/RECORD", format_record(*std::move(rows)), metadata->st_mtime);
      departures_.add(record.path);
      record.owner = distribution->name.normalized();
      record.in_record = false;
      arrivals_.push_back(std::move(record));
    }
  }

  // ---- can it be? ----

  enum class Place { Missing, Directory };

  // What will be at a directory's path once everything that leaves is gone.
  Place place_of(const std::string& directory, const ArrivingFile& on_behalf) {
    if (directory.empty()) return Place::Directory;
    const auto known = places_.find(directory);
    if (known != places_.end()) return known->second;
    if (last_arrival_.count(directory) != 0)
      throw Error(ErrorKind::Refused,
                  fmt::format("cannot install {}: {} would be both a file and a directory", on_behalf.owner,
                              quote(directory)));
    const std::size_t slash = directory.rfind('/');
    Place place = place_of(slash == directory.npos ? "" : directory.substr(0, slash), on_behalf);
    if (place == Place::Directory) {
      const auto facts = departures_.covers(directory) ? std::nullopt : lstat_of(root_ / directory);
      if (facts && !S_ISDIR(facts->st_mode)) refuse_in_the_way(on_behalf, directory);
      if (!facts) place = Place::Missing;
    }
    places_.emplace(directory, place);
    return place;
  }

  [[noreturn]] void refuse_in_the_way(const ArrivingFile& file, const std::string& path) const {
    throw Error(ErrorKind::Refused,
                fmt::format("cannot install {}: {} is in the way, and no installed package owns it",
                            file.owner, quote((root_ / path).string())),
                {fmt::format("move it elsewhere, then try again: mv {0} {0}.old", (root_ / path).string())});
  }

  void check_arrivals() {
    std::vector<ArrivingFile> checked;
    checked.reserve(arrivals_.size());
    for (ArrivingFile& file : arrivals_) {
      const std::size_t slash = file.path.rfind('/');
      const Place parent = place_of(slash == file.path.npos ? "" : file.path.substr(0, slash), file);
      const auto there = parent == Place::Missing || departures_.covers(file.path)
                             ? std::nullopt
                             : lstat_of(root_ / file.path);
      if (staying_.count(file.path) != 0 && displaced_.count(file.path) == 0) {
        if (there) {
          shared_.push_back(std::move(file));
          continue;
        }
      } else if (there) {
        if (S_ISDIR(there->st_mode)) refuse_in_the_way(file, file.path);
        if (!is_bytecode(file.path) && shim_.count(file.path) == 0 &&
            !has_contents(file.path, *there, file.sha256))
          refuse_in_the_way(file, file.path);
        departures_.add(file.path);
      }
      checked.push_back(std::move(file));
    }
    arrivals_ = std::move(checked);
  }

  bool has_contents(const std::string& path, const struct stat& facts, const std::string& sha256) const {
    return S_ISREG(facts.st_mode) && hash_file(root_ / path).hex == sha256;
  }

  // ---- what the user edited ----

  void keep_edited_files() {
    std::vector<std::pair<const OwnedFile*, const InstalledDistribution*>> candidates;
    for (const Present& present : present_) {
      if (!is_leaving(*present.distribution)) continue;
      const std::string info = present.distribution->info.lexically_relative(root_).string() + "/";
      for (const OwnedFile& file : present.owned.files)
        if (!file.sha256.empty() && !is_bytecode(file.path) && file.path.compare(0, info.size(), info) != 0 &&
            staying_.count(file.path) == 0 && has_real_parents(file.path))
          candidates.emplace_back(&file, present.distribution);
    }
    for (const std::string& path : displaced_)
      if (const auto owner = staying_.find(path); owner != staying_.end())
        candidates.emplace_back(owner->second.file, owner->second.distribution);
    std::vector<char> edited(candidates.size());
    constexpr std::size_t kSlice = 64;
    workers_.for_each((candidates.size() + kSlice - 1) / kSlice, [&](std::size_t slice) {
      for (std::size_t i = slice * kSlice; i < std::min(candidates.size(), (slice + 1) * kSlice); ++i)
        edited[i] = is_edited(*candidates[i].first) ? 1 : 0;
    });
    for (std::size_t i = 0; i < candidates.size(); ++i)
      if (edited[i] != 0) {
        edited_.insert(candidates[i].first->path);
        keep(*candidates[i].first, *candidates[i].second);
      }
  }

  // What lies behind a link is not what was placed: a checkout, say, which stays as it is.
  bool has_real_parents(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == path.npos) return true;
    const std::string parent = path.substr(0, slash);
    const auto [known, is_new] = real_folders_.emplace(parent, false);
    if (!is_new) return known->second;
    const auto facts = lstat_of(root_ / parent);
    const bool is_real = facts && S_ISDIR(facts->st_mode) && has_real_parents(parent);
    return real_folders_[parent] = is_real;
  }

  bool is_edited(const OwnedFile& file) const {
    const auto facts = lstat_of(root_ / file.path);
    if (!facts || !S_ISREG(facts->st_mode)) return false;
    if (file.size && *file.size == static_cast<std::uint64_t>(facts->st_size))
      return hash_file(root_ / file.path).hex != sha256_hex(file.sha256);
    return file.size.has_value() || hash_file(root_ / file.path).hex != sha256_hex(file.sha256);
  }

  void keep(const OwnedFile& file, const InstalledDistribution& distribution) {
    const fs::path place = root_ / file.path;
    ArrivingFile copy{
        .path = file.path + std::string(kSaved), .source = place, .sha256 = hash_file(place).hex};
    const bool is_to_come = std::any_of(arrivals_.begin(), arrivals_.end(), [&](const ArrivingFile& one) {
      return one.path == file.path && one.sha256 == copy.sha256;
    });
    if (is_to_come) return;
    for (int number = 2; lstat_of(root_ / copy.path); ++number)
      copy.path = fmt::format("{}{}.{}", file.path, kSaved, number);
    const auto facts = lstat_of(place);
    copy.executable = (facts->st_mode & S_IXUSR) != 0;
    copy.mtime = facts->st_mtime;
    copy.in_record = copy.in_manifest = false;
    warn(fmt::format("{} of {} was edited; the edited file is kept as {}", quote(place.string()),
                     distribution.name.display(), quote(fs::path(copy.path).filename().string())));
    arrivals_.push_back(std::move(copy));
  }

  // ---- when it changed (envs/journal/former_files.h) ----

  void date_arrivals() {
    const FormerFiles former(root_, manifest_);
    const std::int64_t now = std::time(nullptr);
    std::unordered_map<std::string_view, const OwnedFile*> leaving;
    for (const Present& present : present_)
      if (is_leaving(*present.distribution))
        for (const OwnedFile& file : present.owned.files) leaving.emplace(file.path, &file);
    for (ArrivingFile& file : arrivals_) {
      if (!file.in_manifest) continue;  // the copy of an edit; bytecode, which is known by its source
      const auto displaced = departures_.covers(file.path) ? facts_of_file(root_ / file.path) : std::nullopt;
      if (displaced) {
        const auto known = leaving.find(file.path);
        const bool is_same =
            is_same_as_displaced(file, *displaced, known == leaving.end() ? nullptr : known->second);
        set_time(file, is_same ? displaced->mtime : time_of_change(now, displaced->mtime));
      } else if (const auto before = former.find(file.path)) {
        set_time(file, time_of_change(now, *before));
      }
    }
  }

  bool is_same_as_displaced(const ArrivingFile& file, const FileFacts& displaced,
                            const OwnedFile* row) const {
    if (displaced.size != file.size) return false;
    if (row && !row->sha256.empty() && edited_.count(file.path) == 0)
      return sha256_hex(row->sha256) == file.sha256;
    return hash_file(root_ / file.path).hex == file.sha256;
  }

  // A link has the time of the store's file: where that will not do, the file is copied.
  void set_time(ArrivingFile& file, std::int64_t time) const {
    const bool by_link = request_.link_mode == LinkMode::Hardlink || request_.link_mode == LinkMode::Symlink;
    if (by_link && time != file.mtime) file.linked = false;
    file.mtime = time;
  }

  // ---- what we say about it ----

  // A RECORD for each: rows for everything that it brings, shared files included.
  void add_records() {
    std::vector<std::vector<RecordEntry>> rows(request_.install.size());
    for (const std::vector<ArrivingFile>* const files : {&arrivals_, &shared_})
      for (const ArrivingFile& file : *files)
        if (file.in_record)
          rows[file.package].push_back(record_row(file.path, file.sha256, file.size, scheme_));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const WantedPackage& package = request_.install[i];
      ArrivingFile file = record_file(package, scheme_, std::move(rows[i]));
      file.owner = package.name.normalized();
      file.in_record = false;
      arrivals_.push_back(std::move(file));
    }
  }

  void mark_requested() {
    for (const PackageName& name : request_.mark_requested) {
      const InstalledDistribution* const distribution = installed_.find(name);
      if (!distribution || is_leaving(*distribution) || distribution->requested || !distribution->has_record)
        continue;
      const auto metadata = lstat_of(distribution->info / "METADATA");
      if (!metadata) continue;
      ArrivingFile mark = text_file(distribution->info.lexically_relative(root_).string() + "/REQUESTED", "",
                                    metadata->st_mtime);
      corrections_[distribution].with.push_back(record_row(mark.path, mark.sha256, mark.size, scheme_));
      mark.owner = name.normalized();
      mark.in_record = false;
      arrivals_.push_back(std::move(mark));
      marked_.insert(name.normalized());
    }
  }

  // Those of what goes are forgotten, and those that this change says again.
  std::vector<ManifestRequest> next_requests() const {
    std::vector<ManifestRequest> out = request_.requests;
    for (const ManifestRequest& before : manifest_.requests) {
      const auto is_of = [&](const PackageName& name) { return name.normalized() == before.name; };
      const bool goes = std::any_of(request_.remove.begin(), request_.remove.end(), is_of) ||
                        std::any_of(request_.forget_requests.begin(), request_.forget_requests.end(), is_of);
      const bool is_said_anew =
          std::any_of(request_.requests.begin(), request_.requests.end(), [&](const ManifestRequest& now) {
            return now.kind == before.kind &&
                   (now.kind == kCommandRequest ? now.name == before.name : now.origin == before.origin);
          });
      if (!goes && !is_said_anew) out.push_back(before);
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  // pip itself takes the place of the environment's own, which comes back when that goes.
  void change_pip_shim() {
    const PackageName pip = *PackageName::parse("pip");
    const auto is_pip = [&](const WantedPackage& package) { return package.name == pip; };
    const InstalledDistribution* const there = installed_.find(pip);
    const bool has_pip = std::any_of(request_.install.begin(), request_.install.end(), is_pip) ||
                         (there && !is_leaving(*there));
    for (const auto& [path, file] : shim_) {
      if (staying_.count(path) != 0 || last_arrival_.count(path) != 0) continue;
      const bool is_there = !departures_.covers(path) && lstat_of(root_ / path);
      if (has_pip && file.is_module) {
        if (is_there) departures_.add(path);
      } else if (!is_there && is_folder_or_missing(fs::path(path).parent_path())) {
        ArrivingFile arriving = text_file(path, file.text, std::time(nullptr));
        arriving.executable = file.executable;
        arriving.in_record = false;
        arrivals_.push_back(std::move(arriving));
      }
    }
  }

  bool is_folder_or_missing(const fs::path& directory) const {
    const auto facts = lstat_of(root_ / directory);
    return !facts || S_ISDIR(facts->st_mode) || departures_.covers(directory.native());
  }

  Manifest next_manifest() const {
    Manifest next;
    next.runtime = manifest_.runtime;
    next.requests = next_requests();
    next.others = next_others_;
    std::set<std::string> kept, taken_in;
    for (const Present& present : present_) {
      const InstalledDistribution& distribution = *present.distribution;
      if (is_leaving(distribution) || distribution.legacy) continue;
      const std::string& name = distribution.name.normalized();
      const std::string version = distribution.version.to_string();
      const bool requested = distribution.requested || marked_.count(name) != 0;
      const auto known = std::find_if(
          manifest_.packages.begin(), manifest_.packages.end(),
          [&](const auto& package) { return package.name == name && package.version == version; });
      const bool is_known = known != manifest_.packages.end();
      if (!(is_known ? kept : taken_in).insert(name).second) continue;
      next.packages.push_back(
          {name, version, is_known ? known->wheel_sha256 : "", requested, is_known ? known->index : ""});
    }
    for (const WantedPackage& package : request_.install)
      next.packages.push_back({package.name.normalized(), package.version.to_string(),
                               package.wheel.digest.hex, stays_requested(package), package.index});

    std::unordered_set<std::string> listed;
    const unsigned umask = current_umask();
    for (const ArrivingFile& file : arrivals_)
      if (file.in_manifest && listed.insert(file.path).second) next.entries.push_back(entry_of(file, umask));
    for (ManifestEntry entry : manifest_.entries) {
      if (departures_.covers(entry.path) || listed.count(entry.path) != 0) continue;
      if (entry.owner.empty() && shim_.count(entry.path) != 0 && staying_.count(entry.path) != 0)
        continue;  // pip itself lies there
      if (!entry.owner.empty() && kept.count(entry.owner) == 0) {
        const auto other = staying_.find(entry.path);  // a file of two packages, of which one goes
        if (other == staying_.end() || kept.count(other->second.distribution->name.normalized()) == 0)
          continue;
        entry.owner = other->second.distribution->name.normalized();
      }
      if (const auto owner = owner_at_.find(entry.path); owner != owner_at_.end())
        entry.owner = owner->second;
      listed.insert(entry.path);
      next.entries.push_back(std::move(entry));
    }
    for (const Present& present : present_)
      if (taken_in.count(present.distribution->name.normalized()) != 0) take_in(present, listed, next);
    return next;
  }

  ManifestEntry entry_of(const ArrivingFile& file, unsigned umask) const {
    const bool link = file.linked && request_.link_mode == LinkMode::Symlink;
    const std::string target = link ? file.source.string() : std::string();
    return {file.path, link ? hash_bytes(target).hex : file.sha256, link ? target.size() : file.size,
            mode_of(file, request_.link_mode, umask), file.owner};
  }

  // What stays of the bytecode, and what comes.
  std::vector<BytecodeEntry> next_bytecode(const Manifest& next) const {
    std::vector<BytecodeEntry> out;
    std::unordered_set<std::string_view> owners, listed;
    for (const ManifestPackage& package : next.packages) owners.insert(package.name);
    for (const ArrivingFile& file : arrivals_)
      if (listed.insert(file.path).second && file.is_derived)
        out.push_back({file.path, file.sha256, file.size, file.owner});
    for (const BytecodeEntry& entry : bytecode_)
      if ((entry.owner.empty() || owners.count(entry.owner) != 0) && listed.count(entry.path) == 0 &&
          !departures_.covers(entry.path))
        out.push_back(entry);
    return out;
  }

  // What another installer put here.
  void take_in(const Present& present, std::unordered_set<std::string>& listed, Manifest& next) const {
    for (const OwnedFile& file : present.owned.files) {
      const auto facts = is_bytecode(file.path) ? std::nullopt : lstat_of(root_ / file.path);
      if (!facts || !S_ISREG(facts->st_mode) || !listed.insert(file.path).second) continue;
      std::string sha256 = sha256_hex(file.sha256);
      if (sha256.empty()) sha256 = hash_file(root_ / file.path).hex;
      const auto size = static_cast<std::uint64_t>(facts->st_size);
      next.entries.push_back({file.path, sha256, file.size.value_or(size), facts->st_mode & 07777U,
                              present.distribution->name.normalized()});
    }
  }

  void warn(std::string message) {
    reporter_.warn(message);
    result_.warnings.push_back(std::move(message));
  }

  const TransactionRequest& request_;
  const Environment& environment_;
  fs::path root_;
  Scheme scheme_;
  const Store& store_;
  Workers& workers_;
  Reporter& reporter_;
  bool single_files_;
  unsigned umask_ = current_umask();

  InstalledDistributions installed_;
  Manifest manifest_;
  std::vector<BytecodeEntry> bytecode_;
  std::set<PackageName> leaving_names_;
  std::vector<Present> present_;
  std::unordered_map<std::string_view, Owner> staying_;                    // by path
  std::unordered_map<std::string_view, std::vector<Owner>> also_staying_;  // further owners of such paths

  std::map<std::string, PipShimFile> shim_;  // by path; empty where there is none

  FolderNames leaving_;
  Departures departures_;
  std::vector<ArrivingFile> arrivals_;
  std::vector<ArrivingFile> shared_;  // brought by two packages with the same bytes, or there already
  std::unordered_map<std::string, std::size_t>
      last_arrival_;                           // path → index in arrivals_ while they are collected
  std::unordered_set<std::string> contested_;  // paths that several arrivals have
  std::unordered_map<std::string_view, const ManifestEntry*> entry_at_;  // of paths to settle
  std::set<std::size_t> lost_, same_;            // arrivals whose bytes do not get the place, or lie there
  std::set<std::string> displaced_;              // where a file goes though a package that stays has it
  std::map<std::string, std::string> owner_at_;  // of settled paths
  std::vector<ManifestEntry> next_others_;
  std::map<std::string, std::map<std::string, ArrivingFile>> files_of_staying_;  // name → path → file
  std::map<const InstalledDistribution*, RecordCorrection> corrections_;
  std::unordered_map<std::string, Place> places_;
  std::set<std::string> marked_;
  std::unordered_map<std::string, bool> real_folders_;
  std::unordered_set<std::string> edited_;  // paths of leaving files that the user changed
  TransactionResult result_;
};

// Of each package to install; nullopt: the store does not have it yet.
std::vector<std::optional<StoredBytecode>> bytecode_for(const TransactionRequest& request,
                                                        const Environment& environment, Store& store,
                                                        Workers& workers, Reporter& reporter) {
  std::vector<std::optional<StoredBytecode>> out(request.install.size());
  if (request.compile == Compile::Never || environment.is_foreign()) {
    out.assign(request.install.size(), StoredBytecode{});
    return out;
  }
  // The environment's own private runtime: it is there even when the store's has been pruned.
  const Runtime runtime{.tree = environment.private_folder() / "rt",
                        .interpreter = environment.interpreter()};
  if (request.compile == Compile::Background) {
    workers.for_each(
        out.size(), [&](std::size_t i) { out[i] = find_bytecode(request.install[i].wheel, runtime, store); });
    return out;
  }
  std::vector<StoredWheel> wheels;
  for (const WantedPackage& package : request.install) wheels.push_back(package.wheel);
  std::ranges::move(obtain_bytecode(wheels, runtime, store, workers, reporter), out.begin());
  return out;
}

}  // namespace

std::vector<Operation> plan_operations(const InstalledDistributions& installed,
                                       const TransactionRequest& request) {
  std::vector<Operation> out;
  for (const WantedPackage& package : request.install) {
    const InstalledDistribution* const before = installed.find(package.name);
    if (!before)
      out.push_back({OperationKind::Install, package.name, std::nullopt, package.version});
    else
      out.push_back({before->version == package.version ? OperationKind::Reinstall : OperationKind::Change,
                     package.name, before->version, package.version});
  }
  for (const PackageName& name : request.remove)
    if (const InstalledDistribution* const before = installed.find(name))
      out.push_back({OperationKind::Remove, name, before->version, std::nullopt});
  std::stable_sort(out.begin(), out.end(),
                   [](const Operation& a, const Operation& b) { return a.name < b.name; });
  return out;
}

bool has_wheel(const WantedPackage& package) { return !package.wheel.tree.empty(); }

void check_transaction(const TransactionRequest& request, const Environment& environment, const Store& store,
                       Workers& workers) {
  refuse_release(environment.root());
  std::vector<WantedPackage> known;
  std::ranges::copy_if(request.install, std::back_inserter(known), has_wheel);
  refuse_shared_import_names(known);
  Reporter silent;
  Application(request, environment, store, workers, silent)
      .plan(std::vector<std::optional<StoredBytecode>>(request.install.size()));
}

TransactionResult apply_transaction(const TransactionRequest& request, const Environment& environment,
                                    Store& store, Workers& workers, Reporter& reporter,
                                    const std::string& command) {
  refuse_shared_import_names(request.install);
  // Before the lock: the first time it takes seconds, and changes nothing in the environment.
  const std::vector<std::optional<StoredBytecode>> bytecode =
      bytecode_for(request, environment, store, workers, reporter);
  const Phase phase(reporter, "install");
  TransactionResult result =
      Application(request, environment, store, workers, reporter).run(bytecode, command);
  result.lacks_bytecode = std::ranges::any_of(bytecode, [](const auto& one) { return !one; });
  return result;
}

bool is_satisfied(const Manifest& manifest, const std::vector<WantedPackage>& wanted, bool exactly) {
  if (exactly && manifest.packages.size() != wanted.size()) return false;
  std::unordered_map<std::string_view, const ManifestPackage*> present;
  for (const ManifestPackage& package : manifest.packages) present.emplace(package.name, &package);
  return std::all_of(wanted.begin(), wanted.end(), [&](const WantedPackage& package) {
    const auto found = present.find(package.name.normalized());
    return found != present.end() && found->second->version == package.version.to_string() &&
           found->second->wheel_sha256 == package.wheel.digest.hex &&
           (found->second->requested || !package.requested);
  });
}

}  // namespace moat
