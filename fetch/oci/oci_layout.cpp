#include "fetch/oci/oci_layout.h"

#include "fetch/os/interrupt.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <initializer_list>

namespace moat {
namespace {

using nlohmann::json;

constexpr std::string_view kBlobs = "blobs/sha256/";
constexpr std::size_t kMostMembers = 100'000;
constexpr std::uint64_t kMostIndexBytes = std::uint64_t{4} << 20U;
constexpr std::size_t kPiece = std::size_t{1} << 18U;
constexpr std::string_view kLayout = R"({"imageLayoutVersion":"1.0.0"})";

json to_json(const OciDescriptor& descriptor) {
  json out{{"mediaType", descriptor.media_type},
           {"digest", descriptor.digest.to_string()},
           {"size", descriptor.size}};
  if (!descriptor.annotations.empty()) out["annotations"] = descriptor.annotations;
  if (descriptor.platform)
    out["platform"] = {{"architecture", descriptor.platform->architecture}, {"os", descriptor.platform->os}};
  return out;
}

struct NotOci {
  std::string why;
};

void require_object(const json& value, const char* what, std::initializer_list<std::string_view> known) {
  if (!value.is_object()) throw NotOci{fmt::format("{} is not an object", what)};
  for (const auto& [key, ignored] : value.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw NotOci{fmt::format("{} has an unknown key {}", what, quote(key))};
}

std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string())
    throw NotOci{fmt::format("`{}` is missing or no text", key)};
  return found->get<std::string>();
}

OciDescriptor descriptor_of(const json& value) {
  require_object(value, "a descriptor", {"mediaType", "digest", "size", "annotations", "platform"});
  OciDescriptor out{.media_type = text_at(value, "mediaType"), .digest = {}};
  const auto digest = Digest::parse(text_at(value, "digest"));
  if (!digest || digest->algorithm != "sha256" || digest->to_string() != text_at(value, "digest"))
    throw NotOci{fmt::format("{} is not a sha256 digest", quote(text_at(value, "digest")))};
  out.digest = *digest;
  const auto size = value.find("size");
  if (size == value.end() || !size->is_number_unsigned()) throw NotOci{"`size` is missing or not a number"};
  out.size = size->get<std::uint64_t>();
  if (const auto annotations = value.find("annotations"); annotations != value.end()) {
    if (!annotations->is_object()) throw NotOci{"`annotations` is not an object"};
    for (const auto& [key, text] : annotations->items()) {
      if (!text.is_string()) throw NotOci{"an annotation is not a text"};
      out.annotations.emplace(key, text.get<std::string>());
    }
  }
  if (const auto platform = value.find("platform"); platform != value.end()) {
    require_object(*platform, "`platform`", {"architecture", "os"});
    out.platform = OciPlatform{text_at(*platform, "architecture"), text_at(*platform, "os")};
  }
  return out;
}

json parse_json(std::string_view text) {
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) throw NotOci{"it is not JSON"};
  return value;
}

// `mediaType` may be missing in an index or a manifest, and is in those that skopeo writes.
void require_schema(const json& value, std::string_view type) {
  const auto schema = value.find("schemaVersion");
  if (schema == value.end() || *schema != 2) throw NotOci{"its `schemaVersion` is not 2"};
  if (value.contains("mediaType") && text_at(value, "mediaType") != type)
    throw NotOci{fmt::format("its `mediaType` is not {}", type)};
}

std::vector<OciDescriptor> descriptors_at(const json& value, const char* key) {
  const auto found = value.find(key);
  if (found == value.end() || !found->is_array())
    throw NotOci{fmt::format("`{}` is missing or no list", key)};
  std::vector<OciDescriptor> out;
  for (const json& one : *found) out.push_back(descriptor_of(one));
  return out;
}

template <class F>
auto parsed(F&& parse) -> Expected<decltype(parse())> {
  try {
    return parse();
  } catch (const NotOci& error) {
    return parse_error(error.why);
  }
}

}  // namespace

bool is_oci_index(std::string_view media_type) {
  return media_type == oci::kIndexType ||
         media_type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

bool is_oci_manifest(std::string_view media_type) {
  return media_type == oci::kManifestType ||
         media_type == "application/vnd.docker.distribution.manifest.v2+json";
}

std::string oci_architecture(const std::string& machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine == "i686" || machine == "i386") return "386";
  return machine;
}

std::string format_oci_index(const std::vector<OciDescriptor>& manifests) {
  json out{{"schemaVersion", 2}, {"mediaType", oci::kIndexType}, {"manifests", json::array()}};
  for (const OciDescriptor& manifest : manifests) out["manifests"].push_back(to_json(manifest));
  return out.dump();
}

