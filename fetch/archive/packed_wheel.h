// A wheel that is used without being unpacked: its RECORD tells SHA-256 and size of each file beforehand, and
// each file is compared with that when it is read.
#pragma once

#include "fetch/archive/packed_files.h"
#include "fetch/archive/stored_file.h"
#include "fetch/archive/wheel_check.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moat {

struct PackedWheel {
  WheelContents contents;
  std::vector<StoredFile> files;  // sorted by path; equal to those of the unpacked wheel, except inodes
  std::shared_ptr<const PackedFiles> packed;
};

// nullopt: its RECORD is not enough, so it has to be unpacked to be known (a fault, or a file without a row
// of SHA-256). `file`: its own hash was verified, and nobody changes it from now on; its name may go.
// `latest`: no file gets a later time. Error(BadArchive) as for ZipUnpacking.
std::optional<PackedWheel> open_packed_wheel(const std::filesystem::path& file, const std::string& filename,
                                             const WheelFilename& name, std::int64_t latest);

}  // namespace moat
