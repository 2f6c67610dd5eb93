#include "envs/deploy/bundle.h"

#include "envs/place/bytecode.h"
#include "resolver/base/base64.h"
#include "resolver/base/text.h"
#include "resolver/pep/dist_filename.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace moat {
namespace {

using nlohmann::json;

constexpr int kSchema = 1;
constexpr std::uint64_t kMostTextBytes = std::uint64_t{64} << 20U;  // of a manifest, a config, a lock
constexpr std::string_view kUnknown = "unknown";
const OciPlatform kNoPlatform{std::string(kUnknown), std::string(kUnknown)};

OciDescriptor describe(std::string_view media_type, std::string_view bytes) {
  return {.media_type = std::string(media_type), .digest = hash_bytes(bytes), .size = bytes.size()};
}

OciDescriptor describe_wheel(const BundlePackage& package) {
  return {.media_type = std::string(bundle::kWheelType),
          .digest = package.sha256,
          .size = package.size,
          .annotations = {{"org.opencontainers.image.title", package.filename}}};
}

json to_json(const BundlePackage& package) {
  json out{{"name", package.name.display()}, {"version", package.version.to_string()},
           {"filename", package.filename},   {"sha256", package.sha256.hex},
           {"size", package.size},           {"requested", package.requested},
           {"built", package.built}};
  if (!package.index.empty()) out["index"] = package.index;
  if (package.direct_url) out["direct_url"] = *package.direct_url;
  if (package.bytecode)
    out["bytecode"] = {{"sha256", package.bytecode->sha256.hex}, {"size", package.bytecode->size}};
  return out;
}

struct BadConfig {
  std::string why;
};

template <class T>
T take(const json& object, const char* key) {
  try {
    return object.at(key).get<T>();
  } catch (const json::exception&) {
    throw BadConfig{fmt::format("`{}` is missing or of the wrong kind", key)};
  }
}

template <class T>
T valid(Expected<T> value, const std::string& text) {
  if (!value) throw BadConfig{fmt::format("{}: {}", quote(text), value.error().message)};
  return std::move(*value);
}

BundlePackage package_of(const json& object) {
  const auto name = take<std::string>(object, "name"), version = take<std::string>(object, "version"),
             filename = take<std::string>(object, "filename"), sha256 = take<std::string>(object, "sha256");
  BundlePackage out{valid(PackageName::parse(name), name),
                    valid(Version::parse(version), version),
                    filename,
                    valid(Digest::parse("sha256", sha256), sha256),
                    take<std::uint64_t>(object, "size"),
                    take<bool>(object, "requested"),
                    take<bool>(object, "built"),
                    object.contains("index") ? take<std::string>(object, "index") : "",
                    {}};
  if (object.contains("direct_url")) out.direct_url = take<std::string>(object, "direct_url");
  if (object.contains("bytecode")) {
    const json blob = take<json>(object, "bytecode");
    const auto hex = take<std::string>(blob, "sha256");
    out.bytecode = BundleBlob{valid(Digest::parse("sha256", hex), hex), take<std::uint64_t>(blob, "size")};
  }
  const WheelFilename wheel = valid(WheelFilename::parse(filename), filename);
  if (wheel.name != out.name || wheel.version != out.version)
    throw BadConfig{fmt::format("{} is not a wheel of {} {}", quote(filename), name, version)};
  return out;
}

BundleConfig config_of(const json& object) {
  if (take<int>(object, "schema") != kSchema)
    throw BadConfig{
        fmt::format("its schema is {}; this moat reads schema {}", take<int>(object, "schema"), kSchema)};
  const json python = take<json>(object, "python");
  BundleConfig out{.name = take<std::string>(object, "name"),
                   .version = take<std::string>(object, "version"),
                   .created = take<std::int64_t>(object, "created"),
                   .moat = take<std::string>(object, "moat"),
                   .architecture = take<std::string>(object, "architecture"),
                   .python = {.implementation = take<std::string>(python, "implementation"),
                              .version = take<std::string>(python, "version"),
                              .major = take<unsigned>(python, "major"),
                              .minor = take<unsigned>(python, "minor"),
                              .free_threaded = take<bool>(python, "free_threaded")},
                   .packages = {}};
  if (object.contains("bytecode")) out.bytecode = take<std::string>(object, "bytecode");
  if (!out.bytecode.empty() && !is_bytecode_key(out.bytecode))
    throw BadConfig{fmt::format("its bytecode is for {}, which does not name a Python", quote(out.bytecode))};
  if (!PackageName::parse(out.name)) throw BadConfig{fmt::format("{} is not a valid name", quote(out.name))};
  std::set<PackageName> names;
  for (const json& one : take<json>(object, "packages")) {
    out.packages.push_back(package_of(one));
    if (!names.insert(out.packages.back().name).second)
      throw BadConfig{fmt::format("{} is there twice", out.packages.back().name.display())};
    if (out.packages.back().bytecode && out.bytecode.empty())
      throw BadConfig{"it does not say for which Python its bytecode is"};
  }
  return out;
}

}  // namespace

