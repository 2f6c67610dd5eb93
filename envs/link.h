// How a file of the store comes to lie in an environment.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace moat {

// Auto clones where the file system can, else copies: nothing is shared unless asked for.
enum class LinkMode { Auto, Clone, Copy, Hardlink, Symlink };
std::optional<LinkMode> parse_link_mode(std::string_view text);  // "auto", "clone", …

// As throw_errno, of a file in an open directory.
[[noreturn]] void throw_errno_in(std::string_view doing, int directory, const char* name, int error_number);

// Places files; remembers per instance whether cloning works, and copies of it remember with it. One thread
// at a time (one instance a worker).
class Linker {
 public:
  explicit Linker(LinkMode mode) : mode_(mode) {}
  // `to` is below `to_directory` (an open directory) and must not exist. Clones and copies get the mode, less
  // the umask, and the mtime; links have those of the store. `from` is absolute. Error(Disk).
  void place(const std::filesystem::path& from, int to_directory, const char* to, unsigned mode,
             std::int64_t mtime);

 private:
  bool clone(int from, int to, const std::filesystem::path& source);
  LinkMode mode_;
  bool clone_works_ = true;
};

}  // namespace moat
