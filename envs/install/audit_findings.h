// Known problems of packages, for `moat audit`.
#pragma once

#include "envs/install/audited_packages.h"
#include "fetch/index/known_advisories.h"
#include "resolver/pep/licence_policy.h"
#include "resolver/solve/candidate.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moat {

struct AuditFinding {
  std::string kind;  // "vulnerability", "yanked", "status", "licence", "no_hash"
  PackageName package;
  std::string version, text;
  std::optional<Advisory> advisory;
  std::string ignored;  // the words of audit-ignore that match
};

// A lock for several targets may have several versions of a package: advisories are about one of them.
using AuditedRelease = std::pair<PackageName, std::string>;
AuditedRelease release_of(const AuditedPackage& package);
AuditedRelease release_of(const AuditFinding& finding);

// Each adds what it finds. `client`: for the indexes of the packages.
void find_vulnerabilities(const std::vector<AuditedPackage>& packages, KnownAdvisories& known,
                          const std::function<HttpClient&()>& client, std::vector<AuditFinding>& findings);
// Other facts that an index gives about a release.
void find_yanked(const std::vector<AuditedPackage>& packages, CandidateSource& source,
                 std::vector<AuditFinding>& findings);
// Licences that are not allowed, and packages for which no hash vouches.
void find_in_itself(const std::vector<AuditedPackage>& packages, const LicencePolicy& policy,
                    std::vector<AuditFinding>& findings);

// Findings that the exception is about are ignored while it holds. Returns whether there are any.
bool apply_exception(const AuditException& exception, UnixTime now, std::vector<AuditFinding>& findings);

// The lowest version that fixes every known vulnerability of this one; nullopt if one is not fixed.
std::optional<Version> first_sound(const AuditedPackage& package, const std::vector<AuditFinding>& findings);

}  // namespace moat
