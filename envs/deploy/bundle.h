// A bundle: everything a program needs on a machine without network, in one file that common tools can read.
// It is an OCI layout (fetch/oci/oci_layout.h): an index of manifests, one per target and one per signature,
// and blobs. A wheel's blob is the wheel as its index served it, so it can be checked against the lock's hash
// without trusting the bundle.
#pragma once

#include "envs/python/interpreter.h"
#include "fetch/bytes/signature.h"
#include "fetch/oci/oci_layout.h"
#include "fetch/os/workers.h"
#include "resolver/pep/name.h"
#include "resolver/pep/version.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

namespace bundle {
inline constexpr std::string_view kConfigType = "application/vnd.moat.bundle.config.v1+json",
                                  kLockType = "application/vnd.moat.lock.v1+toml",
                                  kWheelType = "application/vnd.pypa.wheel.v1+zip",
                                  kRuntimeType = "application/vnd.moat.runtime.v1.tar+gzip",
                                  kBytecodeType = "application/vnd.moat.bytecode.v1.tar+gzip",
                                  kSbomType = "application/vnd.cyclonedx+json",
                                  kSignatureType = "application/vnd.moat.signature.v1+json";
}  // namespace bundle

// A blob without a hash from an index.
struct BundleBlob {
  Digest sha256;
  std::uint64_t size = 0;
};

struct BundlePackage {
  PackageName name;
  Version version;
  std::string filename;
  Digest sha256;
  std::uint64_t size = 0;
  bool requested = false;                 // by the lock itself, and not only by another package
  bool built = false;                     // from sources: there is no hash from an index
  std::string index;                      // as in ManifestPackage
  std::optional<std::string> direct_url;  // as in WantedPackage
  std::optional<BundleBlob> bytecode = {};
};

// The Python that the packages were chosen for.
struct BundlePython {
  std::string implementation;  // "cpython"
  std::string version;         // "3.11.7"
  unsigned major = 0, minor = 0;
  bool free_threaded = false;
  bool fits(const Interpreter& interpreter) const;
  std::string to_string() const;  // "CPython 3.11"
};

struct BundleConfig {
  std::string name;          // of the program
  std::string version;       // of it; "" where nothing says one
  std::int64_t created = 0;  // unix seconds
  std::string moat;          // version of the moat that made it
  std::string architecture;  // "x86_64"
  BundlePython python;
  std::vector<BundlePackage> packages;  // by name
  std::string bytecode = {};            // the Pythons it is for, see bytecode_key(); "": none
  std::uint64_t bytecode_size() const;
};

std::string format_bundle_config(const BundleConfig& config);
// Error for an unknown schema.
Expected<BundleConfig> parse_bundle_config(std::string_view json);

OciDescriptor describe_bytecode(const BundleBlob& blob);

// --- writing ---

// Of one target.
struct BundleContents {
  BundleConfig config;
  std::string lock;                           // the text of the lock file
  std::string sbom;                           // what is installed, as CycloneDX has it; "": none
  std::vector<std::filesystem::path> wheels;  // the file of each package in config
  std::vector<std::filesystem::path>
      bytecode;  // of each package in config, "" if it has none; empty: no bytecode at all
  std::optional<std::filesystem::path> runtime;  // a blob as write_runtime_blob() makes it
};

// Writes the bundle to `fd` and returns its digest, that of its index. The same contents and key give the
// same bytes. `label`: for messages. REQUIRES: at least one target; all have the same name and time.
Digest write_bundle(const std::vector<BundleContents>& targets, const std::optional<PrivateKey>& key, int fd,
                    const std::filesystem::path& label, const std::stop_token& stop);

// --- reading ---

// The content that is signed: the name and the manifests.
std::string signed_text(std::string_view name, const std::vector<Digest>& manifests);

struct BundleTarget {
  OciDescriptor descriptor;
  OciManifest manifest;
  BundleConfig config;
  const OciDescriptor* runtime() const;  // nullptr: it contains no Python
};

class Bundle {
 public:
  // Reads and verifies everything but the large blobs, whose names and sizes are compared with the
  // manifests. Error(BadArchive) for anything that this moat would not have written, or that nothing refers
  // to.
  explicit Bundle(std::unique_ptr<const OciSource> source);
  Bundle(UniqueFd file, std::string label)
      : Bundle(std::make_unique<const OciArchive>(std::move(file), std::move(label))) {}

  const std::string& label() const { return source_->label(); }
  const Digest& digest() const { return source_->index().digest; }
  const OciSource& source() const { return *source_; }
  const std::vector<BundleTarget>& targets() const { return targets_; }  // never empty
  const std::string& name() const { return targets_.front().config.name; }

  // The fingerprint of the first of these keys that signed it; nullopt if none did.
  std::optional<std::string> signed_by(const std::vector<PublicKey>& keys) const;
  // The fingerprints of all keys that it claims to be signed with.
  std::vector<std::string> claimed_signers() const;

  // Hashes every blob. Error(BadArchive).
  void verify(Workers& workers, const std::stop_token& stop) const;
  // Every blob and manifest, in reading order, the index first.
  const std::vector<OciDescriptor>& blobs() const { return blobs_; }
  // Writes the same bundle into a file, with the bytes that write_bundle() wrote.
  void write(int fd, const std::filesystem::path& label, const std::stop_token& stop) const;
  // Writes the wheel of a package, verified, into a file that does not exist yet.
  void save(const BundlePackage& package, const std::filesystem::path& file,
            const std::stop_token& stop) const;
  std::string lock_text(const BundleTarget& target) const;
  std::string sbom_text(const BundleTarget& target) const;  // "" where it has none
  std::string text(const OciDescriptor& blob) const;        // of one of blobs() that is not large
  // Reads any blob in pieces; it is verified when this returns.
  void pass(const OciDescriptor& blob, const std::function<void(std::string_view)>& sink,
            const std::stop_token& stop) const {
    source_->pass(blob, sink, stop);
  }

 private:
  struct Signature {
    std::string fingerprint, bytes;
  };
  std::string text_of_type(const BundleTarget& target, std::string_view media_type) const;
  void read_target(const OciDescriptor& descriptor);
  void read_signature(const OciDescriptor& descriptor);
  void check_layers(const BundleTarget& target) const;
  void refer(const OciDescriptor& blob);

  std::unique_ptr<const OciSource> source_;
  std::vector<BundleTarget> targets_;
  std::vector<Signature> signatures_;
  std::map<std::string, OciDescriptor> referred_;  // by hex digest
  std::vector<std::pair<OciDescriptor, OciManifest>> manifests_;
  std::vector<OciDescriptor> blobs_;
};

// Error(Refused): none of the trusted keys signed it.
[[noreturn]] void refuse_untrusted(const Bundle& bundle);

// The keys in a file, or in every *.pem and *.pub file of a folder. Error(BadInput) names an invalid
// one.
std::vector<PublicKey> read_public_keys(const std::filesystem::path& path);

}  // namespace moat