OciDescriptor describe_bytecode(const BundleBlob& blob) {
  return {.media_type = std::string(bundle::kBytecodeType), .digest = blob.sha256, .size = blob.size};
}

bool BundlePython::fits(const Interpreter& interpreter) const {
  return interpreter.implementation == implementation && interpreter.major == major &&
         interpreter.minor == minor && interpreter.free_threaded == free_threaded;
}

std::string BundlePython::to_string() const {
  const std::string name = implementation == "cpython" ? "CPython"
                           : implementation == "pypy"  ? "PyPy"
                                                       : implementation;
  return fmt::format("{} {}.{}{}", name, major, minor, free_threaded ? " (free-threaded)" : "");
}

std::string format_bundle_config(const BundleConfig& config) {
  json packages = json::array();
  for (const BundlePackage& package : config.packages) packages.push_back(to_json(package));
  json out{{"schema", kSchema},
           {"name", config.name},
           {"version", config.version},
           {"created", config.created},
           {"moat", config.moat},
           {"architecture", config.architecture},
           {"python",
            {{"implementation", config.python.implementation},
             {"version", config.python.version},
             {"major", config.python.major},
             {"minor", config.python.minor},
             {"free_threaded", config.python.free_threaded}}},
           {"packages", packages}};
  if (!config.bytecode.empty()) out["bytecode"] = config.bytecode;
  return out.dump(2);
}

std::uint64_t BundleConfig::bytecode_size() const {
  std::uint64_t total = 0;
  for (const BundlePackage& package : packages)
    if (package.bytecode) total += package.bytecode->size;
  return total;
}

Expected<BundleConfig> parse_bundle_config(std::string_view text) {
  const json value = json::parse(text, nullptr, false);
  if (!value.is_object()) return parse_error("it is not a JSON object");
  try {
    return config_of(value);
  } catch (const BadConfig& error) {
    return parse_error(error.why);
  }
}

std::string signed_text(std::string_view name, const std::vector<Digest>& manifests) {
  std::set<std::string> sorted;
  for (const Digest& digest : manifests) sorted.insert(digest.to_string());
  std::string out = fmt::format("moat-bundle-v1\n{}\n", name);
  for (const std::string& digest : sorted) out += digest + "\n";
  return out;
}

namespace {

bool is_large(const OciDescriptor& blob) {
  return blob.media_type == bundle::kWheelType || blob.media_type == bundle::kRuntimeType ||
         blob.media_type == bundle::kBytecodeType;
}

// The order of blobs in a bundle: first all that describe it, then the large ones. `manifests`: each with the
// blobs it names.
std::vector<OciDescriptor> in_order(const OciDescriptor& index,
                                    const std::vector<std::pair<OciDescriptor, OciManifest>>& manifests) {
  std::vector<OciDescriptor> small{index}, large;
  std::set<std::string> seen;
  const auto add = [&](const OciDescriptor& blob) {
    if (seen.insert(blob.digest.hex).second) (is_large(blob) ? large : small).push_back(blob);
  };
  for (const auto& [descriptor, manifest] : manifests) {
    add(descriptor);
    add(manifest.config);
    for (const OciDescriptor& layer : manifest.layers) add(layer);
  }
  small.insert(small.end(), large.begin(), large.end());
  return small;
}

}  // namespace

// --- writing ---

