#include "resolver/pep/dist_filename.h"

#include "resolver/base/text.h"

#include <algorithm>
#include <array>

namespace moat {

std::string BuildTag::to_string() const { return number ? number->to_string() + rest : std::string(); }

namespace {

// Strict where Version::parse is not: a file name has no blanks around its version.
Expected<Version> parse_version_part(std::string_view text, std::size_t offset) {
  if (trim(text) != text) return parse_error("the version has blanks around it", offset);
  auto version = Version::parse(text);
  if (!version) return parse_error(version.error().message, offset + version.error().offset);
  return version;
}

// ---- wheels

bool is_wheel_name(std::string_view text) {
  return text.find("__") == std::string_view::npos && text.find('-') == std::string_view::npos &&
         is_valid_name(text);
}

BuildTag read_build_tag(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && is_ascii_digit(text[digits])) ++digits;
  return {VersionNumber::from_digits(text.substr(0, digits)), std::string(text.substr(digits))};
}

bool begins_with_digit(std::string_view text) { return !text.empty() && is_ascii_digit(text.front()); }

// PEP 825 (draft) puts a label behind the platform. A python tag never begins with a digit and a build tag
// always does, so the two forms of the old name cannot be taken for the new ones.
bool has_variant_label(const std::vector<std::string_view>& parts) {
  const bool has_room =
      parts.size() == 7 ? begins_with_digit(parts[2]) : parts.size() == 6 && !begins_with_digit(parts[2]);
  return has_room && !parts.back().empty() &&
         std::all_of(parts.back().begin(), parts.back().end(),
                     [](char c) { return is_ascii_digit(c) || is_ascii_lower(c) || c == '_' || c == '.'; });
}

}  // namespace

Expected<WheelFilename> WheelFilename::parse(std::string_view filename) {
  const auto is_no_name = [](char c) {
    return c == '/' || c == '\\' || static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  };
  if (std::any_of(filename.begin(), filename.end(), is_no_name))
    return parse_error("the name of a file holds no slashes or control characters");
  if (!filename.ends_with(".whl")) return parse_error("the name of a wheel ends in `.whl`", filename.size());
  const std::string_view stem = filename.substr(0, filename.size() - 4);
  const std::vector<std::string_view> parts = split(stem, '-');
  const auto offset_of = [&](std::string_view part) {
    return static_cast<std::size_t>(part.data() - filename.data());
  };
  if (has_variant_label(parts))
    return parse_error("it is a wheel variant, which moat cannot install", offset_of(parts.back()));
  if (parts.size() != 5 && parts.size() != 6)
    return parse_error("the name of a wheel is name-version[-build]-python-abi-platform.whl");

  if (!is_wheel_name(parts[0])) return parse_error("the project name is not in the form for wheels");
  auto version = parse_version_part(parts[1], offset_of(parts[1]));
  if (!version) return tl::unexpected(std::move(version.error()));
  BuildTag build;
  if (parts.size() == 6) {
    if (!begins_with_digit(parts[2]))
      return parse_error("a build tag begins with a digit", offset_of(parts[2]));
    build = read_build_tag(parts[2]);
  }
  const std::string_view compressed = stem.substr(offset_of(parts[parts.size() - 3]));
  auto tags = parse_tags(compressed);
  if (!tags) return parse_error(std::move(tags.error().message), offset_of(compressed) + tags.error().offset);
  return WheelFilename{PackageName::parse(parts[0]).value(), std::move(*version), std::string(parts[1]),
                       std::move(build), std::move(*tags)};
}

// ---- sdists

namespace {

struct ArchiveSuffix {
  std::string_view text;
  ArchiveKind kind;
};

constexpr std::array<ArchiveSuffix, 12> kSuffixes = {{{".tar.gz", ArchiveKind::TarGz},
                                                      {".tgz", ArchiveKind::TarGz},
                                                      {".zip", ArchiveKind::Zip},
                                                      {".tar.bz2", ArchiveKind::TarBz2},
                                                      {".tbz2", ArchiveKind::TarBz2},
                                                      {".tbz", ArchiveKind::TarBz2},
                                                      {".tar.xz", ArchiveKind::TarXz},
                                                      {".txz", ArchiveKind::TarXz},
                                                      {".tar.lzma", ArchiveKind::TarXz},
                                                      {".tar.lz", ArchiveKind::TarXz},
                                                      {".tlz", ArchiveKind::TarXz},
                                                      {".tar", ArchiveKind::Tar}}};

const ArchiveSuffix* find_suffix(std::string_view filename) {
  const auto* found = std::find_if(kSuffixes.begin(), kSuffixes.end(), [&](const ArchiveSuffix& suffix) {
    return filename.size() > suffix.text.size() &&
           iequals_ascii(filename.substr(filename.size() - suffix.text.size()), suffix.text);
  });
  return found == kSuffixes.end() ? nullptr : found;
}

// The name and version on both sides of the dash at `dash`.
Expected<SdistFilename> cut_at(std::string_view stem, std::size_t dash, ArchiveKind kind) {
  auto name = PackageName::parse(stem.substr(0, dash));
  if (!name) return tl::unexpected(std::move(name.error()));
  const std::string_view version_text = stem.substr(dash + 1);
  auto version = parse_version_part(version_text, dash + 1);
  if (!version) return tl::unexpected(std::move(version.error()));
  return SdistFilename{std::move(*name), std::move(*version), std::string(version_text), kind};
}

constexpr const char* kNoArchive = "the name of a source distribution ends in `.tar.gz` or `.zip`";
constexpr const char* kNoDash = "the name of a source distribution is name-version.tar.gz";

}  // namespace

std::optional<ArchiveKind> archive_kind(std::string_view filename) {
  const ArchiveSuffix* suffix = find_suffix(filename);
  return suffix ? std::optional<ArchiveKind>(suffix->kind) : std::nullopt;
}

bool is_plain_filename(std::string_view name) {
  if (name.empty() || name == "." || name == "..") return false;
  return std::none_of(name.begin(), name.end(),
                      [](char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Expected<SdistFilename> SdistFilename::parse(std::string_view filename) {
  const ArchiveSuffix* suffix = find_suffix(filename);
  if (!suffix) return parse_error(kNoArchive, filename.size());
  const std::string_view stem = filename.substr(0, filename.size() - suffix->text.size());
  const std::size_t dash = stem.rfind('-');
  if (dash == std::string_view::npos) return parse_error(kNoDash);
  return cut_at(stem, dash, suffix->kind);
}

Expected<SdistFilename> SdistFilename::parse(std::string_view filename, const PackageName& project) {
  const ArchiveSuffix* suffix = find_suffix(filename);
  if (!suffix) return parse_error(kNoArchive, filename.size());
  const std::string_view stem = filename.substr(0, filename.size() - suffix->text.size());
  for (std::size_t dash = stem.find('-'); dash != std::string_view::npos; dash = stem.find('-', dash + 1)) {
    const std::string_view name = stem.substr(0, dash);
    if (is_valid_name(name) && normalize_name(name) == project.normalized())
      return cut_at(stem, dash, suffix->kind);
  }
  return parse_error("the name of the file does not begin with that of the project " +
                     quote(project.display()));
}

}  // namespace moat
