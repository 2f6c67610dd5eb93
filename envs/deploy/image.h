// Container images without a daemon: writes an environment, and the system below it, as layers of an OCI
// image (https://github.com/opencontainers/image-spec). The same files and options give the same bytes.
#pragma once

#include "envs/environment/environment.h"
#include "fetch/oci/oci_layout.h"
#include "fetch/os/workers.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace moat {

// A file, folder or symbolic link of a layer.
struct ImageMember {
  enum class Kind { File, Folder, Link };
  std::string path;  // in the image, "app/bin/python"
  Kind kind = Kind::File;
  unsigned mode = 0644;
  std::filesystem::path source = {};       // of a file: where its bytes are; "" where they are in `text`
  std::string text = {};                   // the bytes, or where the link leads
  std::optional<std::int64_t> mtime = {};  // nullopt: the image's own
};

struct ImageLayer {
  std::string note;  // what is in it, for `history`: "Python 3.11.7"
  std::vector<ImageMember> members;
};

// The environment as layers of an image in which it is at `place` ("/app"): rarely changing files first, and
// those that change with every release last. `own`: names of packages that are the program itself. A change
// of one package changes its layer and the last one: large packages have one each, small ones share.
std::vector<ImageLayer> environment_layers(const Environment& environment, const std::string& place,
                                           const std::set<std::string>& own);
// Assigns packages of these sizes to at most kMostPackageLayers layers. Pure: a package's layer depends on
// the other packages as little as possible.
inline constexpr std::size_t kMostPackageLayers = 32;
std::vector<std::vector<std::string>> group_packages(const std::map<std::string, std::uint64_t>& sizes);

// The base of an image.
struct ImageBase {
  std::unique_ptr<const OciSource> source;
  std::string config;                 // JSON, of the image
  std::vector<OciDescriptor> layers;  // lowest first
};
// The image for this machine that the source's index, or its one manifest, names. Error(BadArchive) if it is
// not an image, Error(NoSolution) if it is for other machines only.
ImageBase read_image_base(std::unique_ptr<const OciSource> source, const std::string& architecture);

struct ImageOptions {
  std::int64_t created = 0;  // unix seconds
  std::string architecture;  // "x86_64"
  std::string name;          // "shop:2.1"
  std::vector<std::string> entrypoint, command, ports;
  std::vector<std::pair<std::string, std::string>> variables, labels;
  std::string path;  // folder to put at the head of PATH
  std::optional<std::string> user, working_directory;
  bool for_docker = false;  // with the file that older versions of `docker load` look for
};

struct WrittenImage {
  Digest digest;  // of the manifest
  std::uint64_t size = 0;
  std::size_t layers = 0;
};
// `folder`: an empty one to work in. `base`: nullptr for an image from nothing.
WrittenImage write_image(const ImageBase* base, const std::vector<ImageLayer>& layers,
                         const ImageOptions& options, const std::filesystem::path& folder, int fd,
                         const std::filesystem::path& label, Workers& workers, const std::stop_token& stop);

}  // namespace moat
