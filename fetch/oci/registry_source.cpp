#include "fetch/oci/registry_source.h"

#include "fetch/download/originals.h"
#include "fetch/os/file.h"
#include "fetch/os/folder_lock.h"
#include "fetch/os/workers.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <chrono>

namespace moat {
namespace {

// These threads wait for the network, not for cores.
constexpr unsigned kFetchedAtOnce = 6;
// Another process may be fetching the same.
constexpr std::chrono::minutes kPatience{30};

bool is_manifest(const OciDescriptor& blob) {
  return is_oci_index(blob.media_type) || is_oci_manifest(blob.media_type);
}

}  // namespace

RegistrySource::RegistrySource(Registry& registry, OciContent content, Store& store, Reporter& reporter,
                               std::stop_token stop)
    : OciSource(registry.reference().to_string()),
      registry_(registry),
      store_(store),
      reporter_(reporter),
      stop_(std::move(stop)) {
  const Registry::Manifest index = registry_.manifest(registry_.reference().wanted());
  const std::string& type = index.descriptor.media_type;
  if (type != oci::kIndexType && (content == OciContent::Bundle || !is_manifest(index.descriptor)))
    refuse(fmt::format("it is not {} but {}", content == OciContent::Bundle ? "a bundle" : "an image",
                       quote(type)));
  index_ = index.descriptor;
  const fs::path kept = original_path(index_.digest, store_);
  make_directories(kept.parent_path());
  write_file_atomically(kept, index.bytes, 0644);
}

bool RegistrySource::is_kept(const OciDescriptor& blob, const fs::path& file) const {
  std::error_code missing;
  if (fs::file_size(file, missing) != blob.size || missing || hash_file(file) != blob.digest) return false;
  store_.mark_used(file);
  return true;
}

fs::path RegistrySource::obtain(const OciDescriptor& blob) const {
  fs::path kept = original_path(blob.digest, store_);
  if (verified_.with([&](const auto& known) { return known.count(blob.digest.hex) != 0; })) return kept;
  if (!is_kept(blob, kept)) download(blob, kept);
  verified_.with([&](auto& known) { known.insert(blob.digest.hex); });
  return kept;
}

// One folder a blob, so that a broken download can be resumed; all of tmp/ is swept after a day.
void RegistrySource::download(const OciDescriptor& blob, const fs::path& kept) const {
  const fs::path folder = store_.layout().tmp() / ("partial-" + blob.digest.hex), file = folder / "blob";
  make_directories(folder);
  const FolderLock lock = FolderLock::acquire(folder, kPatience);
  if (is_kept(blob, kept)) return;  // another process kept it meanwhile
  make_directories(folder);         // the other process has removed it
  if (is_manifest(blob))
    write_file_atomically(file, registry_.manifest(blob.digest.to_string()).bytes);
  else
    registry_.get_blob(blob, file);
  rename_over(file, kept);
  remove_tree_quietly(folder);
}

BlobPlace RegistrySource::locate(const OciDescriptor& blob) const {
  const fs::path file = obtain(blob);
  auto fd = std::make_shared<const UniqueFd>(open_file(file, O_RDONLY));
  std::error_code error;
  if (fs::file_size(file, error) != blob.size)
    refuse(fmt::format("the blob {} has another size", blob.digest.to_string()));
  return {std::move(fd), 0, file};
}

void RegistrySource::fetch(const std::vector<OciDescriptor>& blobs) const {
  const Phase phase(reporter_, "download");
  Workers waiting(kFetchedAtOnce);
  waiting.for_each(blobs.size(), [&](std::size_t i) { obtain(blobs[i]); });
}

}  // namespace moat
