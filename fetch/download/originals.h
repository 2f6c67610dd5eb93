// Wheels as they were downloaded, with the exact bytes that a lock promises: kept in the store next to the
// unpacked ones, for commands that pass them on.
#pragma once

#include "fetch/download/save_files.h"
#include "fetch/store/store.h"

#include <filesystem>
#include <stop_token>
#include <vector>

namespace moat {

struct Original {
  std::filesystem::path file;  // in the store; not named as the wheel is
  Digest sha256;
  std::uint64_t size = 0;
};

// The path of the file with that hash, whether it exists or not.
std::filesystem::path original_path(const Digest& sha256, const Store& store);

// In the order given, taken from the store if they are already there. Throws as save_files() does, and then
// keeps nothing new. REQUIRES: no two orders name different files with one name.
std::vector<Original> obtain_originals(const std::vector<FileOrder>& orders, HttpClient& http, Store& store,
                                       Workers& workers, Reporter& reporter, const std::stop_token& stop);

}  // namespace moat
