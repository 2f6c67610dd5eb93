// Artifacts as they are, into a folder: wheels and source distributions, verified, not unpacked.
#pragma once

#include "fetch/http/http.h"
#include "fetch/os/workers.h"
#include "resolver/base/reporter.h"
#include "resolver/files/artifact.h"

#include <filesystem>
#include <stop_token>
#include <vector>

namespace moat {

struct FileOrder {
  Artifact artifact;             // http(s) or file URL
  std::vector<Digest> accepted;  // of the user: one must match; empty: the artifact's own count
};

enum class Saved { Now, Before };

// Each file comes to `folder` (which exists) under its own name, whole. A file of that name that has the
// right hash is left; any other is replaced. They are fetched side by side and all verified before the first
// takes its place: on a failure its Error is thrown and nothing has changed.
std::vector<Saved> save_files(const std::vector<FileOrder>& orders, const std::filesystem::path& folder,
                              HttpClient& http, Workers& workers, Reporter& reporter,
                              const std::stop_token& stop);

}  // namespace moat
