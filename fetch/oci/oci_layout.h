// OCI image layouts in one tar file: blobs named by their sha256, and one index that says what they are
// (https://github.com/opencontainers/image-spec). Nothing here knows what the blobs mean.
#pragma once

#include "fetch/archive/tar.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

namespace oci {
inline constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json",
                                  kManifestType = "application/vnd.oci.image.manifest.v1+json",
                                  kEmptyType = "application/vnd.oci.empty.v1+json";
}  // namespace oci

struct OciPlatform {
  std::string architecture, os;  // "amd64", "linux"; "unknown" for what no machine runs
  friend bool operator==(const OciPlatform&, const OciPlatform&) = default;
};

struct OciDescriptor {
  std::string media_type;
  Digest digest;  // sha256
  std::uint64_t size = 0;
  std::map<std::string, std::string> annotations = {};
  std::optional<OciPlatform> platform = {};
};

struct OciManifest {
  OciDescriptor config;
  std::vector<OciDescriptor> layers;
};

// Canonical JSON: the same value gives the same bytes.
std::string format_oci_index(const std::vector<OciDescriptor>& manifests);
std::string format_oci_manifest(const OciManifest& manifest);
// Keys and media types that are not known are errors; so are other algorithms than sha256.
Expected<std::vector<OciDescriptor>> parse_oci_index(std::string_view json);
Expected<OciManifest> parse_oci_manifest(std::string_view json);

// A layout that is being written: small blobs and the index first, in the order given, then files.
class OciArchiveWriter {
 public:
  // `label`: names what is written, for messages.
  OciArchiveWriter(int fd, const fs::path& label, std::int64_t mtime)
      : tar_([fd, label](std::string_view bytes) { write_all(fd, bytes, label); }, mtime) {}

  // First of all. `index`: the blob that the layout is about.
  void begin(const OciDescriptor& index);
  // A blob that is there already is not written again.
  void add(const Digest& digest, std::string_view bytes);
  // Error(HashMismatch) where the file has changed since its digest was taken.
  void add_file(const OciDescriptor& blob, const fs::path& file, const std::stop_token& stop);
  void finish() { tar_.finish(); }

 private:
  TarWriter tar_;
  std::set<std::string> written_;
};

// A layout that is being read. Opening it looks at the members' headers; no blob was hashed yet.
class OciArchive {
 public:
  // Error(BadArchive) for what is no such layout; Error(Disk). `file` must be seekable.
  OciArchive(UniqueFd file, std::string label);

  const std::string& label() const { return label_; }
  const OciDescriptor& index() const { return index_; }  // what index.json names, its one entry
  std::size_t blobs() const { return blobs_.size(); }
  bool has(const OciDescriptor& blob) const { return blobs_.count(blob.digest.hex) != 0; }

  // A small blob, verified. Error(BadArchive) where it is not there, has another size or digest, or is larger
  // than `most`.
  std::string read(const OciDescriptor& blob, std::uint64_t most) const;
  // Passes a blob on in pieces, and verifies it: `sink` must not be trusted before this returns.
  void pass(const OciDescriptor& blob, const std::function<void(std::string_view)>& sink,
            const std::stop_token& stop) const;
  [[noreturn]] void refuse(const std::string& why) const;

 private:
  const TarEntry& find(const OciDescriptor& blob) const;

  UniqueFd file_;
  std::string label_;
  std::map<std::string, TarEntry, std::less<>> blobs_;  // by hex digest
  OciDescriptor index_;
};

}  // namespace moat
