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
#include "envs/install/audit_findings.h"
#include "envs/install/requests.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <map>
#include <set>
#include <utility>

namespace moat {
namespace {

void apply_exceptions(std::vector<AuditFinding>& findings, const std::vector<AuditException>& exceptions,
                      UnixTime now, Output& output) {
  for (const AuditException& exception : exceptions) {
    const bool used = apply_exception(exception, now, findings);
    if (used && exception.is_over(now))
      output.warn(fmt::format("audit-ignore: {} has expired", quote(exception.text)));
    else if (!used)
      output.note(fmt::format("audit-ignore: no finding matches {}", exception.id));
  }
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
  const Settings& settings = session.settings();
  const IndexList indexes = index_list(settings);
  find_vulnerabilities(
      subject.packages, session.advisories(), [&]() -> HttpClient& { return session.http(indexes); },
      findings);
  if (!settings.offline) find_yanked(subject.packages, *session.index_source(indexes), findings);
  find_in_itself(subject.packages, {settings.allow_licences, settings.deny_licences}, findings);
  apply_exceptions(findings, exceptions, now, session.output());
  tell(subject, findings, find_fixes(subject, findings, session), as_named(session.settings()),
       session.output());
  const bool clean = std::all_of(findings.begin(), findings.end(),
                                 [](const AuditFinding& finding) { return !finding.ignored.empty(); });
  return clean ? 0 : kAnswerIsNo;
}

}  // namespace moat
