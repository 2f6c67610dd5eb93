// What URLs gave whose files nobody promises a hash for: kept in the store, so that a second time needs no
// network.
#pragma once

#include "fetch/http/http.h"
#include "fetch/os/guarded.h"
#include "resolver/files/artifact.h"

#include <filesystem>
#include <optional>
#include <set>
#include <string>

namespace moat {

// The header of a request that asks whether the server would still give what it gave in this response:
// `If-None-Match: "…"`. Empty where it named no validator.
HttpHeaders condition_of(const HttpResponse& response);

// One small file a URL, renamed into place: safe between processes. Thread-safe.
class UrlMemory {
 public:
  // Keeps one file a URL in `folder`, which is made when it is needed.
  explicit UrlMemory(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // What earlier runs remember counts only once a server confirmed it in this one (`--refresh`).
  void doubt() { doubts_ = true; }
  bool doubts() const { return doubts_; }

  struct Known {
    Digest sha256;
    HttpHeaders condition;   // to ask whether it still holds
    bool confirmed = false;  // else that is to be asked
  };
  std::optional<Known> find(const Artifact& artifact) const;
  // The server says that nothing has changed. REQUIRES: find() knows it.
  void confirm(const Artifact& artifact) const;
  void remember(const Artifact& artifact, const Digest& sha256, const HttpHeaders& condition) const;

 private:
  std::filesystem::path file_of(const std::string& key) const;

  std::filesystem::path folder_;
  bool doubts_ = false;                            // set before other threads look
  mutable Guarded<std::set<std::string>> seen_{};  // in this run
};

}  // namespace moat
