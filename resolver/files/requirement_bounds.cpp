#include "resolver/files/requirement_bounds.h"

#include <fmt/format.h>

#include <utility>

namespace moat {

std::string bound(const Version& version, Bounds bounds) {
  std::string text = version.to_string();
  text = text.substr(0, text.find('+'));
  switch (bounds) {
    case Bounds::Lower:
      return ">=" + text;
    case Bounds::Exact:
      return "==" + text;
    case Bounds::Compatible: {
      const std::string epoch = version.epoch().is_zero() ? "" : version.epoch().to_string() + "!";
      const bool is_early = version.release_at(0).is_zero();
      return fmt::format(">={},<{}{}{}", text, epoch, is_early ? "0." : "",
                         version.release_at(is_early ? 1 : 0).next().to_string());
    }
    case Bounds::None:
      return "";
  }
  return "";
}

std::string with_bound(Requirement requirement, const std::string& bound) {
  const std::optional<Marker> marker = std::exchange(requirement.marker, std::nullopt);
  return requirement.to_string() + bound + (marker ? "; " + marker->to_string() : "");
}

Requirement joined_with(Requirement wanted, const std::optional<std::string>& there) {
  if (!there) return wanted;
  const Expected<Requirement> before = Requirement::parse(*there);
  if (!before || wanted.url) return wanted;
  wanted.extras.insert(before->extras.begin(), before->extras.end());
  if (wanted.specifier.empty() && !before->url) wanted.specifier = before->specifier;
  return wanted;
}

}  // namespace moat
