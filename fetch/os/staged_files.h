// New contents for several of the user's files, all placed or none: written to temporary files first, then
// swapped with the existing files, and swapped back if a later step fails.
#pragma once

#include "fetch/os/file.h"
#include "resolver/base/reporter.h"

#include <optional>
#include <string>
#include <vector>

namespace moat {

// If destroyed without keep(), every file is restored.
class StagedFiles {
 public:
  // Gets a warning for each file that cannot be restored.
  explicit StagedFiles(Reporter& reporter) : reporter_(reporter) {}
  StagedFiles(const StagedFiles&) = delete;
  StagedFiles& operator=(const StagedFiles&) = delete;
  ~StagedFiles();

  // `before`: the contents that the new text was made from; nullopt: there is no such file. A link stays, and
  // its target is replaced; mode and owner stay. Error(Refused) for a file that may not be written.
  void add(const fs::path& path, std::string_view text, const std::optional<std::string>& before);
  bool empty() const { return files_.empty(); }

  // Error(Refused) if a file has changed since it was added: then none is placed.
  void place();
  void keep();

 private:
  struct File {
    fs::path path, aside;
    std::optional<std::string> before;
    bool placed = false, swapped = false;
  };
  static void place(File& file);
  static void take_back(const File& file);
  Reporter& reporter_;
  std::vector<File> files_;
  bool placed_ = false;
};

// Removes what killed commands staged beside this file. REQUIRES: nobody else stages anything for it now.
void sweep_staged(const fs::path& file) noexcept;

}  // namespace moat
