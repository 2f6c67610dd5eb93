// OCI image layouts in one tar file: blobs named by their sha256, and one index that says what they are
// (https://github.com/opencontainers/image-spec). Nothing here knows what the blobs mean.
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

// By the media type; docker's own names, which registries still have, count too.
bool is_oci_index(std::string_view media_type);
bool is_oci_manifest(std::string_view media_type);

// "amd64": as Go, and so every registry and container tool, calls the machine "x86_64".
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
// Keys and media types that are not known are errors; so are other algorithms than sha256.
Expected<std::vector<OciDescriptor>> parse_oci_index(std::string_view json);
Expected<OciManifest> parse_oci_manifest(std::string_view json);

class OciSource;

// A layout that is being written: small blobs and the index first, in the order given, then files.
class OciArchiveWriter {
 public:
  // `label`: names what is written, for messages.
  OciArchiveWriter(int fd, const fs::path& label, std::int64_t mtime)
      : tar_([fd, label](std::string_view bytes) { write_all(fd, bytes, label); }, mtime) {}

  // First of all. `index`: the blob that the layout is about.
  void begin(const OciDescriptor& index);
  // A member beside the layout, for other readers. Before the blobs.
  void add_beside(std::string_view name, std::string_view bytes) { tar_.add(name, bytes); }
  // A blob that is there already is not written again.
  void add(const Digest& digest, std::string_view bytes);
  // Error(HashMismatch) where the file has changed since its digest was taken.
  void add_file(const OciDescriptor& blob, const fs::path& file, const std::stop_token& stop);
  // A blob as it is elsewhere, verified on its way.
  void add_from(const OciSource& source, const OciDescriptor& blob, const std::stop_token& stop);
  void finish() { tar_.finish(); }

 private:
  TarWriter tar_;
  std::set<std::string> written_;
};

// Where the bytes of a blob lie. The file is not looked at any more once this is gone.
struct BlobPlace {
  std::shared_ptr<const UniqueFd> file;
  std::uint64_t offset = 0;
  fs::path path;  // for messages
};

// Blobs that can be read, and the index that they belong to: a file, or a registry. Thread-safe.
class OciSource {
 public:
  OciSource(const OciSource&) = delete;
  OciSource& operator=(const OciSource&) = delete;
  virtual ~OciSource() = default;

  const std::string& label() const { return label_; }
  const OciDescriptor& index() const { return index_; }

  // Error(BadArchive) unless it holds exactly these, as far as that is known without reading them.
  virtual void check_holds(const std::map<std::string, OciDescriptor>& blobs) const = 0;
  // Error(BadArchive) where the blob is not there or has another size. Its bytes are not verified yet.
  virtual BlobPlace locate(const OciDescriptor& blob) const = 0;

  // A small blob, verified. Error(BadArchive) where it is not there, has another size or digest, or is larger
  // than `most`.
  std::string read(const OciDescriptor& blob, std::uint64_t most) const;
  // Passes a blob on in pieces, and verifies it: `sink` must not be trusted before this returns.
  void pass(const OciDescriptor& blob, const std::function<void(std::string_view)>& sink,
            const std::stop_token& stop) const;
  [[noreturn]] void refuse(const std::string& why) const;

 protected:
  explicit OciSource(std::string label) : label_(std::move(label)) {}
  std::string label_;
  OciDescriptor index_;
};

// What a layout must be about: one index, and nothing beside it; or an image of anybody's.
enum class OciContent { Bundle, Image };

// A layout in a file. Opening it looks at the members' headers; no blob was hashed yet.
class OciArchive : public OciSource {
 public:
  // Error(BadArchive) for what is no such layout; Error(Disk). `file` must be seekable.
  OciArchive(UniqueFd file, std::string label, OciContent content = OciContent::Bundle);

  void check_holds(const std::map<std::string, OciDescriptor>& blobs) const override;
  BlobPlace locate(const OciDescriptor& blob) const override;

 private:
  std::shared_ptr<const UniqueFd> file_;
  std::map<std::string, TarEntry, std::less<>> blobs_;  // by hex digest
};

// A layout in a folder, of an image. `tag`: which of several; "": there is one.
class OciFolder : public OciSource {
 public:
  // Error(BadArchive) for what is no such layout, Error(NotFound) for another tag.
  OciFolder(fs::path folder, const std::string& tag);

  void check_holds(const std::map<std::string, OciDescriptor>&) const override {}
  BlobPlace locate(const OciDescriptor& blob) const override;

 private:
  fs::path folder_;
};

}  // namespace moat
