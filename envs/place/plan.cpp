#include "envs/place/plan.h"

#include "envs/journal/sealed.h"
#include "envs/place/bytecode.h"
#include "envs/place/import_names.h"
#include "envs/place/wheel_files.h"
#include "envs/place/wheel_layout.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace moat {
namespace {

// An environment made without it (for a build, or by an older moat) stays without.
OwnPip own_pip_of(const PlanTerms& terms, const Manifest& manifest) {
  if (terms.environment.is_foreign()) return {};
  std::map<std::string, PipShimFile> files;
  for (PipShimFile& file : pip_shim(terms.scheme, terms.environment.interpreter()))
    files.emplace(file.path, std::move(file));
  const bool has_one = std::ranges::any_of(manifest.entries, [&](const ManifestEntry& entry) {
    return entry.owner.empty() && files.count(entry.path) != 0;
  });
  return has_one ? OwnPip{.files = std::move(files)} : OwnPip();
}

// ---- what leaves ----

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
[[noreturn]] void refuse_linked_folder(const InstalledDistribution& distribution, const fs::path& folder) {
  throw Error(ErrorKind::Refused,
              fmt::format("cannot change {}: {} is, or lies in, a folder that is a link",
                          distribution.name.display(), quote(folder.string())),
              {"remove the link, then `moat doctor --repair`"});
}

FolderNames collect_departures(const PlanTerms& terms, TransactionPlan& plan) {
  FolderNames leaving;
  for (const PresentDistribution& present : plan.there.all) {
    const InstalledDistribution& distribution = *present.distribution;
    if (!plan.there.is_leaving(distribution)) continue;
    const std::string info = distribution.info.lexically_relative(terms.root).string();
    if (!distribution.has_record && present.owned.files.empty()) refuse_unknown_files(distribution);
    if (plan.parents.to(info) == Way::Linked)
      refuse_linked_folder(distribution, distribution.info.parent_path());
    bool is_linked_out = false;
    for (const OwnedFile& file : present.owned.files)
      if (plan.there.staying.count(file.path) == 0) {
        is_linked_out = is_linked_out || plan.parents.to(file.path) == Way::Linked;
        leaving.add_file(file.path);
      }
    if (is_linked_out)
      warn(terms, plan,
           fmt::format("a folder of {} is a link now: what it leads to was left unchanged",
                       distribution.name.display()));
    for (const std::string& row : present.owned.outside)
      warn(terms, plan,
           fmt::format("{} of {} is outside this environment's packages and was left unchanged", quote(row),
                       distribution.name.display()));
    leaving.add_everything(info);
  }
  return leaving;
}

// ---- what is written anew of packages that stay ----

void collect_marked(const PlanTerms& terms, TransactionPlan& plan) {
  for (const PackageName& name : terms.request.mark_requested) {
    const InstalledDistribution* const distribution = plan.there.installed.find(name);
    if (distribution && !plan.there.is_leaving(*distribution) && !distribution->requested &&
        distribution->has_record && lstat_of(distribution->info / "METADATA"))
      plan.marked.push_back(distribution);
  }
}

void check_staying(const PlanTerms& terms, TransactionPlan& plan) {
  const auto check = [&](const InstalledDistribution& distribution) {
    const std::string info = distribution.info.lexically_relative(terms.root).string();
    if (plan.parents.to(info + "/RECORD") == Way::Linked)
      refuse_linked_folder(distribution, distribution.info);
  };
  for (const InstalledDistribution* const distribution : plan.marked) check(*distribution);
  for (const auto& [distribution, correction] : plan.settled.corrections)
    if (distribution->has_record) check(*distribution);
}

// ---- what comes ----

// The files of the packages, in the order of the packages.
class Arrivals {
 public:
  Arrivals(const PlanTerms& terms, const Presence& there, LinkMode link_mode)
      : terms_(terms), there_(there), link_mode_(link_mode) {}

  void collect(std::size_t index, const std::optional<StoredBytecode>& bytecode) {
    const WantedPackage& package = terms_.request.install[index];
    for (ArrivingFile& file : files_of(package)) arrive(std::move(file), index);
    if (bytecode) collect_bytecode(index, *bytecode);
    for (ArrivingFile& file : installer_files(package, terms_.scheme, there_.stays_requested(package)))
      arrive(std::move(file), index);
  }

