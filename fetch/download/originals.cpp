#include "fetch/download/originals.h"

#include "fetch/bytes/hasher.h"
#include "fetch/download/download.h"

#include <algorithm>
#include <optional>

namespace moat {

fs::path original_path(const Digest& sha256, const Store& store) {
  return store.layout().root / "originals" / sha256.hex;
}

namespace {

// Hashed each time: a stored file may have been changed since.
std::optional<Original> find(const FileOrder& order, const Store& store) {
  for (const Digest& digest : wanted_digests(order.artifact, order.accepted)) {
    if (digest.algorithm != "sha256") continue;
    const fs::path file = original_path(digest, store);
    std::error_code missing;
    const std::uint64_t size = fs::file_size(file, missing);
    if (missing || hash_file(file) != digest) continue;
    store.mark_used(file);
    return Original{file, digest, size};
  }
  return std::nullopt;
}

Original keep(const fs::path& file, const Store& store) {
  const Digest sha256 = hash_file(file);
  fs::path kept = original_path(sha256, store);
  make_directories(kept.parent_path());
  rename_over(file, kept);
  return {kept, sha256, fs::file_size(kept)};
}

}  // namespace

std::vector<Original> obtain_originals(const std::vector<FileOrder>& orders, HttpClient& http, Store& store,
                                       Workers& workers, Reporter& reporter, const std::stop_token& stop) {
  std::vector<std::optional<Original>> found(orders.size());
  workers.for_each(orders.size(), [&](std::size_t i) { found[i] = find(orders[i], store); });
  std::vector<FileOrder> missing;
  for (std::size_t i = 0; i < orders.size(); ++i)
    if (!found[i]) missing.push_back(orders[i]);
  if (!missing.empty()) {
    const TempDir folder = store.make_temp("originals");
    save_files(missing, folder.path(), http, workers, reporter, stop);
    for (std::size_t i = 0; i < orders.size(); ++i)
      if (!found[i]) found[i] = keep(folder.path() / orders[i].artifact.filename, store);
  }
  std::vector<Original> out;
  for (auto& one : found) out.push_back(std::move(*one));
  return out;
}

}  // namespace moat
