#include "resolver/base/nearest.h"

#include <algorithm>
#include <cstddef>

namespace moat {
namespace {

// Damerau-Levenshtein distance (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::optional<std::string> nearest_name(std::string_view typed, const std::vector<std::string>& names,
                                        std::size_t at_most) {
  std::optional<std::string> best;
  std::size_t least = 0;
  for (const std::string& name : names) {
    // A partly typed word counts as meant: `--upgrade-pack`.
    const bool begins =
        typed.size() >= 3 && name.size() > typed.size() && name.substr(0, typed.size()) == typed;
    const std::size_t apart = begins ? 1 : distance(typed, name);
    const std::size_t allowed =
        std::min(at_most, std::max<std::size_t>(1, std::max(typed.size(), name.size()) / 3));
    if (apart > allowed || (best && apart >= least)) continue;
    best = name;
    least = apart;
  }
  return best;
}

}  // namespace moat
