// The files of a package to be placed: its wheel laid out, its commands, and the installer's files in
// .dist-info. The same for environments and for plain folders. Pure, except for reading the store.
#pragma once

#include "envs/journal/scheme.h"
#include "envs/place/staging.h"
#include "envs/place/transaction.h"
#include "envs/place/wheel_layout.h"
#include "resolver/pep/record.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// "flask 3.1.0"
std::string label(const WantedPackage& package);
// Otherwise it is not here yet: for callers that only ask what would happen.
inline bool has_wheel(const WantedPackage& package) {
  return !package.wheel.tree.empty() || package.packed != nullptr;
}
// A small file of its wheel, by its path in there.
std::string text_in_wheel(const WantedPackage& package, const std::string& path);

// Files of the wheel and commands. `python`: named in the first line of commands; nullopt: they find the one
// next to them. Error(BadArchive, Refused) as lay_out(), and for invalid entry points.
std::vector<ArrivingFile> wheel_files(const WantedPackage& package, const Scheme& scheme, LinkMode mode,
                                      const std::optional<std::filesystem::path>& python = std::nullopt);
// Where the placement's file lies: in this folder, or in an archive, which outlives what is returned.
struct FilesFrom {
  const std::filesystem::path& tree;
  const PackedFiles* packed = nullptr;
};
// A file and its destination.
ArrivingFile stored_file(const Placement& placement, const FilesFrom& from, LinkMode mode);

// INSTALLER, REQUESTED and direct_url.json (recording installed distributions; PEP 610).
std::vector<ArrivingFile> installer_files(const WantedPackage& package, const Scheme& scheme,
                                          bool is_requested);
RecordEntry record_row(const std::string& path, const std::string& sha256, std::uint64_t size,
                       const Scheme& scheme);
// RECORD with these rows and its own.
ArrivingFile record_file(const WantedPackage& package, const Scheme& scheme, std::vector<RecordEntry> rows);

}  // namespace moat
