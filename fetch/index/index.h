// Which indexes, in which order, under which strategy.
#pragma once

#include "resolver/base/url.h"
#include "resolver/pep/name.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace moat {

enum class IndexStrategy { FirstIndex, BestMatch };

struct Index {
  std::string name;  // from --index NAME=URL; "" otherwise
  Url url;           // Simple repository root; http(s) or file
  // It answers 403 instead of 404 for projects that it does not have.
  bool forbids_absent = false;
};

// Asked in this order: pins of the package, then `indexes`; find-links join whichever index wins.
struct IndexList {
  std::vector<Index> indexes;               // empty: --no-index
  std::vector<std::string> find_links;      // folders, archives, or URLs of pages
  std::map<PackageName, std::string> pins;  // package → index name
  IndexStrategy strategy = IndexStrategy::FirstIndex;
  std::vector<std::string> trusted_hosts;  // host[:port]: may be plain http, TLS unverified
};

}  // namespace moat