  std::vector<ArrivingFile> take() { return std::move(files_); }
  // Has a file arrived at this path? Those count that lose their place later, too.
  bool has(const std::string& path) const { return last_at_.count(path) != 0; }
  const std::unordered_set<std::string>& contested() const { return contested_; }

 private:
  // The files of a wheel, its commands included.
  std::vector<ArrivingFile> files_of(const WantedPackage& package) const {
    std::vector<ArrivingFile> out = wheel_files(package, terms_.scheme, link_mode_);
    for (const ArrivingFile& file : out)  // lay_out() has looked at the files of the wheel
      if (file.source.empty() && is_reserved(file.path, terms_.scheme))
        throw Error(ErrorKind::Refused,
                    fmt::format("cannot install {}: its command {} would replace the environment's own",
                                label(package), quote(fs::path(file.path).filename().native())));
    return out;
  }

  void collect_bytecode(std::size_t index, const StoredBytecode& bytecode) {
    const WantedPackage& package = terms_.request.install[index];
    for (const Placement& placement :
         lay_out_bytecode(package.wheel, package.name, terms_.scheme, bytecode.files)) {
      ArrivingFile file = stored_file(placement, {bytecode.tree, bytecode.packed.get()}, link_mode_);
      file.in_record = file.in_manifest = false;
      file.is_derived = true;
      arrive(std::move(file), index);
    }
  }

  // Remembers the last one to arrive at a path: packages arrive one after the other, so a second file of the
  // same package is noticed, and one of another package makes the path contested.
  void arrive(ArrivingFile file, std::size_t package) {
    file.package = package;
    file.owner = terms_.request.install[package].name.normalized();
    const auto [place, is_new] = last_at_.emplace(file.path, files_.size());
    if (!is_new) {
      const ArrivingFile& other = files_[place->second];
      const bool is_same_package = other.package == package;
      if (is_same_package && file.is_derived) return;  // the wheel brings its own bytecode
      if (is_same_package)
        throw Error(ErrorKind::BadArchive,
                    fmt::format("cannot install {}: it contains {} twice",
                                label(terms_.request.install[package]), quote(file.path)));
      contested_.insert(file.path);
      place->second = files_.size();
    }
    files_.push_back(std::move(file));
  }

  const PlanTerms& terms_;
  const Presence& there_;
  const LinkMode link_mode_;
  std::vector<ArrivingFile> files_;
  std::unordered_map<std::string, std::size_t> last_at_;  // path → index in files_
  std::unordered_set<std::string> contested_;             // paths that several of them have
};

// ---- can it be? ----

[[noreturn]] void refuse_in_the_way(const ArrivingFile& file, const fs::path& place) {
  throw Error(ErrorKind::Refused,
              fmt::format("cannot install {}: {} is in the way, and no installed package owns it", file.owner,
                          quote(place.string())),
              {fmt::format("move it elsewhere, then try again: mv {0} {0}.old", place.string())});
}

// What new files find once everything that leaves is gone. Looks at each folder once.
class Ground {
 public:
  Ground(const fs::path& root, const Departures& departures, const Arrivals& arrivals)
      : root_(root), departures_(departures), arrivals_(arrivals) {}

  // The entry at the path of the file; nullopt: none. Error(Refused) if one of its folders cannot be.
  std::optional<struct stat> entry_at(const ArrivingFile& file) {
    const std::size_t slash = file.path.rfind('/');
    const Folder parent = folder_at(slash == file.path.npos ? "" : file.path.substr(0, slash), file);
    if (parent == Folder::Missing || departures_.covers(file.path)) return std::nullopt;
    return lstat_of(root_ / file.path);
  }

 private:
  enum class Folder { Missing, There };

  Folder folder_at(const std::string& path, const ArrivingFile& on_behalf) {
    if (path.empty()) return Folder::There;
    const auto known = known_.find(path);
    if (known != known_.end()) return known->second;
    if (arrivals_.has(path))
      throw Error(ErrorKind::Refused,
                  fmt::format("cannot install {}: {} would be both a file and a directory", on_behalf.owner,
                              quote(path)));
    const std::size_t slash = path.rfind('/');
    Folder folder = folder_at(slash == path.npos ? "" : path.substr(0, slash), on_behalf);
    if (folder == Folder::There) {
      const auto facts = departures_.covers(path) ? std::nullopt : lstat_of(root_ / path);
      if (facts && !S_ISDIR(facts->st_mode)) refuse_in_the_way(on_behalf, root_ / path);
      if (!facts) folder = Folder::Missing;
    }
    known_.emplace(path, folder);
    return folder;
  }

