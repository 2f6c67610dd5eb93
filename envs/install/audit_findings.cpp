#include "envs/install/audit_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace moat {

AuditedRelease release_of(const AuditedPackage& package) {
  return {package.name, package.version ? package.version->to_string() : ""};
}

AuditedRelease release_of(const AuditFinding& finding) { return {finding.package, finding.version}; }

void find_vulnerabilities(const std::vector<AuditedPackage>& packages, KnownAdvisories& known,
                          const std::function<HttpClient&()>& client, std::vector<AuditFinding>& findings) {
  std::vector<IndexedRelease> releases;
  for (const AuditedPackage& package : packages)
    if (package.version) releases.push_back({package.name, *package.version, package.index});
  known.learn(releases, client);
  for (const IndexedRelease& release : releases)
    for (const Advisory& advisory : known.of(release.name, release.version))
      findings.push_back({.kind = "vulnerability",
                          .package = release.name,
                          .version = release.version.to_string(),
                          .text = advisory.summary,
                          .advisory = advisory,
                          .ignored = {}});
}

void find_yanked(const std::vector<AuditedPackage>& packages, CandidateSource& source,
                 std::vector<AuditFinding>& findings) {
  for (const AuditedPackage& package : packages)
    if (!package.index.empty()) source.request_project(package.name);
  for (const AuditedPackage& package : packages) {
    if (package.index.empty() || !package.version) continue;
    const Project& project = wait_for(package.name, source);
    const auto add = [&](std::string kind, std::string text) {
      findings.push_back({.kind = std::move(kind),
                          .package = package.name,
                          .version = package.version->to_string(),
                          .text = std::move(text),
                          .advisory = {},
                          .ignored = {}});
    };
    for (const std::shared_ptr<const Release>& release : project.releases) {
      if (release->version != *package.version) continue;
      const auto yanked =
          std::find_if(release->files().begin(), release->files().end(),
                       [](const ReleaseFile& file) { return file.artifact.yanked.has_value(); });
      if (yanked != release->files().end())
        add("yanked", yanked->artifact.yanked->empty() ? "yanked" : "yanked: " + *yanked->artifact.yanked);
    }
    if (project.status == "archived" || project.status == "quarantined" || project.status == "deprecated")
      add("status", project.status_reason.empty()
                        ? fmt::format("the project is {}", project.status)
                        : fmt::format("the project is {}: {}", project.status, project.status_reason));
  }
}

void find_in_itself(const std::vector<AuditedPackage>& packages, const LicencePolicy& policy,
                    std::vector<AuditFinding>& findings) {
  for (const AuditedPackage& package : packages) {
    const auto add = [&](std::string kind, std::string text) {
      findings.push_back({.kind = std::move(kind),
                          .package = package.name,
                          .version = package.version ? package.version->to_string() : "",
                          .text = std::move(text),
                          .advisory = {},
                          .ignored = {}});
    };
    if (!package.has_hash) add("no_hash", "no hash vouches for it: " + package.from);
    if (!policy.empty() && package.licence && !policy.admits(*package.licence))
      add("licence", package.licence->empty() ? "says no licence"
                                              : fmt::format("licence {} is not allowed", *package.licence));
  }
}

bool apply_exception(const AuditException& exception, UnixTime now, std::vector<AuditFinding>& findings) {
  bool used = false;
  for (AuditFinding& finding : findings) {
    if (!finding.advisory || !finding.advisory->goes_by(exception.id)) continue;
    used = true;
    if (!exception.is_over(now)) finding.ignored = exception.text;
  }
  return used;
}

std::optional<Version> first_sound(const AuditedPackage& package, const std::vector<AuditFinding>& findings) {
  std::optional<Version> out;
  for (const AuditFinding& finding : findings) {
    if (release_of(finding) != release_of(package) || !finding.advisory || !finding.ignored.empty()) continue;
    const std::vector<Version>& fixed = finding.advisory->fixed_in;
    const auto next = std::upper_bound(fixed.begin(), fixed.end(), *package.version);
    if (next == fixed.end()) return std::nullopt;
    if (!out || *next > *out) out = *next;
  }
  return out;
}

}  // namespace moat