std::string format_oci_manifest(const OciManifest& manifest) {
  json out{{"schemaVersion", 2},
           {"mediaType", oci::kManifestType},
           {"config", to_json(manifest.config)},
           {"layers", json::array()}};
  for (const OciDescriptor& layer : manifest.layers) out["layers"].push_back(to_json(layer));
  return out.dump();
}

Expected<std::vector<OciDescriptor>> parse_oci_index(std::string_view text) {
  return parsed([&] {
    const json value = parse_json(text);
    require_object(value, "the index", {"schemaVersion", "mediaType", "manifests", "annotations"});
    require_schema(value, oci::kIndexType);
    return descriptors_at(value, "manifests");
  });
}

Expected<OciManifest> parse_oci_manifest(std::string_view text) {
  return parsed([&] {
    const json value = parse_json(text);
    require_object(value, "the manifest", {"schemaVersion", "mediaType", "config", "layers", "annotations"});
    require_schema(value, oci::kManifestType);
    const auto config = value.find("config");
    if (config == value.end()) throw NotOci{"`config` is missing"};
    return OciManifest{descriptor_of(*config), descriptors_at(value, "layers")};
  });
}

// --- writing ---

void OciArchiveWriter::begin(const OciDescriptor& index) {
  tar_.add("oci-layout", kLayout);
  tar_.add("index.json", format_oci_index({index}));
}

void OciArchiveWriter::add(const Digest& digest, std::string_view bytes) {
  if (written_.insert(digest.hex).second) tar_.add(fmt::format("{}{}", kBlobs, digest.hex), bytes);
}

void OciArchiveWriter::add_file(const OciDescriptor& blob, const fs::path& file,
                                const std::stop_token& stop) {
  if (!written_.insert(blob.digest.hex).second) return;
  const UniqueFd input = open_file(file, O_RDONLY);
  const auto changed = [&] {
    return Error(ErrorKind::HashMismatch, fmt::format("{} changed while it was read", quote(file.native())));
  };
  tar_.begin(fmt::format("{}{}", kBlobs, blob.digest.hex), blob.size);
  Hasher hasher;
  std::string buffer(kPiece, '\0');
  for (std::uint64_t left = blob.size; left > 0;) {
    throw_if_interrupted(stop);
    const ssize_t count = ::read(input.get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), left));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("read", file, errno);
    if (count == 0) throw changed();
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(count));
    hasher.update(piece);
    tar_.write(piece);
    left -= piece.size();
  }
  tar_.end();
  if (hasher.finish() != blob.digest) throw changed();
}

void OciArchiveWriter::add_from(const OciSource& source, const OciDescriptor& blob,
                                const std::stop_token& stop) {
  if (!written_.insert(blob.digest.hex).second) return;
  tar_.begin(fmt::format("{}{}", kBlobs, blob.digest.hex), blob.size);
  source.pass(
      blob, [&](std::string_view piece) { tar_.write(piece); }, stop);
  tar_.end();
}

// --- reading ---

namespace {

// The entries of any tool's index.json.
std::vector<OciDescriptor> image_descriptors(const OciSource& source, const std::string& text) {
  const json value = json::parse(text, nullptr, false);
  if (!value.is_object() || !value.contains("manifests") || !value["manifests"].is_array())
    source.refuse("its index.json is damaged");
  std::vector<OciDescriptor> out;
  for (json one : value["manifests"]) {
    if (one.is_object())
      for (const char* key : {"platform", "urls", "data", "artifactType"}) one.erase(key);
    const auto descriptor = parsed([&] { return descriptor_of(one); });
    if (!descriptor) source.refuse(fmt::format("its index.json: {}", descriptor.error().message));
    out.push_back(*descriptor);
  }
  return out;
}

}  // namespace

