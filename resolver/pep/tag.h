// Compatibility tags (PEP 425, 600, 656, 703, 803; platform compatibility tags specification).
#pragma once

#include "resolver/base/error.h"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moat {

// e.g. cp311-abi3-manylinux_2_17_x86_64; lower case.
struct Tag {
  std::string python;
  std::string abi;
  std::string platform;

  std::string to_string() const { return python + "-" + abi + "-" + platform; }
  friend auto operator<=>(const Tag&, const Tag&) = default;
};

// "py2.py3-none-any" is two tags. Fails on other than three components, empty parts, or more than 10,000
// tags.
Expected<std::vector<Tag>> parse_tags(std::string_view compressed);

// The inputs that decide an interpreter's tags, all as values.
struct TagTarget {
  std::string implementation = "cpython";  // sys.implementation.name
  unsigned major = 3;
  unsigned minor = 0;
  bool free_threaded = false;   // cp313t
  bool debug = false;           // cp311d
  std::string interpreter_abi;  // for others than CPython: "pypy39_pp73"; empty: derived where it can be
  std::vector<std::string> platforms;  // best first: linux_x86_64, manylinux_2_36_x86_64, …
};

// Is a glibc level supported? Answered by a `_manylinux` module if there is one.
using ManylinuxVerdict = std::function<bool(unsigned major, unsigned minor)>;

// Platform tags of a Linux with this libc, best first: linux_<arch>, then manylinux_2_N down with the legacy
// aliases (as far as `allowed`), or musllinux_1_N down.
enum class Libc { Glibc, Musl };
std::vector<std::string> linux_platforms(std::string_view arch, Libc libc, unsigned libc_major,
                                         unsigned libc_minor, const ManylinuxVerdict& allowed = {});
std::vector<std::string> macos_platforms(std::string_view arch, unsigned major, unsigned minor);
// The platforms a named foreign target serves ("manylinux_2_28_x86_64", "macosx_11_0_arm64", "win_amd64",
// "linux-x86_64"), without consulting the host.
Expected<std::vector<std::string>> platforms_of(std::string_view platform_or_target);

// All tags an interpreter accepts, best first.
std::vector<Tag> compatible_tags(const TagTarget& target);

// The same as a look-up: 0 is best. Immutable value; building costs one hash insert a tag (about 1,000), a
// copy next to nothing.
class TagSet {
 public:
  TagSet() = default;
  explicit TagSet(std::vector<Tag> best_first);
  // For a target of which nothing is known: every tag, none better than another.
  static TagSet anything();

  const std::vector<Tag>& tags() const { return all_->tags; }
  std::optional<std::size_t> rank(const Tag& tag) const;
  // Best rank over several; nullopt where none is compatible.
  std::optional<std::size_t> rank(std::span<const Tag> tags) const;

 private:
  struct All {
    std::vector<Tag> tags;
    std::unordered_map<std::string, std::size_t> ranks;
  };
  static const std::shared_ptr<const All>& none();

  std::shared_ptr<const All> all_ = none();
  bool anything_ = false;
};

}  // namespace moat
