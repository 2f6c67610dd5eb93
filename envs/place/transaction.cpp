// From the request to the change, in this order: what leaves, what arrives, whether both are possible (every
// refusal is made here, before anything is written), the stage, the moves, the new manifest, the commit.
//
// The RECORDs in the environment, which other installers keep as well, decide who owns a file; the manifest
// is updated to match.
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
#include "envs/place/import_names.h"
#include "envs/place/owned_files.h"
#include "envs/place/parent_folders.h"
#include "envs/place/presence.h"
#include "envs/place/settlement.h"
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

// ---- what is there ----

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

// Files behind a link are not this environment's to change.
[[noreturn]] void refuse_linked_folder(const InstalledDistribution& distribution) {
  throw Error(ErrorKind::Refused,
              fmt::format("cannot change {}: {} is, or lies in, a folder that is a link",
                          distribution.name.display(), quote(distribution.info.parent_path().string())),
              {"remove the link, then `moat doctor --repair`"});
}

class Application {
 public:
  Application(const TransactionRequest& request, const Environment& environment, const Store& store,
              Workers& workers, Reporter& reporter)
      : request_(request),
        environment_(environment),
        root_(environment.root()),
        scheme_(environment.scheme()),
        link_mode_(possible_link_mode(request.link_mode, store.layout().root, root_)),
        store_(store),
        workers_(workers),
        reporter_(reporter),
        single_files_(needs_single_files(root_)),
        departures_(root_, scheme_, single_files_) {}

  // What leaves, what arrives, and whether both are possible: every refusal is made here. Writes nothing.
  void plan(const std::vector<std::optional<StoredBytecode>>& bytecode) {
    there_ = read_presence(environment_, request_, workers_, reporter_);
    read_pip_shim();
    result_.operations = plan_operations(there_.installed, request_);
    collect_departures();
    for (std::size_t i = 0; i < request_.install.size(); ++i)
      if (has_wheel(request_.install[i])) collect_arrivals(i, bytecode[i]);
    settled_ = settle_overlaps({request_, there_, root_, scheme_, link_mode_, store_}, contested_, arrivals_);
    for (std::string& warning : settled_.warnings) warn(std::move(warning));
    for (const std::string& path : settled_.displaced) leaving_.add_file(path);
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
    if (result_.operations.empty() && marked_.empty() && next_requests() == there_.manifest.requests) {
      result_.state = there_.manifest.state;
      return std::move(result_);
    }
    stage_files(arrivals_, change.stage(), workers_);

    FolderNames arriving;
    for (const ArrivingFile& file : arrivals_) arriving.add_file(file.path);
    std::vector<Move> moves = plan_moves(departures_, arriving, root_, single_files_, change);
    Manifest manifest = next_manifest();
    renew_state_files(change, root_, next_bytecode(manifest), moves);
    renew_launcher(change, there_.manifest, manifest, moves);
    std::vector<std::string> summary = summarize(there_.manifest, manifest);
    if (request_.before_commit) request_.before_commit();
    change.commit(moves, std::move(manifest), request_.reason, summary, request_.durable);
    result_.state = change.state();
    result_.files_placed = arrivals_.size();
    return std::move(result_);
  }

 private:
  // An environment made without it (for a build, or by an older moat) stays without.
  void read_pip_shim() {
    if (environment_.is_foreign()) return;
    std::map<std::string, PipShimFile> files;
    for (PipShimFile& file : pip_shim(scheme_, environment_.interpreter()))
      files.emplace(file.path, std::move(file));
    const bool has_one =
        std::any_of(there_.manifest.entries.begin(), there_.manifest.entries.end(),
                    [&](const auto& entry) { return entry.owner.empty() && files.count(entry.path) != 0; });
    if (has_one) shim_ = std::move(files);
  }

  // ---- what leaves ----

