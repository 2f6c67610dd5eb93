// A file that is promised, and the file that came: hashed on its way, checked against the promise.
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

// What must be true of the file: one of these digests. `accepted`: hashes of the user or a lock; where there
// are none the artifact's own counts. Empty: nothing is known.
std::vector<Digest> wanted_digests(const Artifact& artifact, const std::vector<Digest>& accepted);

// Do these tell a changed file for sure?
bool vouch(const std::vector<Digest>& wanted);

// The digests of one file that are asked for, and sha256, while it comes. One thread at a time.
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

// What came: where it is and what it hashes to.
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
// Downloads to `file`, resumed where it breaks, and checks. Blocks; not on the network thread.
FetchedFile download(const Artifact& artifact, const std::vector<Digest>& wanted,
                     const std::filesystem::path& file, HttpClient& http, Reporter& reporter,
                     const std::stop_token& stop);
// The same; nullopt where the server says that what `condition` names is still what it has.
std::optional<FetchedFile> download_if_changed(const Artifact& artifact, const std::vector<Digest>& wanted,
                                               const HttpHeaders& condition,
                                               const std::filesystem::path& file, HttpClient& http,
                                               Reporter& reporter, const std::stop_token& stop);

}  // namespace moat
