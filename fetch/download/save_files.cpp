#include "fetch/download/save_files.h"

#include "fetch/download/download.h"
#include "fetch/os/leftovers.h"

#include <algorithm>

namespace moat {
namespace {

bool is_saved(const fs::path& file, const std::vector<Digest>& wanted) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored) &&
         std::any_of(wanted.begin(), wanted.end(),
                     [&](const Digest& digest) { return hash_file(file, digest.algorithm) == digest; });
}

void fetch(const Artifact& artifact, const std::vector<Digest>& wanted, const fs::path& to, HttpClient& http,
           Reporter& reporter, const std::stop_token& stop) {
  if (artifact.url.scheme() != "file") {
    download(artifact, wanted, to, http, reporter, stop);
    return;
  }
  const fs::path source = artifact.url.file_path();
  check_fetched(artifact, wanted, hash_fetched(source, wanted, stop));
  std::error_code error;
  fs::copy_file(source, to, error);
  if (error) throw_errno("copy", source, error.value());
}

}  // namespace

std::vector<Saved> save_files(const std::vector<FileOrder>& orders, const fs::path& folder, HttpClient& http,
                              Workers& workers, Reporter& reporter, const std::stop_token& stop) {
  const Phase phase(reporter, "download");
  sweep_leftovers(folder);
  const TempDir temp(folder, ".moat-download");
  const FolderHold hold(temp.path());
  std::vector<Saved> out(orders.size(), Saved::Now);
  const auto place = [&](std::size_t i) { return temp.path() / std::to_string(i); };
  workers.for_each(orders.size(), [&](std::size_t i) {
    const Artifact& artifact = orders[i].artifact;
    const std::vector<Digest> wanted = wanted_digests(artifact, orders[i].accepted);
    if (is_saved(folder / artifact.filename, wanted))
      out[i] = Saved::Before;
    else
      fetch(artifact, wanted, place(i), http, reporter, stop);
  });
  for (std::size_t i = 0; i < orders.size(); ++i)
    if (out[i] == Saved::Now) rename_over(place(i), folder / orders[i].artifact.filename);
  return out;
}

}  // namespace moat
