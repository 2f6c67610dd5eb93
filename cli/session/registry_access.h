// A registry with this user's settings: the credentials of docker, podman or a netrc, and the user's proxies
// and certificates.
#pragma once

#include "cli/session/session.h"
#include "fetch/oci/registry.h"
#include "fetch/oci/registry_source.h"

#include <memory>
#include <string>

namespace moat {

// Error(Usage) if it is not a valid reference.
RegistryReference registry_reference(const std::string& text);

class RegistryAccess {
 public:
  // `pushes`: else it is only read.
  RegistryAccess(const RegistryReference& reference, bool pushes, Session& session);

  Registry& registry() { return *registry_; }

 private:
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<Registry> registry_;
};

}  // namespace moat
