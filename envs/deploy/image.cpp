#include "envs/deploy/image.h"

#include "envs/deploy/bundle.h"
#include "envs/deploy/layer.h"
#include "resolver/base/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>

namespace moat {
namespace {

using nlohmann::json;

constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr std::uint64_t kMostTextBytes = std::uint64_t{16} << 20U;

json parse_object(const OciSource& source, const std::string& text, const char* what) {
  json value = json::parse(text, nullptr, false);
  if (!value.is_object()) source.refuse(fmt::format("{} is not a JSON object", what));
  return value;
}

std::string text_at(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// Base images have keys of all kinds, and docker's media types.
OciDescriptor descriptor_of(const OciSource& source, const json& value) {
  const auto digest = value.is_object() ? Digest::parse(text_at(value, "digest")) : parse_error("");
  if (!digest || digest->algorithm != "sha256" || !value.contains("size") ||
      !value["size"].is_number_unsigned())
    source.refuse("a descriptor in it is damaged");
  return {.media_type = text_at(value, "mediaType"),
          .digest = *digest,
          .size = value["size"].get<std::uint64_t>()};
}

std::string oci_layer_type(const std::string& type) {
  if (type.starts_with("application/vnd.docker.image.rootfs.diff.tar"))
    return std::string(oci::kLayerType) + (type.ends_with("gzip") ? "+gzip" : "");
  return type;
}

std::string rfc3339(std::int64_t time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(time)));
}

// "PATH=/usr/bin" of a list of such.
std::string value_in(const json& list, const std::string& name) {
  for (const json& one : list)
    if (one.is_string() && one.get<std::string>().starts_with(name + "="))
      return one.get<std::string>().substr(name.size() + 1);
  return "";
}

void set_variable(json& list, const std::string& name, const std::string& value) {
  for (json& one : list)
    if (one.is_string() && one.get<std::string>().starts_with(name + "=")) {
      one = name + "=" + value;
      return;
    }
  list.push_back(name + "=" + value);
}

json config_of(const ImageBase* base, const ImageOptions& options) {
  json out = base != nullptr ? json::parse(base->config) : json::object();
  out["architecture"] = oci_architecture(options.architecture);
  out["os"] = "linux";
  out["created"] = rfc3339(options.created);
  json& config = out["config"];
  if (!config.is_object()) config = json::object();
  json& variables = config["Env"];
  if (!variables.is_array()) variables = json::array();
  const std::string path = value_in(variables, "PATH");
  if (!options.path.empty())
    set_variable(variables, "PATH",
                 options.path + ":" +
                     (path.empty() ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" : path));
  for (const auto& [name, value] : options.variables) set_variable(variables, name, value);
  config["Entrypoint"] = options.entrypoint;
  config.erase("Cmd");  // of the base, for its own entry point
  if (!options.command.empty()) config["Cmd"] = options.command;
  if (options.user) config["User"] = *options.user;
  if (options.working_directory) config["WorkingDir"] = *options.working_directory;
  for (const std::string& port : options.ports)
    config["ExposedPorts"][port.find('/') == std::string::npos ? port + "/tcp" : port] = json::object();
  for (const auto& [name, value] : options.labels) config["Labels"][name] = value;
  return out;
}

// Do the fields that are read from a base's configuration and extended have the right types?
bool is_sound(const json& config) {
  const auto is_object_or_absent = [](const json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() || found->is_object();
  };
  const auto rootfs = config.find("rootfs"), inner = config.find("config");
  if (rootfs == config.end() || !rootfs->is_object() || !rootfs->contains("diff_ids") ||
      !(*rootfs)["diff_ids"].is_array() || !is_object_or_absent(config, "config"))
    return false;
  return inner == config.end() || inner->is_null() ||
         (is_object_or_absent(*inner, "Labels") && is_object_or_absent(*inner, "ExposedPorts"));
}

void add_layers(json& config, const std::vector<PackedLayer>& packed, const std::vector<ImageLayer>& layers,
                std::int64_t created) {
  json& rootfs = config["rootfs"];
  if (!rootfs.is_object()) rootfs = json{{"type", "layers"}, {"diff_ids", json::array()}};
  if (!config["history"].is_array()) config["history"] = json::array();
  for (std::size_t i = 0; i < packed.size(); ++i) {
    rootfs["diff_ids"].push_back(packed[i].unpacked.to_string());
    config["history"].push_back(
        {{"created", rfc3339(created)}, {"created_by", "moat image"}, {"comment", layers[i].note}});
  }
}

// The file that `docker save` writes, and that `docker load` needs before version 25.
std::string docker_manifest(const OciDescriptor& config, const std::vector<OciDescriptor>& layers,
                            const std::string& name) {
  const auto path = [](const Digest& digest) { return "blobs/sha256/" + digest.hex; };
  json paths = json::array();
  for (const OciDescriptor& layer : layers) paths.push_back(path(layer.digest));
  return json::array(
             {{{"Config", path(config.digest)}, {"RepoTags", json::array({name})}, {"Layers", paths}}})
      .dump();
}

}  // namespace

ImageBase read_image_base(std::unique_ptr<const OciSource> source, const std::string& architecture) {
  const OciSource& from = *source;
  OciDescriptor descriptor = from.index();
  for (int depth = 0; is_oci_index(descriptor.media_type); ++depth) {
    const json index = parse_object(from, from.read(descriptor, kMostTextBytes), "its index");
    const auto manifests = index.find("manifests");
    if (manifests == index.end() || !manifests->is_array() || depth == 3) from.refuse("its index is damaged");
    std::vector<std::string> there;
    std::optional<OciDescriptor> found;
    for (const json& one : *manifests) {
      const json platform = one.is_object() ? one.value("platform", json::object()) : json::object();
      const std::string machine = text_at(platform, "architecture"), os = text_at(platform, "os");
      const bool fits =
          manifests->size() == 1 || (machine == oci_architecture(architecture) && os == "linux");
      if (fits && !found) found = descriptor_of(from, one);
      there.push_back(os + "/" + machine);
    }
    if (!found)
      throw Error(ErrorKind::NoSolution, fmt::format("{} is for {}; this machine is linux/{}", from.label(),
                                                     join(there, ", "), oci_architecture(architecture)));
    descriptor = *found;
  }
  const json manifest = parse_object(from, from.read(descriptor, kMostTextBytes), "its manifest");
  if (!manifest.contains("config") || !manifest.contains("layers") || !manifest["layers"].is_array())
    from.refuse("its manifest is not that of an image");
  ImageBase out{.source = nullptr, .config = {}, .layers = {}};
  out.config = from.read(descriptor_of(from, manifest["config"]), kMostTextBytes);
  const json config = parse_object(from, out.config, "its configuration");
  const std::string machine = text_at(config, "architecture");
  if (machine != oci_architecture(architecture))
    throw Error(ErrorKind::NoSolution, fmt::format("{} is for {}; this machine is {}", from.label(),
                                                   machine.empty() ? "an unknown machine" : machine,
                                                   oci_architecture(architecture)));
  for (const json& layer : manifest["layers"]) {
    out.layers.push_back(descriptor_of(from, layer));
    out.layers.back().media_type = oci_layer_type(out.layers.back().media_type);
  }
  if (!is_sound(config)) from.refuse("its configuration is damaged");
  const json diffs = config.value("rootfs", json::object()).value("diff_ids", json::array());
  if (diffs.size() != out.layers.size())
    from.refuse("its configuration names other layers than its manifest");
  out.source = std::move(source);
  return out;
}

WrittenImage write_image(const ImageBase* base, const std::vector<ImageLayer>& layers,
                         const ImageOptions& options, const fs::path& folder, int fd, const fs::path& label,
                         Workers& workers, const std::stop_token& stop) {
  std::vector<PackedLayer> packed(layers.size());
  workers.for_each(layers.size(), [&](std::size_t i) {
    packed[i] = pack_layer(layers[i], options.created, folder / std::to_string(i), stop);
  });
  json config = config_of(base, options);
  add_layers(config, packed, layers, options.created);
  const std::string config_text = config.dump(-1, ' ', false, json::error_handler_t::replace);
  OciManifest manifest{.config = {.media_type = std::string(kConfigType),
                                  .digest = hash_bytes(config_text),
                                  .size = config_text.size()},
                       .layers = {}};
  if (base != nullptr) manifest.layers = base->layers;
  for (const PackedLayer& layer : packed) manifest.layers.push_back(layer.blob);
  const std::string text = format_oci_manifest(manifest);
  // A colon before the last slash separates a port.
  const std::size_t colon = options.name.find(':', options.name.rfind('/') + 1);
  const std::string tag = colon == std::string::npos ? "latest" : options.name.substr(colon + 1);
  const OciDescriptor descriptor{.media_type = std::string(oci::kManifestType),
                                 .digest = hash_bytes(text),
                                 .size = text.size(),
                                 .annotations = {{"org.opencontainers.image.ref.name", tag}},
                                 .platform = OciPlatform{oci_architecture(options.architecture), "linux"}};
  WrittenImage out{.digest = descriptor.digest, .size = 0, .layers = manifest.layers.size()};
  for (const OciDescriptor& layer : manifest.layers) out.size += layer.size;
  OciArchiveWriter writer(fd, label, options.created);
  writer.begin(descriptor);
  if (options.for_docker)
    writer.add_beside("manifest.json",
                      docker_manifest(manifest.config, manifest.layers,
                                      colon == std::string::npos ? options.name + ":latest" : options.name));
  writer.add(descriptor.digest, text);
  writer.add(manifest.config.digest, config_text);
  if (base != nullptr)
    for (const OciDescriptor& layer : base->layers) writer.add_from(*base->source, layer, stop);
  for (std::size_t i = 0; i < packed.size(); ++i)
    writer.add_file(packed[i].blob, folder / std::to_string(i), stop);
  writer.finish();
  return out;
}

}  // namespace moat
