// The files of an installed distribution, by its RECORD (PEP 376, PEP 627).
#pragma once

#include "envs/environment/installed.h"
#include "envs/journal/scheme.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct OwnedFile {
  std::string path;    // relative to the environment
  std::string sha256;  // urlsafe base64, as in RECORD; "" where the row has none
  std::optional<std::uint64_t> size;
};

struct OwnedFiles {
  std::vector<OwnedFile> files;
  std::vector<std::string> outside;  // rows that leave the environment or name its own files: never touched
};

// Error(BadInput) where RECORD cannot be read. REQUIRES: has_record.
OwnedFiles owned_files(const InstalledDistribution& distribution, const std::filesystem::path& environment,
                       const Scheme& scheme);

// The path in RECORD of a file, relative to the environment.
std::string record_path(std::string_view path, const Scheme& scheme);

// Hex of a RECORD hash; "" where it is not one of sha256.
std::string sha256_hex(std::string_view base64);

}  // namespace moat