  void collect_departures() {
    for (const PresentDistribution& present : there_.all) {
      const InstalledDistribution& distribution = *present.distribution;
      if (!there_.is_leaving(distribution)) continue;
      if (!distribution.has_record && present.owned.files.empty()) refuse_unknown_files(distribution);
      if (parents_.to(distribution.info.lexically_relative(root_).string()) == Way::Linked)
        refuse_linked_folder(distribution);
      bool is_linked_out = false;
      for (const OwnedFile& file : present.owned.files)
        if (there_.staying.count(file.path) == 0) {
          is_linked_out = is_linked_out || parents_.to(file.path) == Way::Linked;
          leaving_.add_file(file.path);
        }
      if (is_linked_out)
        warn(fmt::format("a folder of {} is a link now: what it leads to was left unchanged",
                         distribution.name.display()));
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
    for (ArrivingFile& file : installer_files(package, scheme_, there_.stays_requested(package)))
      arrive(std::move(file), index);
  }

  void collect_bytecode(std::size_t index, const StoredBytecode& bytecode) {
    const WantedPackage& package = request_.install[index];
    for (const Placement& placement :
         lay_out_bytecode(package.wheel, package.name, scheme_, bytecode.files)) {
      ArrivingFile file = stored_file(placement, bytecode.tree, link_mode_);
      file.in_record = file.in_manifest = false;
      file.is_derived = true;
      arrive(std::move(file), index);
    }
  }

  // The files of a wheel, its commands included.
  std::vector<ArrivingFile> files_of(const WantedPackage& package) const {
    std::vector<ArrivingFile> out = wheel_files(package, scheme_, link_mode_);
    for (const ArrivingFile& file : out)  // lay_out() has looked at the files of the wheel
      if (file.source.empty() && is_reserved(file.path, scheme_))
        throw Error(ErrorKind::Refused,
                    fmt::format("cannot install {}: its command {} would replace the environment's own",
                                label(package), quote(fs::path(file.path).filename().native())));
    return out;
  }

  // Remembers the last one to arrive at a path: packages arrive one after the other, so a second file of the
  // same package is noticed, and one of another package makes the path contested.
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

  // ---- RECORDs of packages that stay ----

  void correct_records() {
    for (const auto& one : settled_.corrections) {  // no binding: clang 14 captures none
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

  // The entry at a directory's path once everything that leaves is gone.
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
      if (there_.staying.count(file.path) != 0 && settled_.displaced.count(file.path) == 0) {
        if (there) {
          settled_.shared.push_back(std::move(file));
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
    for (const PresentDistribution& present : there_.all) {
      if (!there_.is_leaving(*present.distribution)) continue;
      const std::string info = present.distribution->info.lexically_relative(root_).string() + "/";
      for (const OwnedFile& file : present.owned.files)
        if (!file.sha256.empty() && !is_bytecode(file.path) && file.path.compare(0, info.size(), info) != 0 &&
            there_.staying.count(file.path) == 0 && parents_.to(file.path) == Way::Real)
          candidates.emplace_back(&file, present.distribution);
    }
    for (const std::string& path : settled_.displaced)
      if (const auto owner = there_.staying.find(path); owner != there_.staying.end())
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
    const FormerFiles former(root_, there_.manifest);
    const std::int64_t now = std::time(nullptr);
    std::unordered_map<std::string_view, const OwnedFile*> leaving;
    for (const PresentDistribution& present : there_.all)
      if (there_.is_leaving(*present.distribution))
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

  // A link has the time of the store's file: if that is wrong, the file is copied.
  void set_time(ArrivingFile& file, std::int64_t time) const {
    const bool by_link = file.link == LinkMode::Hardlink || file.link == LinkMode::Symlink;
    if (by_link && time != file.mtime) file.link = LinkMode::Auto;
    file.mtime = time;
  }

  // ---- what we say about it ----

  // A RECORD for each: rows for all its files, shared ones included.
  void add_records() {
    std::vector<std::vector<RecordEntry>> rows(request_.install.size());
    for (const std::vector<ArrivingFile>* const files : {&arrivals_, &settled_.shared})
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
      const InstalledDistribution* const distribution = there_.installed.find(name);
      if (!distribution || there_.is_leaving(*distribution) || distribution->requested ||
          !distribution->has_record)
        continue;
      const auto metadata = lstat_of(distribution->info / "METADATA");
      if (!metadata) continue;
      ArrivingFile mark = text_file(distribution->info.lexically_relative(root_).string() + "/REQUESTED", "",
                                    metadata->st_mtime);
      settled_.corrections[distribution].with.push_back(
          record_row(mark.path, mark.sha256, mark.size, scheme_));
      mark.owner = name.normalized();
      mark.in_record = false;
      arrivals_.push_back(std::move(mark));
      marked_.insert(name.normalized());
    }
  }

  // Forgets the requests of removed packages, and those that this change replaces.
  std::vector<ManifestRequest> next_requests() const {
    std::vector<ManifestRequest> out = request_.requests;
    for (const ManifestRequest& before : there_.manifest.requests) {
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

  // pip itself replaces the environment's own, which returns when pip is removed.
  void change_pip_shim() {
    const PackageName pip = *PackageName::parse("pip");
    const auto is_pip = [&](const WantedPackage& package) { return package.name == pip; };
    const InstalledDistribution* const there = there_.installed.find(pip);
    const bool has_pip = std::any_of(request_.install.begin(), request_.install.end(), is_pip) ||
                         (there && !there_.is_leaving(*there));
    for (const auto& [path, file] : shim_) {
      if (there_.staying.count(path) != 0 || last_arrival_.count(path) != 0) continue;
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
    next.runtime = there_.manifest.runtime;
    next.requests = next_requests();
    next.others = settled_.others;
    std::set<std::string> kept, taken_in;
    for (const PresentDistribution& present : there_.all) {
      const InstalledDistribution& distribution = *present.distribution;
      if (there_.is_leaving(distribution) || distribution.legacy) continue;
      const std::string& name = distribution.name.normalized();
      const std::string version = distribution.version.to_string();
      const bool requested = distribution.requested || marked_.count(name) != 0;
      const auto known = std::find_if(
          there_.manifest.packages.begin(), there_.manifest.packages.end(),
          [&](const auto& package) { return package.name == name && package.version == version; });
      const bool is_known = known != there_.manifest.packages.end();
      if (!(is_known ? kept : taken_in).insert(name).second) continue;
      next.packages.push_back(
          {name, version, is_known ? known->wheel_sha256 : "", requested, is_known ? known->index : ""});
    }
    for (const WantedPackage& package : request_.install)
      next.packages.push_back({package.name.normalized(), package.version.to_string(),
                               package.wheel.digest.hex, there_.stays_requested(package), package.index});

    std::unordered_set<std::string> listed;
    const unsigned umask = current_umask();
    for (const ArrivingFile& file : arrivals_)
      if (file.in_manifest && listed.insert(file.path).second) next.entries.push_back(entry_of(file, umask));
    for (ManifestEntry entry : there_.manifest.entries) {
      if (departures_.covers(entry.path) || listed.count(entry.path) != 0) continue;
      if (entry.owner.empty() && shim_.count(entry.path) != 0 && there_.staying.count(entry.path) != 0)
        continue;  // pip itself lies there
      if (!entry.owner.empty() && kept.count(entry.owner) == 0) {
        const auto other = there_.staying.find(entry.path);  // a file of two packages, of which one goes
        if (other == there_.staying.end() || kept.count(other->second.distribution->name.normalized()) == 0)
          continue;
        entry.owner = other->second.distribution->name.normalized();
      }
      if (const auto owner = settled_.owner_at.find(entry.path); owner != settled_.owner_at.end())
        entry.owner = owner->second;
      listed.insert(entry.path);
      next.entries.push_back(std::move(entry));
    }
    for (const PresentDistribution& present : there_.all)
      if (taken_in.count(present.distribution->name.normalized()) != 0) take_in(present, listed, next);
    return next;
  }

  ManifestEntry entry_of(const ArrivingFile& file, unsigned umask) const {
    const bool link = file.link == LinkMode::Symlink;
    const std::string target = link ? file.source.string() : std::string();
    return {file.path, link ? hash_bytes(target).hex : file.sha256, link ? target.size() : file.size,
            mode_of(file, umask), file.owner};
  }

  // The remaining bytecode, and the new one.
  std::vector<BytecodeEntry> next_bytecode(const Manifest& next) const {
    std::vector<BytecodeEntry> out;
    std::unordered_set<std::string_view> owners, listed;
    for (const ManifestPackage& package : next.packages) owners.insert(package.name);
    for (const ArrivingFile& file : arrivals_)
      if (listed.insert(file.path).second && file.is_derived)
        out.push_back({file.path, file.sha256, file.size, file.owner});
    for (const BytecodeEntry& entry : there_.bytecode)
      if ((entry.owner.empty() || owners.count(entry.owner) != 0) && listed.count(entry.path) == 0 &&
          !departures_.covers(entry.path))
        out.push_back(entry);
    return out;
  }

  // A package that another installer put here.
  void take_in(const PresentDistribution& present, std::unordered_set<std::string>& listed,
               Manifest& next) const {
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
  LinkMode link_mode_;
  const Store& store_;
  Workers& workers_;
  Reporter& reporter_;
  bool single_files_;

  Presence there_;
  Settlement settled_;

  std::map<std::string, PipShimFile> shim_;  // by path; empty where there is none

  FolderNames leaving_;
  Departures departures_;
  std::vector<ArrivingFile> arrivals_;
  std::unordered_map<std::string, std::size_t>
      last_arrival_;                           // path → index in arrivals_ while they are collected
  std::unordered_set<std::string> contested_;  // paths that several arrivals have
  std::unordered_map<std::string, Place> places_;
  std::set<std::string> marked_;
  ParentFolders parents_{root_};
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
  std::vector<std::size_t> places;  // of those that bring none
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = request.install[i].bytecode;
    if (!out[i]) places.push_back(i);
  }
  if (request.compile == Compile::Background) {
    workers.for_each(places.size(), [&](std::size_t i) {
      out[places[i]] = find_bytecode(request.install[places[i]].wheel, runtime, store);
    });
    return out;
  }
  std::vector<StoredWheel> wheels;
  for (const std::size_t place : places) wheels.push_back(request.install[place].wheel);
  std::vector<StoredBytecode> compiled = obtain_bytecode(wheels, runtime, store, workers, reporter);
  for (std::size_t i = 0; i < compiled.size(); ++i) out[places[i]] = std::move(compiled[i]);
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
  // Before the lock: the first time it takes seconds, and it changes nothing in the environment.
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
