// IndexSource: the resolver's CandidateSource over real indexes: pages, metadata, prefetching, caching.
#pragma once

#include "fetch/http/http.h"
#include "fetch/index/index.h"
#include "fetch/sources/sources.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"
#include "resolver/solve/candidate.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

namespace moat {

struct IndexSourceOptions {
  IndexList indexes;
  bool offline = false;
  bool refresh = false;  // revalidate all pages
  std::set<PackageName> refresh_packages;
  // Answers for sources; nullptr: sources are not candidates. Outlives the IndexSource.
  Sources* sources = nullptr;
  SourcePolicy source_policy = {};
};

// Pages: JSON or HTML (STANDARDS 6) through the HTTP cache, parsed on `workers`; metadata: from the store,
// the sidecar file, byte ranges of the remote wheel, or the whole wheel (which then goes into the store).
// Sources are fetched and read, and built only if they do not give their metadata: on as many separate
// threads as cores. A source that a URL names is a project once its metadata is known. Any index answer other
// than 200/404/410 fails the project with Error(Network) naming the index.
class IndexSource final : public CandidateSource {
 public:
  IndexSource(IndexSourceOptions options, HttpClient& http, Store& store, Workers& workers,
              Reporter& reporter, std::stop_token stop = {});
  IndexSource(const IndexSource&) = delete;
  IndexSource& operator=(const IndexSource&) = delete;
  ~IndexSource() override;

  void pin_to_url(const PackageName& name, const std::string& url) override;
  void unpin(const PackageName& name) override;
  void request_project(const PackageName& name) override;
  void request_metadata(const PackageName& name, const Release& release, const ReleaseFile& file) override;
  const Project* find_project(const PackageName& name) override;
  const ReleaseMetadata* find_metadata(const PackageName& name, const Release& release) override;
  void stop_building() override;
  Arrival wait() override;

  // Of all projects that have come from indexes: what they were made of (Project::made_of).
  std::map<PackageName, std::string> pages() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace moat