  const fs::path& root_;
  const Departures& departures_;
  const Arrivals& arrivals_;
  std::unordered_map<std::string, Folder> known_;
};

bool has_contents(const fs::path& place, const struct stat& facts, const std::string& sha256) {
  return S_ISREG(facts.st_mode) && hash_file(place).hex == sha256;
}

void check_arrivals(const PlanTerms& terms, const Arrivals& arrivals, TransactionPlan& plan) {
  Ground ground(terms.root, plan.departures, arrivals);
  std::vector<ArrivingFile> checked;
  checked.reserve(plan.arrivals.size());
  for (ArrivingFile& file : plan.arrivals) {
    const auto there = ground.entry_at(file);
    if (plan.there.staying.count(file.path) != 0 && plan.settled.displaced.count(file.path) == 0) {
      if (there) {
        plan.settled.shared.push_back(std::move(file));
        continue;
      }
    } else if (there) {
      const fs::path place = terms.root / file.path;
      if (S_ISDIR(there->st_mode)) refuse_in_the_way(file, place);
      if (!is_bytecode(file.path) && plan.own_pip.files.count(file.path) == 0 &&
          !has_contents(place, *there, file.sha256))
        refuse_in_the_way(file, place);
      plan.departures.add(file.path);
    }
    checked.push_back(std::move(file));
  }
  plan.arrivals = std::move(checked);
  // RECORDs are made at last: of these only the place is known.
  for (const WantedPackage& package : terms.request.install) {
    if (!has_wheel(package)) continue;
    ArrivingFile record = record_file(package, terms.scheme, {});
    record.owner = package.name.normalized();
    if (const auto there = ground.entry_at(record); there && S_ISDIR(there->st_mode))
      refuse_in_the_way(record, terms.root / record.path);
  }
}

}  // namespace

void warn(const PlanTerms& terms, TransactionPlan& plan, std::string message) {
  terms.reporter.warn(message);
  plan.warnings.push_back(std::move(message));
}

TransactionPlan plan_transaction(const PlanTerms& terms,
                                 const std::vector<std::optional<StoredBytecode>>& bytecode) {
  const TransactionRequest& request = terms.request;
  const bool single_files = needs_single_files(terms.root);
  const LinkMode link_mode = possible_link_mode(request.link_mode, terms.store.layout().root, terms.root);
  TransactionPlan plan{
      .there = read_presence(terms.environment, request, terms.workers, terms.reporter),
      .departures = Departures(terms.root, terms.scheme, single_files),
      .single_files = single_files,
      .parents = ParentFolders(terms.root),
  };
  plan.own_pip = own_pip_of(terms, plan.there.manifest);
  plan.operations = plan_operations(plan.there.installed, request);
  FolderNames leaving = collect_departures(terms, plan);

  Arrivals arrivals(terms, plan.there, link_mode);
  for (std::size_t i = 0; i < request.install.size(); ++i)
    if (has_wheel(request.install[i])) arrivals.collect(i, bytecode[i]);
  for (const auto& [path, file] : plan.own_pip.files)
    if (plan.there.staying.count(path) != 0 || arrivals.has(path)) plan.own_pip.covered.insert(path);
  plan.arrivals = arrivals.take();

  plan.settled = settle_overlaps({request, plan.there, terms.root, terms.scheme, link_mode, terms.store},
                                 arrivals.contested(), plan.arrivals);
  for (std::string& warning : plan.settled.warnings) warn(terms, plan, std::move(warning));
  for (const std::string& path : plan.settled.displaced) leaving.add_file(path);
  plan.departures.plan(leaving);
  check_arrivals(terms, arrivals, plan);
  collect_marked(terms, plan);
  check_staying(terms, plan);
  return plan;
}

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

void refuse_beforehand(const TransactionRequest& request, const Environment& environment) {
  refuse_release(environment.root());
  refuse_shared_import_names(request.install);
}

TransactionPlan plan_dry_run(const TransactionRequest& request, const Environment& environment,
                             const Store& store, Workers& workers) {
  refuse_beforehand(request, environment);
  Reporter silent;
  return plan_transaction({request, environment, store, workers, silent},
                          std::vector<std::optional<StoredBytecode>>(request.install.size()));
}

}  // namespace moat
