// Where projects come from, if not from an index: what the user's lines say, and what is decided about the
// URLs that dependencies give.
#pragma once

#include "resolver/solve/resolution.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// A dependency's URL is taken at first: then the project comes from there, for everybody. It is refused where
// that leads nowhere, or where in the end nobody asks for it; then the releases that give it cannot be had.
// What was decided after a decision that is turned round is open again. So the search goes through all that
// could be taken, in order.
class UrlDecisions {
 public:
  explicit UrlDecisions(std::map<PackageName, std::string> of_lines) : pinned_(std::move(of_lines)) {}

  // The URLs in force, by name.
  const std::map<PackageName, std::string>& pinned() const { return pinned_; }
  // Has the project no URL yet, and was this one not refused?
  bool may_take(const PackageName& name, const std::string& url) const;
  // REQUIRES: may_take.
  void take(const PackageName& name, const std::string& url);

  // Numbers of decisions, in the order in which they were made.
  std::optional<std::size_t> last_taken() const;
  std::optional<std::size_t> nobody_asks_for(const Resolution& resolution) const;
  // Gives the projects that are the index's again. REQUIRES: the decision is to take it.
  std::vector<PackageName> refuse(std::size_t number);

 private:
  struct Decision {
    PackageName name;
    std::string url;
    bool taken = true;
  };

  std::map<PackageName, std::string> pinned_;
  std::vector<Decision> decisions_;
};

}  // namespace moat
