// File names of wheels (PEP 427, PEP 491) and source distributions (PEP 625 and older).
#pragma once

#include "resolver/base/error.h"
#include "resolver/pep/name.h"
#include "resolver/pep/tag.h"
#include "resolver/pep/version.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

// "1_abc" is {1, "_abc"}; no build tag is {}. Orders as the specification says: none first.
struct BuildTag {
  std::optional<VersionNumber> number;
  std::string rest;
  std::string to_string() const;
  friend auto operator<=>(const BuildTag&, const BuildTag&) = default;
};

// foo_bar-1.0-1-py3-none-any.whl. A name with a variant label (draft PEP 825) is refused as such.
struct WheelFilename {
  PackageName name;
  Version version;
  std::string version_text;  // as written
  BuildTag build;
  std::vector<Tag> tags;

  static Expected<WheelFilename> parse(std::string_view filename);
};

enum class ArchiveKind { TarGz, Zip, TarBz2, TarXz, Tar };

// foo-bar-1.0.tar.gz
struct SdistFilename {
  PackageName name;
  Version version;
  std::string version_text;
  ArchiveKind kind = ArchiveKind::TarGz;

  // Current form, one dash: the version begins after the last one.
  static Expected<SdistFilename> parse(std::string_view filename);
  // Legacy names with dashes are cut where the known project's name ends.
  static Expected<SdistFilename> parse(std::string_view filename, const PackageName& project);
};

// .tar.gz, .tgz, .zip, .tar.bz2, .tbz, .tar.xz, .tlz…, .tar; nullopt for anything else.
std::optional<ArchiveKind> archive_kind(std::string_view filename);

// May this be the name of a file on disk? Not empty, ".", "..", no '/', no control characters.
bool is_plain_filename(std::string_view name);

}  // namespace moat
