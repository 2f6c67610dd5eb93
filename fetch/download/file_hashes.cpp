#include "fetch/download/file_hashes.h"

#include "fetch/download/download.h"
#include "fetch/os/file.h"

#include <string>

namespace moat {
namespace {

Digest learn_hash(const Artifact& artifact, const fs::path& temporary, HttpClient& http, const Store& store,
                  Reporter& reporter, const std::stop_token& stop) {
  const std::vector<Digest> wanted = wanted_digests(artifact, {});  // weak ones
  if (artifact.url.scheme() == "file") {
    const FetchedFile arrival = hash_fetched(artifact.url.file_path(), wanted, stop);
    check_fetched(artifact, wanted, arrival);
    return arrival.sha256();
  }
  if (!wanted.empty()) {
    if (const auto known = store.linked(wanted.front().to_string())) return *known;
    const FetchedFile arrival = download(artifact, wanted, temporary, http, reporter, stop);
    store.link(wanted.front().to_string(), arrival.sha256());
    return arrival.sha256();
  }
  const auto known = store.urls().find(artifact);
  if (known && known->confirmed) return known->sha256;
  const auto arrival = download_if_changed(artifact, {}, known ? known->condition : HttpHeaders{}, temporary,
                                           http, reporter, stop);
  if (!arrival) {
    store.urls().confirm(artifact);
    return known->sha256;
  }
  store.urls().remember(artifact, arrival->sha256(), arrival->condition);
  return arrival->sha256();
}

}  // namespace

std::vector<Digest> learn_hashes(const std::vector<Artifact>& artifacts, HttpClient& http, const Store& store,
                                 Workers& workers, Reporter& reporter, const std::stop_token& stop) {
  const Phase phase(reporter, "download");
  const TempDir temp = store.make_temp("hash");
  std::vector<Digest> out(artifacts.size());
  workers.for_each(artifacts.size(), [&](std::size_t i) {
    const fs::path file = temp.path() / std::to_string(i);
    out[i] = learn_hash(artifacts[i], file, http, store, reporter, stop);
    std::error_code stays;  // until the whole folder goes
    fs::remove(file, stays);
  });
  return out;
}

}  // namespace moat
