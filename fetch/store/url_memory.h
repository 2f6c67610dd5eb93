// The results of URLs whose files have no promised hash: kept in the store, so that a second time needs no
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

// The header of a request that asks whether the server would still send this response: `If-None-Match: "…"`.
// Empty if the response had no validator.
HttpHeaders condition_of(const HttpResponse& response);

// One small file a URL, renamed into place: safe between processes. Thread-safe.
class UrlMemory {
 public:
  // Keeps one file a URL in `folder`, which is created when needed.
  explicit UrlMemory(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Results of earlier runs count only once a server has confirmed them in this run (`--refresh`).
  void doubt() { doubts_ = true; }
  bool doubts() const { return doubts_; }

  struct Known {
    Digest sha256;
    HttpHeaders condition;   // to ask whether it still holds
    bool confirmed = false;  // else the server must be asked
  };
  std::optional<Known> find(const Artifact& artifact) const;
  // The server confirmed that nothing has changed. REQUIRES: find() knows it.
  void confirm(const Artifact& artifact) const;
  void remember(const Artifact& artifact, const Digest& sha256, const HttpHeaders& condition) const;

 private:
  std::filesystem::path file_of(const std::string& key) const;

  std::filesystem::path folder_;
  bool doubts_ = false;                            // set before other threads read it
  mutable Guarded<std::set<std::string>> seen_{};  // in this run
};

}  // namespace moat
