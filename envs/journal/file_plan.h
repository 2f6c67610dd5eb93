// Plans the renames that move old files out of an environment and new ones in. A directory that holds nothing
// else is moved whole, so that a package of thousands of files costs one rename each way; in shared
// directories files are moved one by one.
#pragma once

#include "envs/journal/change.h"
#include "envs/journal/scheme.h"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace moat {

// A tree of names.
struct FolderNames {
  std::map<std::string, FolderNames, std::less<>> folders;
  std::set<std::string, std::less<>> files;
  bool everything = false;  // whatever lies in it, at any depth

  void add_file(std::string_view path);
  void add_everything(std::string_view path);
};

// The files to remove. The bytecode of a removed source is found and removed with it.
class Departures {
 public:
  Departures(std::filesystem::path environment, const Scheme& scheme, bool single_files)
      : environment_(std::move(environment)), scheme_(scheme), single_files_(single_files) {}

  // `names` are relative to the environment; missing ones are ignored. Reads their directories.
  void plan(const FolderNames& names);
  void add(const std::string& path);  // one more file

  const std::vector<std::string>& paths() const { return paths_; }      // files and whole directories
  const std::vector<std::string>& emptied() const { return emptied_; }  // where single files move
  // Will the path be free, or only hold new files?
  bool covers(std::string_view path) const;

 private:
  bool visit(const FolderNames& names, const std::string& path, bool everything, const FolderNames* sources,
             std::vector<std::string>& out);
  bool is_permanent(std::string_view path) const;

  std::filesystem::path environment_;
  Scheme scheme_;
  bool single_files_;
  std::vector<std::string> paths_;
  std::vector<std::string> emptied_;
  std::unordered_set<std::string> covered_;
};

// The moves of a change, those out before those in. `arriving`: everything in the stage, by its later path.
std::vector<Move> plan_moves(const Departures& departures, const FolderNames& arriving,
                             const std::filesystem::path& environment, bool single_files,
                             const Change& change);

// On overlayfs a directory of a lower layer cannot be renamed (EXDEV), a file can: there single files move.
bool needs_single_files(const std::filesystem::path& environment);

}  // namespace moat
