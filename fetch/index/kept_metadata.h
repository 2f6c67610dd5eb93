// METADATA texts that the store keeps, so that nobody has to be asked again.
#pragma once

#include "fetch/store/store.h"
#include "resolver/base/reporter.h"
#include "resolver/files/artifact.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace moat {

// The entry of one file.
class KeptMetadata {
 public:
  // Not keyed by digest alone: an index may promise a hash that nobody has verified for another file's URL.
  static KeptMetadata of_wheel(const Store& store, const Artifact& wheel);
  // By the hash of the archive, which was verified when the text was read out of it; without one nothing is
  // kept.
  static KeptMetadata of_sdist(const Store& store, const Artifact& sdist);

  std::optional<std::string> find() const;
  // Keeps, and returns, the header of METADATA. Where it cannot be written, that is noted, and the next run
  // has to look again.
  std::string keep(std::string_view text, Reporter& reporter) const;

 private:
  explicit KeptMetadata(std::optional<std::filesystem::path> file) : file_(std::move(file)) {}

  std::optional<std::filesystem::path> file_;
};

// The header of METADATA of a wheel that lies unpacked in the store.
std::optional<std::string> metadata_in_store(const Store& store, const Artifact& wheel);

}  // namespace moat
