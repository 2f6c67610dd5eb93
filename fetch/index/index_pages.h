// The page of one project on one index, digested.
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
// 403 of an index that answers so for what it does not have.
struct ForbiddenProject {
  Error error;  // where nothing else has it, either
};

// Thread-safe. Pages go through the HTTP cache; what was made of one is kept beside it, so that a page that
// has not changed is not even read.
class IndexPages {
 public:
  // offline: what is in the cache, whatever its age. `background` is closed by its owner before this object
  // goes.
  IndexPages(HttpClient& http, Store& store, Workers& workers, Reporter& reporter,
             std::shared_ptr<Background> background, bool offline);
  ~IndexPages();

  // `done` runs on the pool, exactly once unless the background was closed. 404 and 410 are NoSuchProject,
  // 403 is ForbiddenProject where the index is known for it; anything else but a page that can be read is an
  // Error that names the index and the project. refresh: ask again although the cached page is still fresh.
  using Answer = std::variant<PageSummary, NoSuchProject, ForbiddenProject, Error>;
  void fetch(const Index& index, const PackageName& project, bool refresh, std::function<void(Answer)> done);

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

// Error(Refused) where somebody on the way could change what it says: plain http to a host that is not
// trusted.
void require_protected(const Url& url, std::string_view what, const std::vector<std::string>& trusted_hosts);

// For people: what was done about a charset that is not known here.
std::string unknown_charset(std::string_view page, std::string_view charset);

// The projects of all pages in the store's cache, of whatever index, in no order; what cannot be read is left
// out.
std::vector<std::string> seen_projects(const Store& store);

// Where the index has its page of the project: ROOT/project/ (and index.html behind it for a file URL).
Url page_url(const Index& index, const PackageName& project);

}  // namespace moat