OciArchive::OciArchive(UniqueFd file, std::string label, OciContent content)
    : OciSource(std::move(label)), file_(std::make_shared<const UniqueFd>(std::move(file))) {
  std::optional<TarEntry> layout, index;
  for (TarEntry& entry : scan_tar(file_->get(), label_, kMostMembers)) {
    if (entry.is_folder) {
      if (entry.name != "blobs" && entry.name != "blobs/sha256" && entry.name != "." && !entry.name.empty())
        refuse(fmt::format("{} does not belong to an OCI layout", quote(entry.name)));
    } else if (entry.name == "oci-layout") {
      layout = std::move(entry);
    } else if (entry.name == "index.json") {
      index = std::move(entry);
    } else if (const auto digest = Digest::parse(
                   "sha256", std::string_view(entry.name).substr(std::min(kBlobs.size(), entry.name.size())));
               entry.name.starts_with(kBlobs) && digest &&
               entry.name == fmt::format("{}{}", kBlobs, digest->hex)) {
      blobs_.emplace(digest->hex, std::move(entry));
    } else if (content == OciContent::Bundle) {
      refuse(fmt::format("{} does not belong to an OCI layout", quote(entry.name)));
    }
  }
  const auto text = [&](const std::optional<TarEntry>& entry, const char* name) {
    if (!entry) refuse(fmt::format("it has no {}", name));
    if (entry->size > kMostIndexBytes) refuse(fmt::format("{} is too large", name));
    std::string bytes(entry->size, '\0');
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t count =
          ::pread(file_->get(), bytes.data() + at, bytes.size() - at, static_cast<off_t>(entry->offset + at));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw_errno("read", label_, errno);
      if (count == 0) refuse("it is cut off");
      at += static_cast<std::size_t>(count);
    }
    return bytes;
  };
  const json version = json::parse(text(layout, "oci-layout"), nullptr, false);
  // Invalid JSON gives a value that is not version 1.0.0.
  if (version.is_discarded() || version != json::parse(kLayout))
    refuse("its oci-layout is not of version 1.0.0");
  if (content == OciContent::Image) {
    const std::vector<OciDescriptor> there = image_descriptors(*this, text(index, "index.json"));
    if (there.size() != 1) refuse(fmt::format("it holds {} images; one is needed", there.size()));
    index_ = there.front();
    return;
  }
  const auto manifests = parse_oci_index(text(index, "index.json"));
  if (!manifests) refuse(fmt::format("index.json: {}", manifests.error().message));
  if (manifests->size() != 1 || manifests->front().media_type != oci::kIndexType)
    refuse("index.json does not name one index");
  index_ = manifests->front();
}

void OciArchive::check_holds(const std::map<std::string, OciDescriptor>& blobs) const {
  for (const auto& [hex, blob] : blobs)
    if (blobs_.count(hex) == 0) refuse(fmt::format("the blob {} is missing", blob.digest.to_string()));
  if (blobs_.size() != blobs.size()) refuse("it holds blobs that nothing refers to");
}

BlobPlace OciArchive::locate(const OciDescriptor& blob) const {
  const auto found = blobs_.find(blob.digest.hex);
  if (found == blobs_.end()) refuse(fmt::format("the blob {} is missing", blob.digest.to_string()));
  if (found->second.size != blob.size)
    refuse(fmt::format("the blob {} has {} bytes; {} bytes expected", blob.digest.to_string(),
                       found->second.size, blob.size));
  return {file_, found->second.offset, label_};
}

OciFolder::OciFolder(fs::path folder, const std::string& tag)
    : OciSource(quote(folder.native())), folder_(std::move(folder)) {
  const auto text = read_file_if_exists(folder_ / "index.json");
  if (!text) refuse("it has no index.json");
  std::vector<OciDescriptor> found;
  for (OciDescriptor& one : image_descriptors(*this, *text)) {
    const auto name = one.annotations.find("org.opencontainers.image.ref.name");
    if (tag.empty() || (name != one.annotations.end() && name->second == tag))
      found.push_back(std::move(one));
  }
  if (found.empty()) throw Error(ErrorKind::NotFound, fmt::format("{} has no image {}", label_, quote(tag)));
  if (found.size() > 1) refuse("it holds several images; name one: oci:DIR:TAG");
  index_ = found.front();
}

BlobPlace OciFolder::locate(const OciDescriptor& blob) const {
  const fs::path file = folder_ / kBlobs / blob.digest.hex;
  std::error_code error;
  if (fs::file_size(file, error) != blob.size || error)
    refuse(fmt::format("the blob {} is missing, or has another size", blob.digest.to_string()));
  return {std::make_shared<const UniqueFd>(open_file(file, O_RDONLY)), 0, file};
}

// --- blobs ---

void OciSource::refuse(const std::string& why) const {
  throw Error(ErrorKind::BadArchive, fmt::format("{} is refused: {}", label_, why));
}

std::string OciSource::read(const OciDescriptor& blob, std::uint64_t most) const {
  if (blob.size > most) refuse(fmt::format("the blob {} is too large", blob.digest.to_string()));
  std::string out;
  pass(blob, [&](std::string_view piece) { out.append(piece); }, {});
  return out;
}

void OciSource::pass(const OciDescriptor& blob, const std::function<void(std::string_view)>& sink,
                     const std::stop_token& stop) const {
  const BlobPlace place = locate(blob);
  Hasher hasher;
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, blob.size)), '\0');
  for (std::uint64_t at = 0; at < blob.size;) {
    throw_if_interrupted(stop);
    const ssize_t count =
        ::pread(place.file->get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), blob.size - at),
                static_cast<off_t>(place.offset + at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("read", place.path, errno);
    if (count == 0) refuse("it is cut off");
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(count));
    hasher.update(piece);
    sink(piece);
    at += piece.size();
  }
  if (hasher.finish() != blob.digest)
    refuse(fmt::format("the bytes of the blob {} are not what its name says", blob.digest.to_string()));
}

}  // namespace moat
