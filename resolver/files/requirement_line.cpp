#include "resolver/files/requirement_line.h"

#include "resolver/base/text.h"
#include "resolver/pep/dist_filename.h"

#include <algorithm>
#include <utility>

namespace moat {
namespace {

bool has_scheme(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (text.substr(0, 5) == "file:") return true;
  if (colon == std::string_view::npos || colon == 0) return false;
  return std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char c) { return is_ascii_alnum(c) || c == '+' || c == '-' || c == '.'; });
}

// "git+…", "hg+…": letters, then a plus.
bool is_version_control(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_ascii_alpha);
  return end != text.begin() && end != text.end() && *end == '+';
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
      return Url::from_path(std::string(directory) + "/").join(location.substr(5));
    return Url::parse(location);
  }
  const std::string path =
      location.front() == '/' ? std::string(location) : std::string(directory) + "/" + std::string(location);
  // from_path keeps the text as it is; join resolves `.` and `..`.
  return Url::from_path("/").join(percent_encode_path(path));
}

// The URL of a location, in the form that moat stores.
Expected<std::string> url_text(std::string_view location, std::string_view directory) {
  if (is_version_control(location)) return std::string(location);
  auto url = locate(location, directory);
  if (!url) return tl::unexpected(std::move(url.error()));
  std::string text = url->to_string();
  // The same folder gives the same URL, however it was spelled.
  if (url->scheme() == "file" && url->fragment().empty())
    while (text.size() > std::string_view("file:///").size() && text.back() == '/') text.pop_back();
  return text;
}

std::optional<ParseError> check_wheel_name(const SourceUrl& source, const PackageName* name) {
  const std::string filename = source.url.last_segment();
  const Expected<WheelFilename> wheel = WheelFilename::parse(filename);
  if (!wheel) return ParseError{quote(filename) + " is not the name of a wheel: " + wheel.error().message, 0};
  if (name != nullptr && wheel->name != *name)
    return ParseError{"the URL is of " + quote(wheel->name.display()) + ", not of " + quote(name->display()),
                      0};
  return std::nullopt;
}

Expected<RequirementLine> direct_requirement(std::string_view text, std::string_view directory) {
  const Direct parts = take_apart(text);
  UnnamedSource out;
  auto url = url_text(parts.location, directory);
  if (!url) return tl::unexpected(std::move(url.error()));
  out.url = std::move(*url);
  auto source = SourceUrl::parse(out.url);
  if (!source) return tl::unexpected(std::move(source.error()));
  out.extras = std::move(source->extras);
  if (!parts.extras.empty()) {
    for (const std::string_view part : split(parts.extras, ',')) {
      auto extra = ExtraName::parse(trim(part));
      if (!extra) return parse_error(quote(part) + " is not an extra: " + extra.error().message);
      out.extras.insert(std::move(*extra));
    }
  }
  if (!parts.marker.empty()) {
    auto marker = Marker::parse(parts.marker);
    if (!marker) return tl::unexpected(std::move(marker.error()));
    out.marker = std::move(*marker);
  }
  if (source->kind == SourceKind::Wheel) {
    if (auto error = check_wheel_name(*source, nullptr)) return tl::unexpected(std::move(*error));
    return out.named(WheelFilename::parse(source->url.last_segment())->name);
  }
  if (source->name) return out.named(std::move(*source->name));
  return out;
}

}  // namespace

Requirement UnnamedSource::named(PackageName name) const {
  return {.name = std::move(name), .extras = extras, .specifier = {}, .url = url, .marker = marker};
}

Expected<RequirementLine> parse_requirement_line(std::string_view text, std::string_view directory) {
  text = trim(text);
  const Direct parts = take_apart(text);
  if (parts.location.empty()) return parse_error("it is empty");
  const bool named_url = parts.location.find('@') != std::string_view::npos && !has_scheme(parts.location) &&
                         parts.location.front() != '.' && parts.location.front() != '/';
  if (is_version_control(parts.location) ||
      (!named_url && (has_scheme(parts.location) || is_path(parts.location))))
    return direct_requirement(text, directory);

  Expected<Requirement> requirement = Requirement::parse(text);
  if (!requirement) return tl::unexpected(std::move(requirement.error()));
  if (!requirement->url) return std::move(*requirement);
  auto url = url_text(*requirement->url, directory);
  if (!url) return tl::unexpected(std::move(url.error()));
  const auto source = SourceUrl::parse(*url);
  if (!source) return parse_error(source.error().message);
  if (source->kind == SourceKind::Wheel)
    if (auto error = check_wheel_name(*source, &requirement->name)) return tl::unexpected(std::move(*error));
  if (source->name && *source->name != requirement->name)
    return parse_error("the URL says `egg=" + source->name->display() + "`, and the requirement " +
                       quote(requirement->name.display()));
  requirement->url = std::move(*url);
  return std::move(*requirement);
}

}  // namespace moat
