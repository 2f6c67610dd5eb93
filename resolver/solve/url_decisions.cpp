#include "resolver/solve/url_decisions.h"

#include <algorithm>

namespace moat {

bool UrlDecisions::may_take(const PackageName& name, const std::string& url) const {
  return !pinned_.contains(name) &&
         std::none_of(decisions_.begin(), decisions_.end(), [&](const Decision& decision) {
           return !decision.taken && decision.name == name && decision.url == url;
         });
}

void UrlDecisions::take(const PackageName& name, const std::string& url) {
  decisions_.push_back({name, url});
  pinned_.emplace(name, url);
}

std::optional<std::size_t> UrlDecisions::last_taken() const {
  for (std::size_t i = decisions_.size(); i-- > 0;)
    if (decisions_[i].taken) return i;
  return std::nullopt;
}

std::optional<std::size_t> UrlDecisions::nobody_asks_for(const Resolution& resolution) const {
  for (std::size_t i = 0; i < decisions_.size(); ++i) {
    const auto package =
        std::find_if(resolution.packages.begin(), resolution.packages.end(),
                     [&](const ResolvedPackage& other) { return other.name == decisions_[i].name; });
    if (!decisions_[i].taken || package == resolution.packages.end()) continue;
    if (std::none_of(package->required_by.begin(), package->required_by.end(),
                     [](const Edge& edge) { return edge.requirement.url.has_value(); }))
      return i;
  }
  return std::nullopt;
}

std::vector<PackageName> UrlDecisions::refuse(std::size_t number) {
  std::vector<PackageName> freed;
  for (std::size_t i = number; i < decisions_.size(); ++i) {
    if (!decisions_[i].taken) continue;
    pinned_.erase(decisions_[i].name);
    freed.push_back(decisions_[i].name);
  }
  decisions_.erase(decisions_.begin() + static_cast<std::ptrdiff_t>(number) + 1, decisions_.end());
  decisions_.back().taken = false;
  return freed;
}

}  // namespace moat
