#include "envs/place/plain_folder.h"

#include "envs/journal/file_plan.h"
#include "envs/place/overlaps.h"
#include "envs/place/owned_files.h"
#include "envs/place/staging.h"
#include "envs/place/wheel_files.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/pep/record.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace moat {
namespace {

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

bool is_real_directory(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() == fs::file_type::directory;
}

// ---- what comes ----

class IncomingFiles {
 public:
  explicit IncomingFiles(const FolderRequest& request) : request_(request) {}

  std::vector<ArrivingFile> collect() {
    for (std::size_t i = 0; i < request_.install.size(); ++i) collect(i);
    leave_out_losers();
    for (std::size_t i = 0; i < request_.install.size(); ++i) add_record(i);
    return std::move(files_);
  }
  std::vector<std::string> warnings() const { return report_.sentences(); }

 private:
  void collect(std::size_t index) {
    const WantedPackage& package = request_.install[index];
    const LinkMode mode =
        possible_link_mode(request_.link_mode, package.wheel.tree, request_.root.parent_path());
    for (ArrivingFile& file : wheel_files(package, request_.scheme, mode, request_.python))
      add(std::move(file), index);
    for (ArrivingFile& file : installer_files(package, request_.scheme, package.requested))
      add(std::move(file), index);
  }

  void add_record(std::size_t index) {
    std::vector<RecordEntry> rows;
    for (const std::vector<ArrivingFile>* const files : {&files_, &shared_})
      for (const ArrivingFile& file : *files)
        if (file.package == index)
          rows.push_back(record_row(file.path, file.sha256, file.size, request_.scheme));
    ArrivingFile file = record_file(request_.install[index], request_.scheme, std::move(rows));
    file.package = index;
    files_.push_back(std::move(file));
  }

  void add(ArrivingFile file, std::size_t index) {
    file.package = index;
    file.owner = request_.install[index].name.normalized();
    by_path_[file.path].push_back(files_.size());
    files_.push_back(std::move(file));
  }

  // The same files win as in an environment.
  void leave_out_losers() {
    std::set<std::size_t> lost, same;
    for (auto& [path, files] : by_path_) {
      if (files.size() == 1) continue;
      std::sort(files.begin(), files.end(),
                [&](std::size_t a, std::size_t b) { return wins_over(claim(a), claim(b)); });
      const ArrivingFile& winner = files_[files.front()];
      for (auto other = files.begin() + 1; other != files.end(); ++other) {
        const bool differs = files_[*other].sha256 != winner.sha256;
        (differs ? lost : same).insert(*other);
        if (differs) tell(winner, files_[*other]);
      }
    }
    std::vector<ArrivingFile> rest;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      if (same.count(i) != 0) shared_.push_back(std::move(files_[i]));
      if (same.count(i) == 0 && lost.count(i) == 0) rest.push_back(std::move(files_[i]));
    }
    files_ = std::move(rest);
  }

  PathClaim claim(std::size_t index) const {
    const ArrivingFile& file = files_[index];
    return {.owner = file.owner, .requested = request_.install[file.package].requested};
  }

  void tell(const ArrivingFile& winner, const ArrivingFile& loser) {
    const std::string of_winner = label(request_.install[winner.package]),
                      of_loser = label(request_.install[loser.package]);
    if (request_.strict_files) throw different_contents(of_loser, of_winner, loser.path);
    const auto declares = [](const ArrivingFile& file) {
      return declares_only_a_namespace(contents_of(file));
    };
    if (fs::path(loser.path).filename() != "__init__.py" || !declares(winner) || !declares(loser))
      report_.add(of_winner, of_loser, loser.path);
  }

  const FolderRequest& request_;
  std::vector<ArrivingFile> files_;
  std::vector<ArrivingFile> shared_;                         // the same as a file of another package
  std::map<std::string, std::vector<std::size_t>> by_path_;  // → indexes in files_
  OverlapReport report_;
};

// ---- can it be? ----

bool stays_inside(const fs::path& root, const fs::path& folder) {
  std::error_code error;
  const std::string real = fs::weakly_canonical(folder, error).native();
  const std::string top = fs::weakly_canonical(root, error).native();
  return !error && (real == top || real.substr(0, top.size() + 1) == top + "/");
}

[[noreturn]] void refuse(const fs::path& place, std::string_view why) {
  throw Error(ErrorKind::Refused, fmt::format("cannot install here: {} {}", quote(place.native()), why),
              {fmt::format("move it elsewhere, then try again: mv {0} {0}.old", place.native())});
}

