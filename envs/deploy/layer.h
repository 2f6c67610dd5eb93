// One layer of an image as a blob.
#pragma once

#include "envs/deploy/image.h"

#include <cstdint>
#include <filesystem>
#include <stop_token>

namespace moat {

struct PackedLayer {
  OciDescriptor blob;  // tar+gzip
  Digest unpacked;     // of the tar: its diff_id
};
// Writes into a file that does not exist yet. Members keep the given order and have no owner; their time is
// `created` unless they have their own.
PackedLayer pack_layer(const ImageLayer& layer, std::int64_t created, const std::filesystem::path& file,
                       const std::stop_token& stop);

}  // namespace moat
