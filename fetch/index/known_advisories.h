// Known vulnerabilities of releases, for `moat audit` and --no-vulnerable: from the indexes, or from a folder
// of OSV records. Each release is asked for once.
#pragma once

#include "fetch/http/http.h"
#include "fetch/index/advisories.h"
#include "resolver/base/reporter.h"
#include "resolver/files/artifact.h"
#include "resolver/solve/resolution.h"
#include "resolver/solve/solve.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace moat {

struct IndexedRelease {
  PackageName name;
  Version version;
  std::string index;  // URL; "" if it came from no index: only a folder may know it
};

class KnownAdvisories {
 public:
  // Without a folder the indexes are asked. Error(BadInput) where a file in the folder is not an OSV record.
  KnownAdvisories(const std::optional<std::filesystem::path>& folder, Reporter& reporter);

  // Asks the indexes in parallel about releases not asked for yet, by their client, which is had when it is
  // first needed. Warns once of each index that gives no vulnerabilities. Error(Network, Offline).
  void learn(const std::vector<IndexedRelease>& releases, const std::function<HttpClient&()>& client);
  // REQUIRES: learn() was called for it.
  const std::vector<Advisory>& of(const PackageName& name, const Version& version) const;

 private:
  using Release = std::pair<PackageName, Version>;
  void tell_silent(const std::string& index);
  void ask_indexes(const std::vector<IndexedRelease>& releases, HttpClient& http);

  Reporter& reporter_;
  std::optional<AdvisoryFolder> folder_;
  std::map<Release, std::vector<Advisory>> known_;
  std::set<std::string> silent_;  // indexes that give no vulnerabilities
};

// One of audit-ignore: "GHSA-…", or "GHSA-…@2026-12-31": until that day.
struct AuditException {
  std::string text, id;
  std::optional<UnixTime> until;
  bool is_over(UnixTime now) const { return until && now >= *until; }
};
// Constraints that exclude the versions of these with a known vulnerability that no exception ignores `now`.
// `http`: the client for the indexes that gave them.
std::vector<RootRequirement> exclude_vulnerable(const std::vector<const ResolvedPackage*>& packages,
                                                KnownAdvisories& known,
                                                const std::vector<AuditException>& exceptions, UnixTime now,
                                                HttpClient& http);

}  // namespace moat
