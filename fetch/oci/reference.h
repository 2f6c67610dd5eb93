// The reference to an artifact in a registry: oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:…].
#pragma once

#include "resolver/base/error.h"
#include "resolver/files/digest.h"

#include <optional>
#include <string>
#include <string_view>

namespace moat {

inline constexpr std::string_view kOciScheme = "oci://";

// The host that serves Docker Hub, which users call docker.io.
inline constexpr const char* kDockerHub = "registry-1.docker.io";

// e.g. oci://registry.example:5000/team/shop:2.1. Immutable value.
struct RegistryReference {
  std::string host;        // with its port, "registry.example:5000"; lower case
  std::string repository;  // "team/shop"
  std::string tag;         // "latest" where nothing is said; "" where only a digest is
  std::optional<Digest> digest;

  static Expected<RegistryReference> parse(std::string_view text);
  std::string to_string() const;
  // What to ask the registry for: the digest, else the tag.
  std::string wanted() const { return digest ? digest->to_string() : tag; }
};

}  // namespace moat
