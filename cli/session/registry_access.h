// A registry, as this user reaches it: with the credentials that docker, podman or a netrc keep, and this
// user's proxies and certificates.
#pragma once

#include "cli/session/session.h"
#include "fetch/oci/registry.h"
#include "fetch/oci/registry_source.h"

#include <memory>
#include <string>

namespace moat {

// Error(Usage) for what is no such reference.
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
