#include "cli/pip/frozen.h"

#include "envs/place/direct_url.h"

#include <fmt/format.h>

namespace moat {

std::string name_and_version(const InstalledDistribution& distribution) {
  return fmt::format("{}=={}", distribution.name.display(), distribution.version.to_string());
}

std::string frozen_requirement(const InstalledDistribution& distribution) {
  const auto from = distribution.direct_url ? DirectUrl::parse(*distribution.direct_url) : std::nullopt;
  if (!from) return name_and_version(distribution);
  const std::string line = frozen_line(distribution.name, *from);
  return from->editable ? fmt::format("# Editable install with no version control ({})\n{}",
                                      name_and_version(distribution), line)
                        : line;
}

}  // namespace moat
