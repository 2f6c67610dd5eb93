#include "envs/place/settlement.h"

#include "envs/place/overlaps.h"
#include "envs/place/wheel_files.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace moat {
namespace {

class Overlaps {
 public:
  Overlaps(const SettlementTerms& terms, const std::unordered_set<std::string>& contested,
           std::vector<ArrivingFile>& arrivals)
      : request_(terms.request),
        there_(terms.there),
        root_(terms.root),
        scheme_(terms.scheme),
        link_mode_(terms.link_mode),
        store_(terms.store),
        contested_(contested),
        arrivals_(arrivals) {}

  Settlement run() {
    std::map<std::string, Contenders> all;
    for (const ManifestEntry& other : there_.manifest.others)
      if (there_.find_staying(other.owner)) all[other.path];
    for (std::size_t i = 0; i < arrivals_.size(); ++i) {
      const std::string& path = arrivals_[i].path;
      if (arrivals_[i].is_derived) continue;
      if (contested_.count(path) != 0 || there_.staying.count(path) != 0 ||
          (!all.empty() && all.count(path) != 0))
        all[path].push_back({.claim = claim_of(arrivals_[i]), .arrival = i});
    }
    if (!all.empty()) {
      for (const ManifestEntry& entry : there_.manifest.entries)
        if (all.count(entry.path) != 0) entry_at_.emplace(entry.path, &entry);
      for (auto& [path, contenders] : all) add_staying(path, contenders);
      OverlapReport report;
      for (auto& [path, contenders] : all) settle(path, std::move(contenders), report);
      for (std::string& sentence : report.sentences()) out_.warnings.push_back(std::move(sentence));
    }
    if (!lost_.empty() || !same_.empty() || !contested_.empty()) leave_out_losers();
    return std::move(out_);
  }

 private:
  // An owner of a contested path: a package that arrives, or one that stays.
  struct Contender {
    PathClaim claim;
    std::size_t arrival = kNone;                     // index in arrivals_, or
    const InstalledDistribution* staying = nullptr;  // its distribution,
    bool has_row = false;                            // with a row for the file in its RECORD,
    bool lies_there = false;                         // and its bytes are those that lie there
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  using Contenders = std::vector<Contender>;

  PathClaim claim_of(const ArrivingFile& file) const {
    return {file.owner, there_.stays_requested(request_.install[file.package]), file.sha256, file.size,
            mode_of(file, umask_)};
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
    if (const auto owner = there_.staying.find(path); owner != there_.staying.end()) add_owner(owner->second);
    if (const auto owners = there_.also_staying.find(path); owners != there_.also_staying.end())
      for (const Owner& owner : owners->second) add_owner(owner);
    for (const ManifestEntry& other : there_.manifest.others) {
      if (other.path != path) continue;
      const InstalledDistribution* const distribution = there_.find_staying(other.owner);
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
      out_.others.push_back(
          {path, other->claim.sha256, other->claim.size, other->claim.mode, other->claim.owner});
    }
    for (const Contender& one : contenders)
      if (one.staying) correct_row(path, one, one.claim.sha256 == first.claim.sha256);
    out_.owner_at[path] = first.claim.owner;
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
    // Removes the file at the path, and its bytecode.
    out_.displaced.insert(path);
    if (given_back) arrivals_.push_back(*std::move(given_back));
  }

  // The store has no bytes for it.
  void lose(const std::string& path, const Contenders& contenders) {
    for (const Contender& one : contenders)
      out_.warnings.push_back(
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

  // Two packages are reported once: when one of them arrives, and had no such file next to the other before.
  bool is_news(const std::string& path, const Contender& winner, const Contender& loser) const {
    if (winner.arrival == kNone && loser.arrival == kNone) return false;
    const auto known = [&](const std::string& one, const std::string& other) {
      return std::any_of(
          there_.manifest.others.begin(), there_.manifest.others.end(), [&](const ManifestEntry& row) {
            if (row.owner != one) return false;
            const auto entry = std::lower_bound(
                there_.manifest.entries.begin(), there_.manifest.entries.end(), row.path,
                [](const ManifestEntry& before, const std::string& p) { return before.path < p; });
            return entry != there_.manifest.entries.end() && entry->path == row.path &&
                   entry->owner == other && entry->sha256 != row.sha256;
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
    return declares_only_a_namespace(contents_of(file));
  }

  // The file of a package that stays, taken from its wheel in the store.
  std::optional<ArrivingFile> file_of_staying(const InstalledDistribution& distribution,
                                              const std::string& path, const std::string& sha256) {
    const std::string& name = distribution.name.normalized();
    auto files = files_of_staying_.find(name);
    if (files == files_of_staying_.end()) {
      files = files_of_staying_.emplace(name, std::map<std::string, ArrivingFile>()).first;
      const auto placed =
          std::find_if(there_.manifest.packages.begin(), there_.manifest.packages.end(),
                       [&](const ManifestPackage& package) {
                         return package.name == name && package.version == distribution.version.to_string();
                       });
      const bool is_of_a_wheel = placed != there_.manifest.packages.end() && !placed->wheel_sha256.empty();
      if (auto wheel = is_of_a_wheel ? store_.find_wheel({"sha256", placed->wheel_sha256}) : std::nullopt)
        for (ArrivingFile& file :
             wheel_files({distribution.name, distribution.version, *std::move(wheel)}, scheme_, link_mode_))
          files->second.emplace(file.path, std::move(file));
    }
    const auto found = files->second.find(path);
    if (found == files->second.end() || found->second.sha256 != sha256) return std::nullopt;
    ArrivingFile file = found->second;
    file.owner = name;
    file.in_record = false;  // of none of the packages that come; correct_records() writes the row
    return file;
  }

  // From the arrivals: files that lose their place, with their bytecode, and files that equal another's.
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
        out_.shared.push_back(std::move(file));
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

  void correct_row(const std::string& path, const Contender& one, bool should_have_row) {
    if (one.has_row == should_have_row) return;
    RecordCorrection& correction = out_.corrections[one.staying];
    if (should_have_row)
      correction.with.push_back(record_row(path, one.claim.sha256, one.claim.size, scheme_));
    else
      correction.without.push_back(record_path(path, scheme_));
  }

  const TransactionRequest& request_;
  const Presence& there_;
  const fs::path& root_;
  const Scheme& scheme_;
  const LinkMode link_mode_;
  const Store& store_;
  const std::unordered_set<std::string>& contested_;
  std::vector<ArrivingFile>& arrivals_;
  unsigned umask_ = current_umask();

  std::unordered_map<std::string_view, const ManifestEntry*> entry_at_;  // of paths to settle
  std::set<std::size_t> lost_, same_;  // arrivals whose bytes do not get the place, or lie there
  std::map<std::string, std::map<std::string, ArrivingFile>> files_of_staying_;  // name → path → file
  Settlement out_;
};

}  // namespace

Settlement settle_overlaps(const SettlementTerms& terms, const std::unordered_set<std::string>& contested,
                           std::vector<ArrivingFile>& arrivals) {
  return Overlaps(terms, contested, arrivals).run();
}

}  // namespace moat
