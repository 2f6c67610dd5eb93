// Wheels as they came, the very bytes that a lock promises: kept in the store beside what was unpacked of
// them, for those who pass them on.
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

// Where the bytes of that hash lie, or would.
std::filesystem::path original_path(const Digest& sha256, const Store& store);

// In the order given, from the store where they are kept already. Throws as save_files() does; then nothing
// new is kept. REQUIRES: no two orders name different files with one name.
std::vector<Original> obtain_originals(const std::vector<FileOrder>& orders, HttpClient& http, Store& store,
                                       Workers& workers, Reporter& reporter, const std::stop_token& stop);

}  // namespace moat
