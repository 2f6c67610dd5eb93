// METADATA of a wheel, out of its file.
#pragma once

#include "fetch/archive/zip_directory.h"
#include "resolver/base/error.h"
#include "resolver/pep/dist_filename.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moat {

inline constexpr std::uint64_t kLongestMetadata = std::uint64_t{16} << 20U;

// The file can be read, but is not a valid wheel: the release cannot be chosen, for this reason.
struct UnusableWheel {
  std::string reason;
};

// `filename`: as its URL ends.
UnusableWheel unreadable_wheel(std::string_view filename, const ParseError& error);

// The header of METADATA (what follows the first empty line is cut off), or why there is none.
using MetadataAnswer = std::variant<std::string, UnusableWheel, Error>;

// METADATA of a local wheel file.
MetadataAnswer read_wheel_metadata(const std::filesystem::path& wheel_file, const WheelFilename& name);

// The one NAME-VERSION.dist-info/METADATA at the top of a wheel; it points into `entries`.
Expected<const ZipEntry*> find_metadata(const std::vector<ZipEntry>& entries, const WheelFilename& name);

// Everything up to the first empty line, that included. Long descriptions do not matter to resolving.
std::string_view metadata_header(std::string_view text);

}  // namespace moat
