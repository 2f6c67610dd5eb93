// Several packages with a file of the same path: whose bytes are placed, and how it is reported. Pure.
#pragma once

#include "resolver/base/error.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace moat {

// One package's file at the path.
struct PathClaim {
  std::string owner;       // normalised name
  bool requested = false;  // the owner was asked for by name
  std::string sha256;
  std::uint64_t size = 0;
  unsigned mode = 0;
};

// Do the bytes of `a` win over those of `b`? Packages asked for by name win over dependencies, then the later
// name: the same packages give the same environment in any order.
inline bool wins_over(const PathClaim& a, const PathClaim& b) {
  return std::tie(a.requested, a.owner) > std::tie(b.requested, b.owner);
}

// An `__init__.py` that is empty or only declares a namespace package (pkgutil, pkg_resources): whichever of
// several such files is placed, each of the packages works.
bool declares_only_a_namespace(std::string_view source);

// Error(Refused) of --strict-files; `a`, `b`: "foo 1.0".
Error different_contents(const std::string& a, const std::string& b, const std::string& path);

// Which files of which packages differ: one sentence for each pair.
class OverlapReport {
 public:
  void add(const std::string& winner, const std::string& loser, const std::string& path) {
    paths_[{winner, loser}].insert(path);
  }
  // "a 1 and b 2 both bring `x` and 2 more files, with different contents; those of b 2 are in place".
  std::vector<std::string> sentences() const;

 private:
  std::map<std::pair<std::string, std::string>, std::set<std::string>> paths_;
};

}  // namespace moat
