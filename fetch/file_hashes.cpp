#include "fetch/file_hashes.h"

#include "fetch/download.h"
#include "fetch/os/file.h"

#include <string>

namespace moat {
namespace {

Digest learn_hash(const Artifact& artifact, const fs::path& temporary, HttpClient& http, const Store& store,
                  Reporter& reporter, const std::stop_token& stop) {
  const std::vector<Digest> wanted = wanted_digests(artifact, {});
  if (artifact.url.scheme() == "file") {
    const Arrival arrival = hash_arrival(artifact.url.file_path(), wanted, stop);
    check_arrival(artifact, wanted, arrival);
    return arrival.sha256();
  }
  const std::string key = wanted.empty() ? url_key(artifact) : wanted.front().to_string();
  if (const auto known = store.linked(key)) return *known;
  const Digest sha256 = download(artifact, wanted, temporary, http, reporter, stop).sha256();
  store.link(key, sha256);
  std::error_code stays;  // until the whole folder goes
  fs::remove(temporary, stays);
  return sha256;
}

}  // namespace

std::vector<Digest> learn_hashes(const std::vector<Artifact>& artifacts, HttpClient& http, const Store& store,
                                 Workers& workers, Reporter& reporter, const std::stop_token& stop) {
  const Phase phase(reporter, "download");
  const TempDir temp = store.make_temp("hash");
  std::vector<Digest> out(artifacts.size());
  workers.for_each(artifacts.size(), [&](std::size_t i) {
    out[i] = learn_hash(artifacts[i], temp.path() / std::to_string(i), http, store, reporter, stop);
  });
  return out;
}

}  // namespace moat
