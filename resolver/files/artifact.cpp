#include "resolver/files/artifact.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace moat {

std::string calendar_day(UnixTime moment) {
  const std::chrono::year_month_day day(
      std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(moment))));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

const Digest* Artifact::strongest_digest() const {
  const auto best = std::max_element(digests.begin(), digests.end(), [](const Digest& a, const Digest& b) {
    return a.strength() < b.strength();
  });
  return best == digests.end() ? nullptr : &*best;
}

}  // namespace moat
