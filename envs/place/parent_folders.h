// The parent folders of a file in an environment.
#pragma once

#include <filesystem>
#include <string>
#include <unordered_map>
#include <utility>

namespace moat {

enum class Way {
  Real,     // all of them are folders
  Linked,   // one is a link: files behind it were not placed there (a checkout, say)
  Missing,  // one does not exist, or is a file
};

// Looks at each folder once. Not for several threads.
class ParentFolders {
 public:
  explicit ParentFolders(std::filesystem::path root) : root_(std::move(root)) {}

  // `path` is relative to the root, which counts as real. The path itself is not examined.
  Way to(const std::string& path);

 private:
  std::filesystem::path root_;
  std::unordered_map<std::string, Way> known_;
};

}  // namespace moat
