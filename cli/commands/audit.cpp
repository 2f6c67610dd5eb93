// moat audit: known problems of the packages in an environment or a lock.
#include "cli/commands/audit_subject.h"
#include "cli/commands/commands.h"
#include "cli/output/exit_status.h"
#include "cli/session/audit_exceptions.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/open_env.h"
#include "cli/session/source_setup.h"
#include "cli/session/which_env.h"
#include "cli/settings/index_list.h"
#include "envs/environment/shell_words.h"
#include "envs/install/requests.h"
#include "resolver/base/text.h"
#include "resolver/pep/licence_policy.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <map>
#include <set>
#include <utility>

namespace moat {
namespace {

struct AuditFinding {
  std::string kind;  // "vulnerability", "yanked", "status", "licence", "no_hash"
  PackageName package;
  std::string version, text;
  std::optional<Advisory> advisory;
  std::string ignored;  // the words of audit-ignore that match
};

// A lock for several targets may have several versions of a package: advisories are about one of them.
using AuditedRelease = std::pair<PackageName, std::string>;

AuditedRelease release_of(const AuditedPackage& package) {
  return {package.name, package.version ? package.version->to_string() : ""};
}

AuditedRelease release_of(const AuditFinding& finding) { return {finding.package, finding.version}; }

// ---- vulnerabilities

void find_vulnerabilities(const AuditSubject& subject, Session& session,
                          std::vector<AuditFinding>& findings) {
  KnownAdvisories& known = session.advisories();
  std::vector<IndexedRelease> releases;
  for (const AuditedPackage& package : subject.packages)
    if (package.version) releases.push_back({package.name, *package.version, package.index});
  known.learn(releases, [&]() -> HttpClient& { return session.http(index_list(session.settings())); });
  for (const IndexedRelease& release : releases)
    for (const Advisory& advisory : known.of(release.name, release.version))
      findings.push_back({.kind = "vulnerability",
                          .package = release.name,
                          .version = release.version.to_string(),
                          .text = advisory.summary,
                          .advisory = advisory,
                          .ignored = {}});
}

// ---- other facts that an index gives about a release

void find_yanked(const AuditSubject& subject, Session& session, std::vector<AuditFinding>& findings) {
  const std::unique_ptr<IndexSource> source = session.index_source(index_list(session.settings()));
  for (const AuditedPackage& package : subject.packages)
    if (!package.index.empty()) source->request_project(package.name);
  for (const AuditedPackage& package : subject.packages) {
    if (package.index.empty() || !package.version) continue;
    const Project* project = source->find_project(package.name);
    while (project == nullptr) {
      source->wait();
      project = source->find_project(package.name);
    }
    const auto add = [&](std::string kind, std::string text) {
      findings.push_back({.kind = std::move(kind),
                          .package = package.name,
                          .version = package.version->to_string(),
                          .text = std::move(text),
                          .advisory = {},
                          .ignored = {}});
    };
    for (const std::shared_ptr<const Release>& release : project->releases) {
      if (release->version != *package.version) continue;
      const auto yanked =
          std::find_if(release->files().begin(), release->files().end(),
                       [](const ReleaseFile& file) { return file.artifact.yanked.has_value(); });
      if (yanked != release->files().end())
        add("yanked", yanked->artifact.yanked->empty() ? "yanked" : "yanked: " + *yanked->artifact.yanked);
    }
    if (project->status == "archived" || project->status == "quarantined" || project->status == "deprecated")
      add("status", project->status_reason.empty()
                        ? fmt::format("the project is {}", project->status)
                        : fmt::format("the project is {}: {}", project->status, project->status_reason));
  }
}

void find_in_itself(const AuditSubject& subject, const Settings& settings,
                    std::vector<AuditFinding>& findings) {
  const LicencePolicy policy{settings.allow_licences, settings.deny_licences};
  for (const AuditedPackage& package : subject.packages) {
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

// ---- exceptions, fixes, output

void apply_exceptions(std::vector<AuditFinding>& findings, const std::vector<AuditException>& exceptions,
                      UnixTime now, Output& output) {
  for (const AuditException& exception : exceptions) {
    bool used = false;
    for (AuditFinding& finding : findings) {
      if (!finding.advisory || !finding.advisory->goes_by(exception.id)) continue;
      used = true;
      if (!exception.is_over(now)) finding.ignored = exception.text;
    }
    if (used && exception.is_over(now))
      output.warn(fmt::format("audit-ignore: {} has expired", quote(exception.text)));
    else if (!used)
      output.note(fmt::format("audit-ignore: no finding matches {}", exception.id));
  }
}

// The lowest version that fixes every known vulnerability of this one; nullopt if one is not fixed.
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

struct Fix {
  std::string requirement;             // "jinja2>=3.1.6"
  std::optional<std::string> version;  // the version it gives; nullopt: it conflicts with other requests
};

// Is it possible? Asks the resolver, as `moat install` would.
Fix fix_for(const PackageName& package, const Version& version, const Environment& environment,
            Session& session) {
  Fix fix{fmt::format("{}>={}", package.normalized(), version.to_string()), {}};
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const InstalledGraph graph = graph_of(environment, installed, session);
  const Present present = Present::of(environment, installed);
  Goal goal = read_goal({fix.requirement}, {}, {}, session);
  add_earlier_requests(present.requests, {}, goal);
  try {
    prepare_sources(goal, environment.interpreter(), session, environment, true);
    const Resolution resolution =
        resolve_for(goal, {}, target_of(environment.interpreter()), graph, present, session);
    for (const ResolvedPackage& resolved : resolution.packages)
      if (resolved.name == package) fix.version = resolved.version.to_string();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::NoSolution && error.kind() != ErrorKind::NotFound) throw;
  }
  return fix;
}

std::map<AuditedRelease, Fix> find_fixes(const AuditSubject& subject,
                                         const std::vector<AuditFinding>& findings, Session& session) {
  std::map<AuditedRelease, Fix> out;
  for (const AuditedPackage& package : subject.packages) {
    if (!package.version) continue;
    const std::optional<Version> sound = first_sound(package, findings);
    if (!sound) continue;
    if (subject.environment && !subject.environment->is_foreign())
      out.emplace(release_of(package), fix_for(package.name, *sound, *subject.environment, session));
    else
      out.emplace(release_of(package),
                  Fix{fmt::format("{}>={}", package.name.normalized(), sound->to_string()), {}});
  }
  return out;
}

void print(const AuditFinding& finding, Output& output) {
  std::string id;
  if (finding.advisory) {
    id = finding.advisory->id;
    if (!finding.advisory->aliases.empty()) id += fmt::format(" ({})", join(finding.advisory->aliases, ", "));
    id += finding.text.empty() ? "" : ": ";
  }
  output.result(fmt::format("{} {}  {}{}", output.out(Paint::Bold, finding.package.display()),
                            finding.version, id, finding.text));
}

void print(const PackageName& package, const Fix& fix, const AuditSubject& subject, const std::string& where,
           Output& output) {
  const std::string word = shell_word(fix.requirement);
  if (fix.version)
    output.result(
        fmt::format("  fix: moat install{} {}   gives {} {}", where, word, package.display(), *fix.version));
  else if (subject.environment)
    output.result(fmt::format("  fixed by {}, which conflicts with other requests", word));
  else
    output.result(fmt::format("  fixed by {}", word));
}

nlohmann::ordered_json to_document(const AuditFinding& finding) {
  nlohmann::ordered_json out{{"kind", finding.kind},
                             {"package", finding.package.normalized()},
                             {"version", finding.version},
                             {"text", finding.text},
                             {"ignored", finding.ignored.empty() ? nlohmann::ordered_json()
                                                                 : nlohmann::ordered_json(finding.ignored)}};
  if (finding.advisory) {
    std::vector<std::string> fixed;
    for (const Version& version : finding.advisory->fixed_in) fixed.push_back(version.to_string());
    out["id"] = finding.advisory->id;
    out["aliases"] = finding.advisory->aliases;
    out["link"] = finding.advisory->link;
    out["fixed_in"] = fixed;
  }
  return out;
}

void tell(const AuditSubject& subject, const std::vector<AuditFinding>& findings,
          const std::map<AuditedRelease, Fix>& fixes, const std::string& where, Output& output) {
  std::size_t counting = 0, ignored = 0;
  nlohmann::ordered_json documents = nlohmann::ordered_json::array(),
                         fix_documents = nlohmann::ordered_json::array();
  for (const AuditedPackage& package : subject.packages) {
    for (const AuditFinding& finding : findings) {
      if (release_of(finding) != release_of(package)) continue;
      documents.push_back(to_document(finding));
      ++(finding.ignored.empty() ? counting : ignored);
      if (finding.ignored.empty()) print(finding, output);
    }
    const auto fix = fixes.find(release_of(package));
    if (fix == fixes.end()) continue;
    print(package.name, fix->second, subject, where, output);
    fix_documents.push_back({{"package", package.name.normalized()},
                             {"requirement", fix->second.requirement},
                             {"gives", fix->second.version ? nlohmann::ordered_json(*fix->second.version)
                                                           : nlohmann::ordered_json()}});
  }
  const std::string more = ignored == 0 ? "" : fmt::format(" ({} ignored)", ignored);
  output.say(counting == 0
                 ? fmt::format("no problem found in {}{}", counted(subject.packages.size(), "package"), more)
                 : fmt::format("{} in {}{}", counted(counting, "problem"),
                               counted(subject.packages.size(), "package"), more));
  if (output.json())
    output.document({{"schema", 1},
                     {"subject", subject.name},
                     {"packages", subject.packages.size()},
                     {"findings", documents},
                     {"fixes", fix_documents}});
}

}  // namespace

int execute(const AuditCommand& command, Session& session) {
  const UnixTime now = std::time(nullptr);
  const std::vector<AuditException> exceptions = audit_exceptions(session.settings(), now);
  const AuditSubject subject = audit_subject(command.lock, session);
  std::vector<AuditFinding> findings;
  find_vulnerabilities(subject, session, findings);
  if (!session.settings().offline) find_yanked(subject, session, findings);
  find_in_itself(subject, session.settings(), findings);
  apply_exceptions(findings, exceptions, now, session.output());
  tell(subject, findings, find_fixes(subject, findings, session), as_named(session.settings()),
       session.output());
  const bool clean = std::all_of(findings.begin(), findings.end(),
                                 [](const AuditFinding& finding) { return !finding.ignored.empty(); });
  return clean ? 0 : kAnswerIsNo;
}

}  // namespace moat
