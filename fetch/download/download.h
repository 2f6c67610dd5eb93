// A promised file, and the file that arrived: hashed during the download, checked against the promise.
#pragma once

#include "fetch/bytes/hasher.h"
#include "fetch/http/http.h"
#include "resolver/base/reporter.h"
#include "resolver/files/artifact.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// The digests of which the file must have one. `accepted`: hashes of the user or a lock; without any, the
// artifact's own count. Empty: nothing is known.
std::vector<Digest> wanted_digests(const Artifact& artifact, const std::vector<Digest>& accepted);

// Are these strong enough to detect a changed file?
bool vouch(const std::vector<Digest>& wanted);

// Computes the wanted digests of one file, and sha256, during the download. One thread at a time.
class Hashes {
 public:
  explicit Hashes(const std::vector<Digest>& wanted);
  void update(std::string_view bytes);
  std::map<std::string, Digest> finish();
  std::uint64_t size() const { return size_; }

 private:
  std::map<std::string, Hasher> hashers_;
  std::uint64_t size_ = 0;
};

// A file that arrived: its place and its hashes.
struct FetchedFile {
  std::filesystem::path file;
  std::uint64_t size = 0;
  std::map<std::string, Digest> digests;  // by algorithm; sha256 is among them
  HttpHeaders condition = {};             // see condition_of(); empty for a local file
  std::string served_name = {};           // see served_name()

  const Digest& sha256() const { return digests.at("sha256"); }
};

// Error(HashMismatch) that names both.
void check_fetched(const Artifact& artifact, const std::vector<Digest>& wanted, const FetchedFile& arrival);
Error refused_status(const Artifact& artifact, int status);

// Reads a local file to its end. Error(Interrupted) where stopped.
FetchedFile hash_fetched(const std::filesystem::path& file, const std::vector<Digest>& wanted,
                         const std::stop_token& stop);
// Downloads to `file`, resuming if the connection breaks, and checks. Blocks; not on the network thread.
FetchedFile download(const Artifact& artifact, const std::vector<Digest>& wanted,
                     const std::filesystem::path& file, HttpClient& http, Reporter& reporter,
                     const std::stop_token& stop);
// The same; nullopt if the server says that the file named by `condition` has not changed.
std::optional<FetchedFile> download_if_changed(const Artifact& artifact, const std::vector<Digest>& wanted,
                                               const HttpHeaders& condition,
                                               const std::filesystem::path& file, HttpClient& http,
                                               Reporter& reporter, const std::stop_token& stop);

}  // namespace moat
