// --find-links: archives in folders, single archives, and pages that list some, not sorted by project.
#pragma once

#include "fetch/http/http.h"
#include "fetch/index/page_summary.h"
#include "fetch/index/simple_api.h"
#include "fetch/os/background.h"
#include "resolver/base/error.h"
#include "resolver/base/reporter.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace moat {

// The files of one place, with the names in the form used for look-ups.
class LinkedFiles {
 public:
  explicit LinkedFiles(ProjectPage page);

  // The files that may belong to the project (their names begin as its own), as a page of their own.
  ProjectPage of(const PackageName& project) const;

 private:
  ProjectPage page_;
  std::vector<std::string> normalized_;  // of each file's name
};

// A folder's archives (not those of its subfolders), or a local page, or a single archive. Throws
// Error(BadInput) if there is no such thing.
ProjectPage list_local_links(const std::filesystem::path& path);

// All places, read once, when first asked for. Thread-safe.
class FindLinks {
 public:
  FindLinks(std::vector<std::string> places, std::vector<std::string> trusted_hosts, HttpClient& http,
            Reporter& reporter, std::shared_ptr<Background> background);

  // `done` gets the files of the project from each place in turn, or the reason why one of them cannot be
  // read. Called on a thread of the pool, or at once.
  using Answer = std::variant<std::vector<PageSummary>, Error>;
  void look_up(const PackageName& project, std::function<void(Answer)> done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace moat
