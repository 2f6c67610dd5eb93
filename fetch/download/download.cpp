#include "fetch/download/download.h"

#include "fetch/download/served_name.h"
#include "fetch/os/file.h"
#include "fetch/store/url_memory.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

namespace moat {

std::vector<Digest> wanted_digests(const Artifact& artifact, const std::vector<Digest>& accepted) {
  if (!accepted.empty()) return accepted;
  const Digest* own = artifact.strongest_digest();
  return own ? std::vector{*own} : std::vector<Digest>{};
}

bool vouch(const std::vector<Digest>& wanted) {
  return !wanted.empty() && std::ranges::all_of(wanted, &Digest::is_strong);
}

Hashes::Hashes(const std::vector<Digest>& wanted) {
  hashers_.try_emplace("sha256", "sha256");
  for (const Digest& digest : wanted) hashers_.try_emplace(digest.algorithm, digest.algorithm);
}

void Hashes::update(std::string_view bytes) {
  size_ += bytes.size();
  for (auto& [algorithm, hasher] : hashers_) hasher.update(bytes);
}

std::map<std::string, Digest> Hashes::finish() {
  std::map<std::string, Digest> digests;
  for (auto& [algorithm, hasher] : hashers_) digests.emplace(algorithm, hasher.finish());
  return digests;
}

void check_fetched(const Artifact& artifact, const std::vector<Digest>& wanted, const FetchedFile& arrival) {
  const auto matches = [&](const Digest& digest) { return arrival.digests.at(digest.algorithm) == digest; };
  if (!wanted.empty() && std::none_of(wanted.begin(), wanted.end(), matches)) {
    std::vector<std::string> expected;
    for (const Digest& digest : wanted) expected.push_back(digest.to_string());
    throw Error(ErrorKind::HashMismatch,
                fmt::format("{} from {} has the hash {}, expected {}", quote(artifact.filename),
                            quote(artifact.url.display()),
                            arrival.digests.at(wanted.front().algorithm).to_string(), join(expected, " or ")),
                {"if the file is the right one, replace the old hash with its new one (`moat lock -U` "
                 "for a lock); "
                 "else ask whoever publishes it"});
  }
  if (artifact.size && *artifact.size != arrival.size)
    throw Error(ErrorKind::HashMismatch,
                fmt::format("{} from {} has {} bytes, expected {}", quote(artifact.filename),
                            quote(artifact.url.display()), arrival.size, *artifact.size));
}

Error refused_status(const Artifact& artifact, int status) {
  std::vector<std::string> hints;
  if (status == 404 || status == 410)
    hints.emplace_back("the index may have changed; ask it again with --refresh");
  if (status == 401 || status == 403)
    hints.emplace_back(
        "the file may need credentials: in the URL of the index, in ~/.netrc, or from the `keyring` program");
  return Error(ErrorKind::Network,
               fmt::format("cannot download {}: {} answers with HTTP status {}", quote(artifact.filename),
                           quote(artifact.url.display()), status),
               std::move(hints));
}

FetchedFile hash_fetched(const fs::path& file, const std::vector<Digest>& wanted,
                         const std::stop_token& stop) {
  Hashes hashes(wanted);
  const UniqueFd fd = open_regular(file);
  std::string piece(1U << 20U, '\0');
  for (;;) {
    if (stop.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
    const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("read", file, errno);
    if (got == 0) return {.file = file, .size = hashes.size(), .digests = hashes.finish()};
    hashes.update(std::string_view(piece).substr(0, static_cast<std::size_t>(got)));
  }
}

FetchedFile download(const Artifact& artifact, const std::vector<Digest>& wanted, const fs::path& file,
                     HttpClient& http, Reporter& reporter, const std::stop_token& stop) {
  return *download_if_changed(artifact, wanted, {}, file, http, reporter, stop);
}

std::optional<FetchedFile> download_if_changed(const Artifact& artifact, const std::vector<Digest>& wanted,
                                               const HttpHeaders& condition, const fs::path& file,
                                               HttpClient& http, Reporter& reporter,
                                               const std::stop_token& stop) {
  const auto hashes = std::make_shared<Hashes>(wanted);
  HttpRequest request{.url = artifact.url.without_fragment(), .headers = condition};
  request.to_file = file;
  request.vouched = vouch(wanted);
  request.on_data = [hashes, stop](std::string_view piece) {
    if (stop.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
    hashes->update(piece);
  };
  request.on_progress = [&reporter, name = artifact.filename](std::uint64_t done, std::uint64_t total) {
    reporter.progress("download", name, done, total);
  };
  const HttpResponse response = http.get(std::move(request));
  if (response.status == 304 && !condition.empty()) return std::nullopt;
  if (response.status != 200) throw refused_status(artifact, response.status);
  FetchedFile arrival{file, hashes->size(), hashes->finish(), condition_of(response), served_name(response)};
  check_fetched(artifact, wanted, arrival);
  return arrival;
}

}  // namespace moat