namespace {

// A bundle being written: its description, and the place of each blob's bytes.
class Draft {
 public:
  OciDescriptor add(std::string_view media_type, std::string bytes) {
    OciDescriptor out = describe(media_type, bytes);
    texts_.emplace(out.digest.hex, std::move(bytes));
    return out;
  }
  void add(const OciDescriptor& blob, const fs::path& file) { files_.emplace(blob.digest.hex, file); }
  void add(const OciManifest& manifest, const OciPlatform& platform) {
    OciDescriptor descriptor = add(oci::kManifestType, format_oci_manifest(manifest));
    descriptor.platform = platform;
    manifests_.emplace_back(std::move(descriptor), manifest);
  }
  std::vector<Digest> manifests() const {
    std::vector<Digest> out;
    for (const auto& [descriptor, manifest] : manifests_) out.push_back(descriptor.digest);
    return out;
  }

  Digest write(OciArchiveWriter& writer, const std::stop_token& stop) {
    std::vector<OciDescriptor> descriptors;
    for (const auto& [descriptor, manifest] : manifests_) descriptors.push_back(descriptor);
    const OciDescriptor index = add(oci::kIndexType, format_oci_index(descriptors));
    writer.begin(index);
    for (const OciDescriptor& blob : in_order(index, manifests_)) {
      if (const auto text = texts_.find(blob.digest.hex); text != texts_.end())
        writer.add(blob.digest, text->second);
      else
        writer.add_file(blob, files_.at(blob.digest.hex), stop);
    }
    writer.finish();
    return index.digest;
  }

 private:
  std::vector<std::pair<OciDescriptor, OciManifest>> manifests_;
  std::map<std::string, std::string> texts_;  // by hex digest
  std::map<std::string, fs::path> files_;
};

void add_signature(const PrivateKey& key, std::string_view text, Draft& draft) {
  const OciDescriptor config = draft.add(oci::kEmptyType, "{}");
  const OciDescriptor signature =
      draft.add(bundle::kSignatureType, json{{"schema", kSchema},
                                             {"key", key.public_key().fingerprint()},
                                             {"signature", to_base64(key.sign(text))}}
                                            .dump());
  draft.add(OciManifest{config, {signature}}, kNoPlatform);
}

void add_target(const BundleContents& contents, Draft& draft) {
  OciManifest manifest{draft.add(bundle::kConfigType, format_bundle_config(contents.config)),
                       {draft.add(bundle::kLockType, contents.lock)}};
  const auto add_file = [&](OciDescriptor blob, const fs::path& file) {
    draft.add(blob, file);
    manifest.layers.push_back(std::move(blob));
  };
  if (!contents.sbom.empty()) manifest.layers.push_back(draft.add(bundle::kSbomType, contents.sbom));
  if (contents.runtime)
    add_file({.media_type = std::string(bundle::kRuntimeType),
              .digest = hash_file(*contents.runtime),
              .size = fs::file_size(*contents.runtime)},
             *contents.runtime);
  for (std::size_t i = 0; i < contents.wheels.size(); ++i)
    add_file(describe_wheel(contents.config.packages[i]), contents.wheels[i]);
  for (std::size_t i = 0; i < contents.bytecode.size(); ++i)
    if (const auto& blob = contents.config.packages[i].bytecode)
      add_file(describe_bytecode(*blob), contents.bytecode[i]);
  draft.add(manifest, OciPlatform{oci_architecture(contents.config.architecture), "linux"});
}

}  // namespace

Digest write_bundle(const std::vector<BundleContents>& targets, const std::optional<PrivateKey>& key, int fd,
                    const fs::path& label, const std::stop_token& stop) {
  Draft draft;
  for (const BundleContents& target : targets) add_target(target, draft);
  const BundleConfig& first = targets.front().config;
  if (key) add_signature(*key, signed_text(first.name, draft.manifests()), draft);
  OciArchiveWriter writer(fd, label, first.created);
  return draft.write(writer, stop);
}

void Bundle::write(int fd, const fs::path& label, const std::stop_token& stop) const {
  OciArchiveWriter writer(fd, label, targets_.front().config.created);
  writer.begin(source_->index());
  for (const OciDescriptor& blob : blobs_) writer.add_from(*source_, blob, stop);
  writer.finish();
}

// --- reading ---

const OciDescriptor* BundleTarget::runtime() const {
  for (const OciDescriptor& layer : manifest.layers)
    if (layer.media_type == bundle::kRuntimeType) return &layer;
  return nullptr;
}

