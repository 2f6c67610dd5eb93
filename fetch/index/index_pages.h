// The page of one project on one index, summarized.
#pragma once

#include "fetch/http/http.h"
#include "fetch/index/index.h"
#include "fetch/index/page_summary.h"
#include "fetch/os/background.h"
#include "fetch/store/store.h"
#include "resolver/base/reporter.h"
#include "resolver/pep/name.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moat {

struct NoSuchProject {};
// A 403 from an index that answers so for projects it does not have.
struct ForbiddenProject {
  Error error;  // reported if no other index has it
};

// Thread-safe. Pages go through the HTTP cache; the summary of a page is kept next to it, so that an
// unchanged page is not even read.
class IndexPages {
 public:
  // offline: uses the cache, whatever its age. The owner closes `background` before this object is
  // destroyed.
  IndexPages(HttpClient& http, Store& store, Workers& workers, Reporter& reporter,
             std::shared_ptr<Background> background, bool offline);
  ~IndexPages();
  IndexPages(const IndexPages&) = delete;
  IndexPages& operator=(const IndexPages&) = delete;

  // `done` runs on the pool, exactly once unless the background was closed. 404 and 410 are NoSuchProject,
  // 403 is ForbiddenProject if the index is known for it; anything but a readable page is an Error that names
  // the index and the project. refresh: ask again although the cached page is still fresh.
  using Answer = std::variant<PageSummary, NoSuchProject, ForbiddenProject, Error>;
  void fetch(const Index& index, const PackageName& project, bool refresh, std::function<void(Answer)> done);

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

// Error(Refused) if the response could be changed on the way: plain http to a host that is not
// trusted.
void require_protected(const Url& url, std::string_view what, const std::vector<std::string>& trusted_hosts);

// A message about a charset that is not known here.
std::string unknown_charset(std::string_view page, std::string_view charset);

// The projects of all pages in the store's cache, of any index, in no order; unreadable pages are
// skipped.
std::vector<std::string> seen_projects(const Store& store);

// The URL of an index's page of the project: ROOT/project/ (plus index.html for a file URL).
Url page_url(const Index& index, const PackageName& project);

}  // namespace moat
