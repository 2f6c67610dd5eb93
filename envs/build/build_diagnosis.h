// What a failed build most likely lacks, judging by its output. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct BuildFacts {
  unsigned python_minor = 0;  // of 3.X
  bool isolated = true;
  bool network = false;                            // was it let out?
  std::map<std::string, std::string> hidden = {};  // programs of the user's that it did not see: name → path
};

// Hints, the likeliest first, at most three; each names what is missing and a command that helps:
// "it needs the header libpq-fe.h: `apt install libpq-dev` (Debian, Ubuntu)".
std::vector<std::string> diagnose_build(std::string_view output, const BuildFacts& facts);

}  // namespace moat
