// New contents for several files of the user's, all placed or none: written aside first, then swapped with
// what is there, and swapped back where a later step fails.
#pragma once

#include "fetch/os/file.h"
#include "resolver/base/reporter.h"

#include <optional>
#include <string>
#include <vector>

namespace moat {

// Destroyed without keep(): every file is again the one it was.
class StagedFiles {
 public:
  // Is warned of what cannot be put back.
  explicit StagedFiles(Reporter& reporter) : reporter_(reporter) {}
  StagedFiles(const StagedFiles&) = delete;
  StagedFiles& operator=(const StagedFiles&) = delete;
  ~StagedFiles();

  // `before`: what the new text was made from; nullopt: there is no such file. A link stays, and the file it
  // leads to is replaced; mode and owner stay. Error(Refused) for a file that may not be written.
  void add(const fs::path& path, std::string_view text, const std::optional<std::string>& before);
  bool empty() const { return files_.empty(); }

  // Error(Refused) where one of them is not what it was when it was added: then none is placed.
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
