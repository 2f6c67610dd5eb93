// Runs ahead of the solver: asks for the pages and metadata that it will probably want, as soon as they are
// known. Only the solver's own rounds feed the pool; prefetched data only arrives earlier, so guesses cost
// requests and never change an answer.
#pragma once

#include "resolver/solve/project_view.h"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace moat {

// Everything that is asked of the source goes through here: each thing once, and counted.
class Requests {
 public:
  Requests(CandidateSource& source, ResolveStatistics& statistics)
      : source_(source), statistics_(statistics) {}

  void project(const PackageName& name);
  void metadata(const ProjectView& view, std::size_t index);
  bool has_asked(const ProjectView& view, std::size_t index) const {
    return metadata_.contains({view.name(), view.candidate(index).release.get()});
  }
  // From now on the project is what the URL gives; to be asked for again if it was asked for already.
  void pin(const PackageName& name, const std::string& url);
  void unpin(const PackageName& name);

 private:
  CandidateSource& source_;
  ResolveStatistics& statistics_;
  std::set<PackageName> projects_;
  std::set<std::pair<PackageName, const Release*>> metadata_;
};

// Guesses that each project is taken at the newest candidate inside all specifiers seen so far (but for those
// that would leave nothing), and follows that guess only.
class Prefetcher {
 public:
  Prefetcher(Requests& requests, ProjectViews& views, const std::map<PackageName, std::string>& pinned)
      : requests_(requests), views_(views), pinned_(pinned) {}

  // Forgets all guesses. Arguments: what is certainly needed now, and what the solver chose.
  void restart(const std::vector<const Requirement*>& needed,
               const std::vector<std::pair<PackageName, std::size_t>>& chosen);
  // Something for this project arrived.
  void arrived(const PackageName& name);

 private:
  struct Guess {
    std::vector<const SpecifierSet*> specifiers;
    std::set<const SpecifierSet*> seen;  // the same
    std::set<ExtraName> extras;
    std::vector<ExtraName> fresh;       // those of them that were not followed
    std::optional<std::size_t> chosen;  // by the solver
    std::optional<std::size_t> index;
    bool wanted = false;
    bool followed = false;  // except for the fresh extras
  };
  void want(const Requirement& requirement);
  void work();
  void advance(const PackageName& name, Guess& guess);
  void follow(const Dependencies& dependencies, Guess& guess);
  static std::optional<std::size_t> best(const ProjectView& view, const Guess& guess);

  Requests& requests_;
  ProjectViews& views_;
  const std::map<PackageName, std::string>& pinned_;
  std::map<PackageName, Guess> guesses_;
  std::deque<PackageName> to_do_;
};

}  // namespace moat
