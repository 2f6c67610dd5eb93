// The sources of projects that do not come from an index: what the user's lines say, and the decisions about
// URLs from dependencies.
#pragma once

#include "resolver/solve/resolution.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// A dependency's URL is accepted at first: the project then comes from there, for everybody. It is
// refused if that leads nowhere, or if in the end nobody asks for it; then the releases that name it
// cannot be used. Reversing a decision reopens all later ones. So the search covers every combination, in
// order.
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
