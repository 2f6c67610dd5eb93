#include "fetch/index/kept_metadata.h"

#include "fetch/bytes/hasher.h"
#include "fetch/index/wheel_metadata.h"
#include "fetch/os/file.h"

#include <system_error>
#include <utility>

namespace moat {

KeptMetadata KeptMetadata::of_wheel(const Store& store, const Artifact& wheel) {
  std::string key = wheel.url.without_credentials().to_string();
  if (const Digest* digest = wheel.strongest_digest()) key += "\n" + digest->to_string();
  // A new promise of the index does not match an old entry.
  if (wheel.metadata_digest) key += "\n" + wheel.metadata_digest->to_string();
  return KeptMetadata(store.layout().metadata() / hash_bytes(key).hex);
}

KeptMetadata KeptMetadata::of_sdist(const Store& store, const Artifact& sdist) {
  std::optional<std::filesystem::path> file;
  for (const Digest& digest : sdist.digests)
    if (digest.algorithm == "sha256")
      file = store.layout().metadata() / hash_bytes("sdist\n" + digest.to_string()).hex;
  return KeptMetadata(std::move(file));
}

std::optional<std::string> KeptMetadata::find() const {
  return file_ ? read_file_if_exists(*file_) : std::nullopt;
}

std::string KeptMetadata::keep(std::string_view text, Reporter& reporter) const {
  std::string header(metadata_header(text));
  if (!file_) return header;
  try {
    make_directories(file_->parent_path());
    write_file_atomically(*file_, header);
  } catch (const Error& error) {
    reporter.note(error.what());
  }
  return header;
}

std::optional<std::string> metadata_in_store(const Store& store, const Artifact& wheel) {
  for (const Digest& digest : wheel.digests) {
    if (digest.algorithm != "sha256") continue;
    const std::filesystem::path tree = store.layout().wheel(digest) / "tree";
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(tree, missing)) {
      if (entry.path().extension() != ".dist-info") continue;
      if (auto text = read_file_if_exists(entry.path() / "METADATA"))
        return std::string(metadata_header(*text));
    }
  }
  return std::nullopt;
}

}  // namespace moat
