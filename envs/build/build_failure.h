// How a failed build is reported: a sentence, the end of the backend's output, likely missing things, and the
// path of the full log.
#pragma once

#include "envs/build/build_diagnosis.h"
#include "fetch/store/store.h"
#include "resolver/base/error.h"
#include "resolver/base/reporter.h"

#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct BuildFailure {
  std::string label;   // of the tree
  std::string reason;  // a clause
  std::string output;
  std::vector<std::string> hints = {};  // besides those that the output gives
};

// The last lines of an output, made printable: no control characters, no bytes that are not text, long lines
// cut. If lines are left out, the first says how many. Pure.
std::vector<std::string> last_lines(std::string_view output, std::size_t most);

// Error(Build). The whole output goes into the store's logs/, and to the reporter as notes.
Error build_error(const BuildFailure& failure, const BuildFacts& facts, const Store& store,
                  Reporter& reporter);

}  // namespace moat
