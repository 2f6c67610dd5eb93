#include "resolver/requirement_line.h"

#include "resolver/base/text.h"
#include "resolver/base/url.h"
#include "resolver/pep/dist_filename.h"

#include <algorithm>
#include <array>
#include <optional>

namespace moat {
namespace {

bool has_scheme(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (text.substr(0, 5) == "file:") return true;
  if (colon == std::string_view::npos || colon == 0) return false;
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char c) { return is_ascii_alnum(c) || c == '+' || c == '-' || c == '.'; });
}

bool is_version_control(std::string_view text) {
  constexpr std::array<std::string_view, 4> kPrefixes = {"git+", "hg+", "svn+", "bzr+"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; });
}

// `location[extras] ; marker`, the marker after " ;", the extras last.
struct Direct {
  std::string_view location;
  std::string_view extras;  // without brackets
  std::string_view marker;
};
Direct take_apart(std::string_view text) {
  Direct out;
  std::size_t semicolon = text.find(" ;");
  if (semicolon == std::string_view::npos && !has_scheme(text)) semicolon = text.find(';');
  if (semicolon != std::string_view::npos) {
    out.marker = trim(text.substr(text.find(';', semicolon) + 1));
    text = trim(text.substr(0, semicolon));
  }
  if (!text.empty() && text.back() == ']') {
    const std::size_t bracket = text.rfind('[');
    if (bracket != std::string_view::npos) {
      out.extras = text.substr(bracket + 1, text.size() - bracket - 2);
      text = trim(text.substr(0, bracket));
    }
  }
  out.location = text;
  return out;
}

bool is_path(std::string_view location) {
  return !location.empty() && (location.front() == '.' || location.find('/') != std::string_view::npos ||
                               (location.size() > 4 && location.substr(location.size() - 4) == ".whl") ||
                               archive_kind(location).has_value());
}

Expected<Url> locate(std::string_view location, std::string_view directory) {
  if (has_scheme(location)) {
    if (location.substr(0, 5) == "file:" && location.substr(0, 6) != "file:/")
      return Url::from_path(std::string(directory) + "/" + percent_decode(location.substr(5)));
    return Url::parse(location);
  }
  const std::string path =
      location.front() == '/' ? std::string(location) : std::string(directory) + "/" + std::string(location);
  // from_path keeps the text; join takes `.` and `..` out of it.
  return Url::from_path("/").join(percent_encode_path(path));
}

Expected<Requirement> direct_requirement(std::string_view text, std::string_view directory) {
  const Direct parts = take_apart(text);
  if (is_version_control(parts.location))
    return parse_error("requirements from version control are not supported yet");
  const Expected<Url> url = locate(parts.location, directory);
  if (!url) return tl::unexpected(url.error());

  const std::string filename = url->last_segment();
  if (filename.size() <= 4 || filename.compare(filename.size() - 4, 4, ".whl") != 0)
    return parse_error("only wheels can be installed from a path or URL: moat cannot build source yet");
  const Expected<WheelFilename> wheel = WheelFilename::parse(filename);
  if (!wheel) return parse_error(quote(filename) + " is not the name of a wheel: " + wheel.error().message);

  std::string spelled = wheel->name.display();
  if (!parts.extras.empty()) spelled += "[" + std::string(parts.extras) + "]";
  spelled += " @ " + url->to_string();
  if (!parts.marker.empty()) spelled += " ; " + std::string(parts.marker);
  return Requirement::parse(spelled);
}

}  // namespace

Expected<Requirement> parse_requirement_line(std::string_view text, std::string_view directory) {
  text = trim(text);
  const Direct parts = take_apart(text);
  const bool named_url = parts.location.find('@') != std::string_view::npos && !has_scheme(parts.location) &&
                         parts.location.front() != '.' && parts.location.front() != '/';
  if (!named_url &&
      (is_version_control(parts.location) || has_scheme(parts.location) || is_path(parts.location)))
    return direct_requirement(text, directory);

  Expected<Requirement> requirement = Requirement::parse(text);
  if (!requirement || !requirement->url) return requirement;
  if (is_version_control(*requirement->url))
    return parse_error("requirements from version control are not supported yet");
  const Expected<Url> url = locate(*requirement->url, directory);
  if (!url) return tl::unexpected(url.error());
  requirement->url = url->to_string();
  const std::string filename = url->last_segment();
  const Expected<WheelFilename> wheel = WheelFilename::parse(filename);
  if (!wheel)
    return parse_error("only wheels can be installed from a URL: " + quote(filename) + ": " +
                       wheel.error().message);
  if (wheel->name != requirement->name)
    return parse_error("the URL is of " + quote(wheel->name.display()) + ", not of " +
                       quote(requirement->name.display()));
  return requirement;
}

}  // namespace moat
