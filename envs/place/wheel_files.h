// What a package brings, as files on their way: its wheel laid out, its commands, and what an installer says
// of it in .dist-info. The same for environments and for plain folders. Pure, except for reading the store.
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

// Files of the wheel and commands. `python`: what commands name in their first line; nullopt: they find the
// one beside them. Error(BadArchive, Refused) as lay_out(), and for entry points that are wrong.
std::vector<ArrivingFile> wheel_files(const WantedPackage& package, const Scheme& scheme, LinkMode mode,
                                      const std::optional<std::filesystem::path>& python = std::nullopt);
// A file of the store on its way to its place; `tree`: what the placement's file is relative to.
ArrivingFile stored_file(const Placement& placement, const std::filesystem::path& tree, LinkMode mode);

// INSTALLER, REQUESTED and direct_url.json (recording installed distributions; PEP 610).
std::vector<ArrivingFile> installer_files(const WantedPackage& package, const Scheme& scheme,
                                          bool is_requested);
RecordEntry record_row(const std::string& path, const std::string& sha256, std::uint64_t size,
                       const Scheme& scheme);
// RECORD with these rows and its own.
ArrivingFile record_file(const WantedPackage& package, const Scheme& scheme, std::vector<RecordEntry> rows);

}  // namespace moat
