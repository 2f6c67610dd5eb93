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

// Each file is placed in `folder` (which exists) under its own name, complete. An existing file with the
// right hash is left alone; any other is replaced. All files are fetched in parallel and verified before the
// first is placed: on a failure the Error is thrown and nothing has changed.
std::vector<Saved> save_files(const std::vector<FileOrder>& orders, const std::filesystem::path& folder,
                              HttpClient& http, Workers& workers, Reporter& reporter,
                              const std::stop_token& stop);

}  // namespace moat
