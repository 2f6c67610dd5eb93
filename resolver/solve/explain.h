// A Conflict told in sentences that name the user's own lines.
#pragma once

#include "resolver/solve/resolution.h"
#include "resolver/solve/target.h"

#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct Explanation {
  std::string headline;            // "no set of versions meets your requirements"
  std::vector<std::string> lines;  // the tree, indented by cli
  std::vector<std::string> hints;
};

// A requirement as people write it: numpy >=2.1,<3
std::string told(const Requirement& requirement);

// An Origin's text for what was asked for before this run: "asked for earlier by `moat install flask<3`".
std::string asked_earlier(std::string_view by);

// The kind of a lack as scripts see it, stable: "unknown_project", "no_usable_file", …
std::string_view to_string(MissingCandidates lack);

Explanation explain(const Conflict& conflict, const Target& target);

}  // namespace moat
