#include "envs/place/plan_details.h"

#include "envs/journal/former_files.h"
#include "envs/place/bytecode.h"
#include "envs/place/wheel_files.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/pep/record.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace moat {
namespace {

constexpr std::string_view kSaved = ".moat-saved";

using Paths = std::unordered_set<std::string>;

// Written by us for a package, beside the files of its wheel.
ArrivingFile own_file(ArrivingFile file, const PackageName& package) {
  file.owner = package.normalized();
  file.in_record = false;
  return file;
}

// ---- what the user edited ----

struct MayBeEdited {
  const OwnedFile* file = nullptr;
  const InstalledDistribution* distribution = nullptr;
};

// Files with a hash that leave, and do not belong to .dist-info.
std::vector<MayBeEdited> files_that_may_be_edited(const PlanTerms& terms, TransactionPlan& plan) {
  std::vector<MayBeEdited> out;
  for (const PresentDistribution& present : plan.there.all) {
    if (!plan.there.is_leaving(*present.distribution)) continue;
    const std::string info = present.distribution->info.lexically_relative(terms.root).string() + "/";
    for (const OwnedFile& file : present.owned.files)
      if (!file.sha256.empty() && !is_bytecode(file.path) && file.path.compare(0, info.size(), info) != 0 &&
          plan.there.staying.count(file.path) == 0 && plan.parents.to(file.path) == Way::Real)
        out.push_back({&file, present.distribution});
  }
  for (const std::string& path : plan.settled.displaced)
    if (const auto owner = plan.there.staying.find(path); owner != plan.there.staying.end())
      out.push_back({owner->second.file, owner->second.distribution});
  return out;
}

bool is_edited(const fs::path& root, const OwnedFile& file) {
  const auto facts = lstat_of(root / file.path);
  if (!facts || !S_ISREG(facts->st_mode)) return false;
  if (file.size && *file.size == static_cast<std::uint64_t>(facts->st_size))
    return hash_file(root / file.path).hex != sha256_hex(file.sha256);
  return file.size.has_value() || hash_file(root / file.path).hex != sha256_hex(file.sha256);
}

void keep(const MayBeEdited& edited, const PlanTerms& terms, TransactionPlan& plan) {
  const OwnedFile& file = *edited.file;
  const fs::path place = terms.root / file.path;
  ArrivingFile copy{.path = file.path + std::string(kSaved), .source = place, .sha256 = hash_file(place).hex};
  const bool is_to_come = std::ranges::any_of(plan.arrivals, [&](const ArrivingFile& one) {
    return one.path == file.path && one.sha256 == copy.sha256;
  });
  if (is_to_come) return;
  for (int number = 2; lstat_of(terms.root / copy.path); ++number)
    copy.path = fmt::format("{}{}.{}", file.path, kSaved, number);
  const auto facts = lstat_of(place);
  copy.executable = (facts->st_mode & S_IXUSR) != 0;
  copy.mtime = facts->st_mtime;
  copy.in_record = copy.in_manifest = false;
  warn(terms, plan,
       fmt::format("{} of {} was edited; the edited file is kept as {}", quote(place.string()),
                   edited.distribution->name.display(), quote(fs::path(copy.path).filename().string())));
  plan.arrivals.push_back(std::move(copy));
}

// Returns the paths of files that leave, and that the user changed.
Paths keep_edited_files(const PlanTerms& terms, TransactionPlan& plan) {
  const std::vector<MayBeEdited> candidates = files_that_may_be_edited(terms, plan);
  std::vector<char> edited(candidates.size());
  constexpr std::size_t kSlice = 64;
  terms.workers.for_each((candidates.size() + kSlice - 1) / kSlice, [&](std::size_t slice) {
    for (std::size_t i = slice * kSlice; i < std::min(candidates.size(), (slice + 1) * kSlice); ++i)
      edited[i] = is_edited(terms.root, *candidates[i].file) ? 1 : 0;
  });
  Paths out;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (edited[i] != 0) {
      out.insert(candidates[i].file->path);
      keep(candidates[i], terms, plan);
    }
  return out;
}

// ---- RECORDs ----

// One for each package that comes: rows for all its files, shared ones included.
void add_records(const PlanTerms& terms, TransactionPlan& plan) {
  const std::vector<WantedPackage>& packages = terms.request.install;
  std::vector<std::vector<RecordEntry>> rows(packages.size());
  for (const std::vector<ArrivingFile>* const files : {&plan.arrivals, &plan.settled.shared})
    for (const ArrivingFile& file : *files)
      if (file.in_record)
        rows[file.package].push_back(record_row(file.path, file.sha256, file.size, terms.scheme));
  for (std::size_t i = 0; i < rows.size(); ++i)
    plan.arrivals.push_back(
        own_file(record_file(packages[i], terms.scheme, std::move(rows[i])), packages[i].name));
}

void mark_requested(const PlanTerms& terms, TransactionPlan& plan) {
  for (const InstalledDistribution* const distribution : plan.marked) {
    const auto metadata = lstat_of(distribution->info / "METADATA");
    if (!metadata) continue;  // it has been there
    const std::string info = distribution->info.lexically_relative(terms.root).string();
    ArrivingFile mark = own_file(text_file(info + "/REQUESTED", "", metadata->st_mtime), distribution->name);
    plan.settled.corrections[distribution].with.push_back(
        record_row(mark.path, mark.sha256, mark.size, terms.scheme));
    plan.arrivals.push_back(std::move(mark));
  }
}

// Of packages that stay.
void correct_records(const PlanTerms& terms, TransactionPlan& plan) {
  for (const auto& one : plan.settled.corrections) {  // no binding: clang 14 captures none
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
    const std::string info = distribution->info.lexically_relative(terms.root).string();
    ArrivingFile record = text_file(info + "/RECORD", format_record(*std::move(rows)), metadata->st_mtime);
    plan.departures.add(record.path);
    plan.arrivals.push_back(own_file(std::move(record), distribution->name));
  }
}

// ---- the environment's own pip ----

bool is_folder_or_missing(const fs::path& root, const TransactionPlan& plan, const fs::path& directory) {
  const auto facts = lstat_of(root / directory);
  return !facts || S_ISDIR(facts->st_mode) || plan.departures.covers(directory.native());
}

// pip itself replaces the environment's own, which returns when pip is removed.
void change_own_pip(const PlanTerms& terms, TransactionPlan& plan) {
  const PackageName pip = *PackageName::parse("pip");
  const InstalledDistribution* const there = plan.there.installed.find(pip);
  const bool has_pip =
      std::ranges::any_of(terms.request.install,
                          [&](const WantedPackage& package) { return package.name == pip; }) ||
      (there && !plan.there.is_leaving(*there));
  for (const auto& [path, file] : plan.own_pip.files) {
    if (plan.own_pip.covered.count(path) != 0) continue;
    const bool is_there = !plan.departures.covers(path) && lstat_of(terms.root / path);
    if (has_pip && file.is_module) {
      if (is_there) plan.departures.add(path);
    } else if (!is_there && is_folder_or_missing(terms.root, plan, fs::path(path).parent_path())) {
      ArrivingFile arriving = text_file(path, file.text, std::time(nullptr));
      arriving.executable = file.executable;
      arriving.in_record = false;
      plan.arrivals.push_back(std::move(arriving));
    }
  }
}

// ---- when it changed (envs/journal/former_files.h) ----

// A link has the time of the store's file: if that is wrong, the file is copied.
void set_time(ArrivingFile& file, std::int64_t time) {
  const bool by_link = file.link == LinkMode::Hardlink || file.link == LinkMode::Symlink;
  if (by_link && time != file.mtime) file.link = LinkMode::Auto;
  file.mtime = time;
}

// `row`: of the RECORD that knew the displaced file, if it can be believed.
bool is_same_as_displaced(const fs::path& root, const ArrivingFile& file, const FileFacts& displaced,
                          const OwnedFile* row) {
  if (displaced.size != file.size) return false;
  if (row && !row->sha256.empty()) return sha256_hex(row->sha256) == file.sha256;
  return hash_file(root / file.path).hex == file.sha256;
}

void date_arrivals(const PlanTerms& terms, TransactionPlan& plan, const Paths& edited) {
  const FormerFiles former(terms.root, plan.there.manifest);
  const std::int64_t now = std::time(nullptr);
  std::unordered_map<std::string_view, const OwnedFile*> leaving;
  for (const PresentDistribution& present : plan.there.all)
    if (plan.there.is_leaving(*present.distribution))
      for (const OwnedFile& file : present.owned.files) leaving.emplace(file.path, &file);
  for (ArrivingFile& file : plan.arrivals) {
    if (!file.in_manifest) continue;  // the copy of an edit; bytecode, which is known by its source
    const auto displaced =
        plan.departures.covers(file.path) ? facts_of_file(terms.root / file.path) : std::nullopt;
    if (displaced) {
      const auto known = edited.count(file.path) == 0 ? leaving.find(file.path) : leaving.end();
      const bool is_same = is_same_as_displaced(terms.root, file, *displaced,
                                                known == leaving.end() ? nullptr : known->second);
      set_time(file, is_same ? displaced->mtime : time_of_change(now, displaced->mtime));
    } else if (const auto before = former.find(file.path)) {
      set_time(file, time_of_change(now, *before));
    }
  }
}

}  // namespace

void finish_plan(const PlanTerms& terms, TransactionPlan& plan) {
  const Paths edited = keep_edited_files(terms, plan);
  add_records(terms, plan);
  mark_requested(terms, plan);
  correct_records(terms, plan);
  change_own_pip(terms, plan);
  date_arrivals(terms, plan, edited);
}

}  // namespace moat