// How a new entry finds its place: nothing is there, both are folders, or it replaces what is there.
enum class Meeting { Free, Merge, Replace };

Meeting meet(const fs::path& root, const fs::path& place, bool is_folder) {
  if (!is_there(place)) return Meeting::Free;
  if (is_folder && fs::is_directory(place)) {
    if (!stays_inside(root, place)) refuse(place, "leads out of the folder");
    return Meeting::Merge;
  }
  if (is_folder != is_real_directory(place)) refuse(place, "is in the way");
  return Meeting::Replace;
}

// As the entries will be brought in, and in that order, so that the same one is refused.
class MeetingCheck {
 public:
  MeetingCheck(const fs::path& root, const std::vector<std::string>& outs)
      : root_(root), outs_(outs.begin(), outs.end()) {}

  // `path`: the folder of these names, relative to the root.
  void check(const FolderNames& names, const std::string& path) const {
    std::map<std::string_view, const FolderNames*> entries;  // nullptr: a file
    for (const auto& [name, below] : names.folders) entries.emplace(name, &below);
    for (const std::string& name : names.files) entries.emplace(name, nullptr);
    for (const auto& [name, below] : entries) {
      const std::string place = path.empty() ? std::string(name) : fmt::format("{}/{}", path, name);
      if (outs_.count(place) != 0) continue;
      if (meet(root_, root_ / place, below != nullptr) == Meeting::Merge) check(*below, place);
    }
  }

 private:
  const fs::path& root_;
  std::set<std::string> outs_;
};

// ---- files that are removed first ----

// The files of other versions.
class Replaced {
 public:
  Replaced(const FolderRequest& request, FolderPlan& plan)
      : request_(request), root_(request.root), plan_(plan) {}

  void collect(const InstalledDistributions& installed) {
    for (const WantedPackage& package : request_.install) {
      const InstalledDistribution* there = installed.find(package.name);
      if (there == nullptr || !there->has_record) continue;
      // "./foo.py" where modules lie in the root itself
      for (const OwnedFile& file : owned_files(*there, root_, request_.scheme).files)
        take_out(fs::path(file.path).lexically_normal().native());
      // Files that were added to it without a row.
      std::error_code ignored;
      for (fs::directory_iterator i(there->info, ignored), end; !ignored && i != end; i.increment(ignored))
        take_out(i->path().lexically_relative(root_).string());
    }
  }

 private:
  void take_out(const std::string& path) {
    const fs::path place = root_ / path;
    if (!is_there(place) || is_real_directory(place) || !stays_inside(root_, place.parent_path())) return;
    if (!add(path)) return;
    for (fs::path folder = place.parent_path(); folder != root_; folder = folder.parent_path())
      plan_.emptied.insert(folder);
    if (place.extension() == ".py") take_out_bytecode(place);
  }

  void take_out_bytecode(const fs::path& source) {
    const fs::path cache = source.parent_path() / "__pycache__";
    const std::string stem = source.stem().string() + ".";
    std::error_code ignored;
    for (fs::directory_iterator i(cache, ignored), end; !ignored && i != end; i.increment(ignored))
      if (i->path().filename().string().substr(0, stem.size()) == stem)
        add(i->path().lexically_relative(root_).string());
    plan_.emptied.insert(cache);
  }

  bool add(const std::string& path) {
    const bool is_new = known_.insert(path).second;
    if (is_new) plan_.outs.push_back(path);
    return is_new;
  }

  const FolderRequest& request_;
  const fs::path& root_;
  FolderPlan& plan_;
  std::set<std::string> known_;
};

// Existing files stay; returns what they are.
std::vector<std::string> leave_out_what_is_there(const FolderRequest& request,
                                                 const InstalledDistributions& installed,
                                                 std::vector<ArrivingFile>& files) {
  std::set<std::string> kept;
  const auto in_the_way = [&](const ArrivingFile& file) -> std::string {
    const WantedPackage& package = request.install[file.package];
    if (const InstalledDistribution* there = installed.find(package.name))
      return there->info.filename().string();
    const bool is_module = file.path.substr(0, file.path.find('/')) != request.scheme.scripts;
    const std::string entry = is_module ? file.path.substr(0, file.path.find('/')) : file.path;
    return is_there(request.root / entry) ? entry : "";
  };
  std::erase_if(files, [&](const ArrivingFile& file) {
    const std::string entry = in_the_way(file);
    if (!entry.empty()) kept.insert(entry);
    return !entry.empty();
  });
  return {kept.begin(), kept.end()};
}

