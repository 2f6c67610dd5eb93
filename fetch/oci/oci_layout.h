// OCI image layouts in one tar file: blobs named by their sha256, and one index that describes them
// (https://github.com/opencontainers/image-spec). Nothing here interprets the blobs.
#pragma once

#include "fetch/archive/tar.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
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
                                  kEmptyType = "application/vnd.oci.empty.v1+json",
                                  kLayerType = "application/vnd.oci.image.layer.v1.tar";
}  // namespace oci

// Decided by the media type; docker's own names, which registries still have, count too.
bool is_oci_index(std::string_view media_type);
bool is_oci_manifest(std::string_view media_type);

// "amd64": the name that Go, and so every registry and container tool, uses for "x86_64".
std::string oci_architecture(const std::string& machine);

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
// Unknown keys, media types and hash algorithms other than sha256 are errors.
Expected<std::vector<OciDescriptor>> parse_oci_index(std::string_view text);
Expected<OciManifest> parse_oci_manifest(std::string_view text);

class OciSource;

// Writes a layout: small blobs and the index first, in the order given, then files.
class OciArchiveWriter {
 public:
  // `label`: names what is written, for messages.
  OciArchiveWriter(int fd, const fs::path& label, std::int64_t mtime)
      : tar_([fd, label](std::string_view bytes) { write_all(fd, bytes, label); }, mtime) {}

  // Call this first. `index`: the blob that describes the layout.
  void begin(const OciDescriptor& index);
  // An extra member for other readers. Before the blobs.
  void add_beside(std::string_view name, std::string_view bytes) { tar_.add(name, bytes); }
  // An existing blob is not written again.
  void add(const Digest& digest, std::string_view bytes);
  // Error(HashMismatch) where the file has changed since its digest was taken.
  void add_file(const OciDescriptor& blob, const fs::path& file, const std::stop_token& stop);
  // A blob from elsewhere, verified while it is copied.
  void add_from(const OciSource& source, const OciDescriptor& blob, const std::stop_token& stop);
  void finish() { tar_.finish(); }

 private:
  TarWriter tar_;
  std::set<std::string> written_;
};

// Where the bytes of a blob are. The file is not read any more after this object is destroyed.
struct BlobPlace {
  std::shared_ptr<const UniqueFd> file;
  std::uint64_t offset = 0;
  fs::path path;  // for messages
};

// Readable blobs, and the index that lists them: a file, or a registry. Thread-safe.
class OciSource {
 public:
  OciSource(const OciSource&) = delete;
  OciSource& operator=(const OciSource&) = delete;
  virtual ~OciSource() = default;

  const std::string& label() const { return label_; }
  const OciDescriptor& index() const { return index_; }

  // Error(BadArchive) unless it holds exactly these, as far as that is known without reading them.
  virtual void check_holds(const std::map<std::string, OciDescriptor>& blobs) const = 0;
  // Error(BadArchive) if the blob is missing or has another size. Its bytes are not verified yet.
  virtual BlobPlace locate(const OciDescriptor& blob) const = 0;

  // A small blob, verified. Error(BadArchive) if it is missing, has another size or digest, or is larger than
  // `most`.
  std::string read(const OciDescriptor& blob, std::uint64_t most) const;
  // Reads a blob in pieces and verifies it: do not trust the data given to `sink` before this returns.
  void pass(const OciDescriptor& blob, const std::function<void(std::string_view)>& sink,
            const std::stop_token& stop) const;
  [[noreturn]] void refuse(const std::string& why) const;

 protected:
  explicit OciSource(std::string label) : label_(std::move(label)) {}
  std::string label_;
  OciDescriptor index_;
};

// What a layout must contain: one index and nothing else, or an image made by any tool.
enum class OciContent { Bundle, Image };

// A layout in a file. Opening it reads only the members' headers; no blob is hashed yet.
class OciArchive : public OciSource {
 public:
  // Error(BadArchive) if it is not such a layout; Error(Disk). `file` must be seekable.
  OciArchive(UniqueFd file, std::string label, OciContent content = OciContent::Bundle);

  void check_holds(const std::map<std::string, OciDescriptor>& blobs) const override;
  BlobPlace locate(const OciDescriptor& blob) const override;

 private:
  std::shared_ptr<const UniqueFd> file_;
  std::map<std::string, TarEntry, std::less<>> blobs_;  // by hex digest
};

// A layout of an image in a folder. `tag`: selects one of several; "": there is only one.
class OciFolder : public OciSource {
 public:
  // Error(BadArchive) if it is not such a layout, Error(NotFound) for an unknown tag.
  OciFolder(fs::path folder, const std::string& tag);

  void check_holds(const std::map<std::string, OciDescriptor>&) const override {}
  BlobPlace locate(const OciDescriptor& blob) const override;

 private:
  fs::path folder_;
};

}  // namespace moat
