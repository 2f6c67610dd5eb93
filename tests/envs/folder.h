// Small vocabulary for tests about files: a folder with given contents, and what a folder holds, as a value.
#pragma once

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace moat::test {

// A directory of its own, gone at the end of the test. In memory where that can be had: what is tested syncs
// a lot.
class Folder {
 public:
  Folder() {
    std::string name = "/dev/shm/moat-test-XXXXXX";
    if (!mkdtemp(name.data())) {
      name = (std::filesystem::temp_directory_path() / "moat-test-XXXXXX").string();
      if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
    }
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  bool has(const std::string& name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(path_ / name));
  }
  // Makes the directories on the way.
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path path_;
};

// Path → what lies there: mode and contents of files, targets of links, "directory". Nothing below `except`.
inline std::map<std::string, std::string> contents(const std::filesystem::path& root,
                                                   const std::string& except = ".moat") {
  std::map<std::string, std::string> out;
  std::filesystem::recursive_directory_iterator end;
  for (std::filesystem::recursive_directory_iterator i(root); i != end; ++i) {
    const std::string name = std::filesystem::relative(i->path(), root).string();
    if (name == except) {
      i.disable_recursion_pending();
      continue;
    }
    if (i->is_symlink()) {
      out[name] = "-> " + std::filesystem::read_symlink(i->path()).string();
    } else if (i->is_directory()) {
      out[name] = "directory";
    } else {
      struct stat facts {};
      ::lstat(i->path().c_str(), &facts);
      std::ifstream in(i->path(), std::ios::binary);
      std::ostringstream text;
      text << std::oct << (facts.st_mode & 07777U) << " " << in.rdbuf();
      out[name] = text.str();
    }
  }
  return out;
}

}  // namespace moat::test
