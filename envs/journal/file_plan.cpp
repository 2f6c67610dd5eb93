#include "envs/journal/file_plan.h"

#include "fetch/os/file.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>

namespace moat {

namespace {

constexpr std::string_view kCache = "__pycache__";

std::string join(const std::string& folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  std::string out;
  out.reserve(folder.size() + 1 + name.size());
  return out.append(folder).append("/").append(name);
}

bool is_bytecode_name(std::string_view name) {
  return name.size() > 4 && name.substr(name.size() - 4) == ".pyc";
}

// bar.cpython-311.pyc, bar.cpython-311.opt-1.pyc and the old-fashioned bar.pyc belong to bar.py.
bool is_bytecode_of_one(std::string_view name, const FolderNames& sources) {
  if (!is_bytecode_name(name)) return false;
  for (std::size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1))
    if (sources.files.count(std::string(name.substr(0, dot)) + ".py") != 0) return true;
  return false;
}

bool is_real_directory(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() == fs::file_type::directory;
}

class IncomingMoves {
 public:
  IncomingMoves(const Departures& departures, const fs::path& environment, bool single_files,
                const Change& change)
      : departures_(departures),
        environment_(environment),
        single_files_(single_files),
        stage_(change.stage_relative()) {}

  void visit(const FolderNames& names, const std::string& path, bool exists) {
    for (const std::string& file : names.files) bring(join(path, file));
    for (const auto& [name, below] : names.folders) {
      const std::string folder = join(path, name);
      const bool there = exists && is_real_directory(environment_ / folder) && !departures_.covers(folder);
      if (!there && !single_files_) {
        bring(folder);
        continue;
      }
      if (!there) directories.push_back({Move::Kind::MakeDirectory, folder, {}});
      visit(below, folder, there);
    }
  }

  std::vector<Move> directories, ins;

 private:
  void bring(const std::string& path) { ins.push_back({Move::Kind::In, join(stage_, path), path}); }

  const Departures& departures_;
  const fs::path& environment_;
  bool single_files_;
  std::string stage_;
};

FolderNames& walk_to(FolderNames& top, std::string_view path) {
  FolderNames* folder = &top;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    auto found = folder->folders.find(name);
    if (found == folder->folders.end())
      found = folder->folders.emplace(std::string(name), FolderNames()).first;
    folder = &found->second;
    path = slash == path.npos ? std::string_view() : path.substr(slash + 1);
  }
  return *folder;
}

}  // namespace

void FolderNames::add_file(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  FolderNames& folder = slash == path.npos ? *this : walk_to(*this, path.substr(0, slash));
  folder.files.emplace(slash == path.npos ? path : path.substr(slash + 1));
}

void FolderNames::add_everything(std::string_view path) { walk_to(*this, path).everything = true; }

// Directories that stay even when they are empty: those a new environment has.
bool Departures::is_permanent(std::string_view path) const {
  for (const std::string_view own : {std::string_view(scheme_.purelib), std::string_view(scheme_.platlib),
                                     std::string_view(scheme_.scripts)})
    if (own.substr(0, path.size()) == path && (own.size() == path.size() || own[path.size()] == '/'))
      return true;
  return path == "include";
}

// Returns true if everything in the directory is removed. `sources`: for a __pycache__, the files that are
// removed from its parent directory.
bool Departures::visit(const FolderNames& names, const std::string& path, bool everything,
                       const FolderNames* sources, std::vector<std::string>& out) {
  static const FolderNames kNothing;
  bool all = true;
  for (const fs::directory_entry& entry : fs::directory_iterator(environment_ / path)) {
    const std::string name = entry.path().filename().string();
    const std::string child = join(path, name);
    if (!entry.is_symlink() && entry.is_directory()) {
      const auto found = names.folders.find(name);
      if (found == names.folders.end() && !everything && name != kCache) {
        all = false;
        continue;
      }
      const FolderNames& below = found == names.folders.end() ? kNothing : found->second;
      std::vector<std::string> parts;
      const bool goes =
          visit(below, child, everything || below.everything, name == kCache ? &names : nullptr, parts) &&
          !is_permanent(child);
      if (goes && !single_files_) parts = {child};
      if (goes && single_files_) emptied_.push_back(child);  // children come before their parents
      out.insert(out.end(), parts.begin(), parts.end());
      all = all && goes;
    } else if (everything || names.files.count(name) != 0 ||
               is_bytecode_of_one(name, sources ? *sources : names)) {
      out.push_back(child);
    } else {
      all = false;
    }
  }
  return all;
}

void Departures::plan(const FolderNames& names) {
  if (names.folders.empty() && names.files.empty()) return;
  visit(names, "", false, nullptr, paths_);
  covered_.insert(paths_.begin(), paths_.end());
  covered_.insert(emptied_.begin(), emptied_.end());
}

void Departures::add(const std::string& path) {
  if (covered_.insert(path).second) paths_.push_back(path);
}

bool Departures::covers(std::string_view path) const {
  for (std::string part(path); !covered_.empty();) {
    if (covered_.count(part) != 0) return true;
    const std::size_t slash = part.rfind('/');
    if (slash == part.npos) break;
    part.resize(slash);
  }
  return false;
}

std::vector<Move> plan_moves(const Departures& departures, const FolderNames& arriving,
                             const fs::path& environment, bool single_files, const Change& change) {
  std::vector<Move> out;
  for (const std::string& path : departures.paths())
    out.push_back({Move::Kind::Out, path, join(change.history_relative(), path)});
  for (const std::string& path : departures.emptied()) out.push_back({Move::Kind::RemoveDirectory, path, {}});
  IncomingMoves arrivals(departures, environment, single_files, change);
  arrivals.visit(arriving, "", true);
  out.insert(out.end(), arrivals.directories.begin(), arrivals.directories.end());
  out.insert(out.end(), arrivals.ins.begin(), arrivals.ins.end());
  return out;
}

bool needs_single_files(const fs::path& environment) {
  struct statfs facts {};
  if (::statfs(environment.c_str(), &facts) != 0)
    throw_errno("look at the file system of", environment, errno);
  return static_cast<unsigned long>(facts.f_type) == static_cast<unsigned long>(OVERLAYFS_SUPER_MAGIC);
}

}  // namespace moat