// ---- how it gets there ----

// Renames that can be taken back.
class Renames {
 public:
  Renames() = default;
  Renames(const Renames&) = delete;
  Renames& operator=(const Renames&) = delete;
  ~Renames() {
    if (done_) return;
    for (auto move = moves_.rbegin(); move != moves_.rend(); ++move) {
      std::error_code ignored;
      fs::rename(move->second, move->first, ignored);
    }
  }
  void rename(const fs::path& from, const fs::path& to) {
    rename_over(from, to);
    moves_.emplace_back(from, to);
  }
  void keep() { done_ = true; }

 private:
  std::vector<std::pair<fs::path, fs::path>> moves_;
  bool done_ = false;
};

class Placing {
 public:
  Placing(const FolderPlan& plan, const fs::path& root) : plan_(plan), root_(root) {}

  void run(Workers& workers) {
    make_directories(root_.parent_path());
    temp_.emplace(root_.parent_path(), ".moat-new");
    const fs::path stage = temp_->path() / "new";
    make_directories(stage);
    stage_files(plan_.files, stage, workers);
    if (!is_there(root_) && rename_if_absent(stage, root_)) return;
    for (const std::string& path : plan_.outs) move_aside(path);
    bring_in(stage, root_);
    renames_.keep();
    // Those that are empty now. What is a link to a folder, or a new file in its place, stays.
    for (auto folder = plan_.emptied.rbegin(); folder != plan_.emptied.rend(); ++folder)
      ::rmdir(folder->c_str());
  }

 private:
  void move_aside(const std::string& path) {
    if (!is_there(root_ / path)) return;
    const fs::path to = temp_->path() / "old" / path;
    make_directories(to.parent_path());
    renames_.rename(root_ / path, to);
  }

  // Moves an entry whose destination is missing as a whole, merges two folders, and replaces a file.
  void bring_in(const fs::path& from, const fs::path& to) {
    std::vector<fs::path> entries;
    for (const fs::directory_entry& entry : fs::directory_iterator(from)) entries.push_back(entry.path());
    std::sort(entries.begin(), entries.end());
    for (const fs::path& entry : entries) {
      const fs::path place = to / entry.filename();
      const Meeting meeting = meet(root_, place, is_real_directory(entry));
      if (meeting == Meeting::Merge) {
        bring_in(entry, place);
        continue;
      }
      if (meeting == Meeting::Replace) move_aside(place.lexically_relative(root_).string());
      renames_.rename(entry, place);
    }
  }

  const FolderPlan& plan_;
  const fs::path& root_;
  std::optional<TempDir> temp_;
  Renames renames_;  // after temp_, so that it is taken back while that is still there
};

}  // namespace

FolderPlan plan_folder(const FolderRequest& request) {
  FolderPlan plan;
  IncomingFiles arrivals(request);
  plan.files = arrivals.collect();
  plan.result.warnings = arrivals.warnings();
  if (!is_there(request.root)) return plan;
  if (!fs::is_directory(request.root))
    throw Error(ErrorKind::Refused,
                fmt::format("{} exists and is not a folder", quote(request.root.native())));
  const InstalledDistributions installed = installed_in_folder(request.root, request.scheme);
  if (request.keep) plan.result.kept = leave_out_what_is_there(request, installed, plan.files);
  if (plan.files.empty()) return plan;
  if (!request.keep) Replaced(request, plan).collect(installed);
  FolderNames names;
  for (const ArrivingFile& file : plan.files) names.add_file(file.path);
  MeetingCheck(request.root, plan.outs).check(names, "");
  return plan;
}

FolderResult place_in_folder(const FolderRequest& request, Workers& workers) {
  FolderPlan plan = plan_folder(request);
  if (!plan.files.empty()) Placing(plan, request.root).run(workers);
  return std::move(plan.result);
}

InstalledDistributions installed_in_folder(const fs::path& root, const Scheme& scheme) {
  return InstalledDistributions::read(root / scheme.purelib);
}

Scheme target_scheme() {
  return {.purelib = "", .platlib = "", .scripts = "bin", .data = "", .headers = "include"};
}

}  // namespace moat