Bundle::Bundle(std::unique_ptr<const OciSource> source) : source_(std::move(source)) {
  refer(source_->index());
  const auto manifests = parse_oci_index(source_->read(source_->index(), kMostTextBytes));
  if (!manifests) source_->refuse(fmt::format("its index: {}", manifests.error().message));
  for (const OciDescriptor& descriptor : *manifests) {
    if (descriptor.media_type != oci::kManifestType)
      source_->refuse(fmt::format("{} is not a manifest", descriptor.digest.to_string()));
    if (descriptor.platform == kNoPlatform)
      read_signature(descriptor);
    else
      read_target(descriptor);
  }
  if (targets_.empty()) source_->refuse("there is no target in it");
  for (const BundleTarget& target : targets_)
    if (target.config.name != name()) source_->refuse("its targets are of different programs");
  source_->check_holds(referred_);
  blobs_ = in_order(source_->index(), manifests_);
}

void Bundle::refer(const OciDescriptor& blob) {
  const auto [found, added] = referred_.emplace(blob.digest.hex, blob);
  if (!added && found->second.size != blob.size)
    source_->refuse(fmt::format("two sizes are given for the blob {}", blob.digest.to_string()));
}

void Bundle::read_target(const OciDescriptor& descriptor) {
  refer(descriptor);
  const auto manifest = parse_oci_manifest(source_->read(descriptor, kMostTextBytes));
  if (!manifest) source_->refuse(fmt::format("a manifest: {}", manifest.error().message));
  manifests_.emplace_back(descriptor, *manifest);
  refer(manifest->config);
  if (manifest->config.media_type != bundle::kConfigType)
    source_->refuse(
        fmt::format("{} is not the configuration of a bundle", quote(manifest->config.media_type)));
  auto config = parse_bundle_config(source_->read(manifest->config, kMostTextBytes));
  if (!config) source_->refuse(fmt::format("its configuration: {}", config.error().message));
  for (const OciDescriptor& layer : manifest->layers) refer(layer);
  targets_.push_back({descriptor, *manifest, std::move(*config)});
  check_layers(targets_.back());
}

// Each package must have its wheel, and its bytecode if there is any; and each blob its package.
void Bundle::check_layers(const BundleTarget& target) const {
  std::map<std::string, std::uint64_t> wheels, bytecode;
  std::size_t locks = 0, runtimes = 0, sboms = 0;
  for (const OciDescriptor& layer : target.manifest.layers) {
    if (layer.media_type == bundle::kWheelType)
      wheels.emplace(layer.digest.hex, layer.size);
    else if (layer.media_type == bundle::kBytecodeType)
      bytecode.emplace(layer.digest.hex, layer.size);
    else if (layer.media_type == bundle::kLockType)
      ++locks;
    else if (layer.media_type == bundle::kRuntimeType)
      ++runtimes;
    else if (layer.media_type == bundle::kSbomType)
      ++sboms;
    else
      source_->refuse(fmt::format("it holds something of an unknown kind: {}", quote(layer.media_type)));
  }
  if (locks != 1) source_->refuse("it does not hold one lock");
  if (runtimes > 1) source_->refuse("it holds more than one Python");
  if (sboms > 1) source_->refuse("it holds more than one list of components");
  std::set<std::string> belongs;
  for (const BundlePackage& package : target.config.packages) {
    const auto wheel = wheels.find(package.sha256.hex);
    if (wheel == wheels.end() || wheel->second != package.size)
      source_->refuse(fmt::format("the wheel {} is missing", quote(package.filename)));
    if (!package.bytecode) continue;
    belongs.insert(package.bytecode->sha256.hex);
    const auto blob = bytecode.find(package.bytecode->sha256.hex);
    if (blob == bytecode.end() || blob->second != package.bytecode->size)
      source_->refuse(fmt::format("the bytecode of {} is missing", quote(package.filename)));
  }
  if (belongs.size() != bytecode.size()) source_->refuse("it holds bytecode that belongs to no package");
  if (wheels.size() != target.config.packages.size())
    source_->refuse("it holds wheels that belong to no package");
}

void Bundle::read_signature(const OciDescriptor& descriptor) {
  refer(descriptor);
  const auto manifest = parse_oci_manifest(source_->read(descriptor, kMostTextBytes));
  if (!manifest || manifest->layers.size() != 1 ||
      manifest->layers.front().media_type != bundle::kSignatureType)
    source_->refuse("it holds something that is neither a target nor a signature");
  manifests_.emplace_back(descriptor, *manifest);
  refer(manifest->config);
  refer(manifest->layers.front());
  const json value = json::parse(source_->read(manifest->layers.front(), kMostTextBytes), nullptr, false);
  try {
    if (take<int>(value, "schema") != kSchema) source_->refuse("it has a signature of an unknown schema");
    auto bytes = from_base64(take<std::string>(value, "signature"));
    if (!bytes) source_->refuse("its signature is damaged");
    signatures_.push_back({take<std::string>(value, "key"), std::move(*bytes)});
  } catch (const BadConfig& error) {
    source_->refuse(fmt::format("its signature: {}", error.why));
  }
}

std::optional<std::string> Bundle::signed_by(const std::vector<PublicKey>& keys) const {
  std::vector<Digest> manifests;
  for (const BundleTarget& target : targets_) manifests.push_back(target.descriptor.digest);
  const std::string text = signed_text(name(), manifests);
  for (const PublicKey& key : keys)
    for (const Signature& signature : signatures_)
      if (key.verifies(text, signature.bytes)) return key.fingerprint();
  return std::nullopt;
}

std::vector<std::string> Bundle::claimed_signers() const {
  std::vector<std::string> out;
  for (const Signature& signature : signatures_) out.push_back(signature.fingerprint);
  return out;
}

void Bundle::verify(Workers& workers, const std::stop_token& stop) const {
  std::vector<const OciDescriptor*> blobs;
  for (const auto& [hex, blob] : referred_) blobs.push_back(&blob);
  std::sort(blobs.begin(), blobs.end(), [](const auto* a, const auto* b) { return a->size > b->size; });
  workers.for_each(blobs.size(), [&](std::size_t i) {
    source_->pass(
        *blobs[i], [](std::string_view) {}, stop);
  });
}

void Bundle::save(const BundlePackage& package, const fs::path& file, const std::stop_token& stop) const {
  const UniqueFd to = open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
  source_->pass(
      describe_wheel(package), [&](std::string_view piece) { write_all(to.get(), piece, file); }, stop);
}

std::string Bundle::text_of_type(const BundleTarget& target, std::string_view media_type) const {
  for (const OciDescriptor& layer : target.manifest.layers)
    if (layer.media_type == media_type) return text(layer);
  return {};
}

std::string Bundle::lock_text(const BundleTarget& target) const {
  return text_of_type(target, bundle::kLockType);
}

std::string Bundle::sbom_text(const BundleTarget& target) const {
  return text_of_type(target, bundle::kSbomType);
}

std::string Bundle::text(const OciDescriptor& blob) const { return source_->read(blob, kMostTextBytes); }

void refuse_untrusted(const Bundle& bundle) {
  const std::vector<std::string> signers = bundle.claimed_signers();
  if (signers.empty()) throw Error(ErrorKind::Refused, fmt::format("{} is not signed", bundle.label()));
  throw Error(ErrorKind::Refused, fmt::format("{} is not signed by a trusted key; its signature names {}",
                                              bundle.label(), join(signers, ", ")));
}

std::vector<PublicKey> read_public_keys(const fs::path& path) {
  std::vector<fs::path> files;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(path, error))
      if (entry.path().extension() == ".pem" || entry.path().extension() == ".pub")
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    if (files.empty())
      throw Error(ErrorKind::BadInput,
                  fmt::format("there is no *.pem or *.pub file in {}", quote(path.native())));
  } else {
    files.push_back(path);
  }
  std::vector<PublicKey> keys;
  for (const fs::path& file : files) {
    const std::optional<std::string> text = read_file_if_exists(file);
    if (!text) throw Error(ErrorKind::BadInput, fmt::format("no such file: {}", quote(file.native())));
    Expected<PublicKey> key = PublicKey::parse(*text);
    if (!key)
      throw Error(ErrorKind::BadInput, fmt::format("{}: {}", quote(file.native()), key.error().message),
                  {"openssl pkey -in PRIVATE.pem -pubout -out PUBLIC.pem"});
    keys.push_back(std::move(*key));
  }
  return keys;
}

}  // namespace moat
