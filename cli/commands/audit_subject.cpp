#include "cli/commands/audit_subject.h"

#include "cli/session/goal.h"
#include "cli/session/open_env.h"
#include "cli/settings/index_list.h"
#include "envs/environment/installed.h"
#include "envs/place/direct_url.h"
#include "resolver/base/text.h"
#include "resolver/lock/lockfile.h"
#include "resolver/pep/licence_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace moat {
namespace {

// The index to ask about what does not say where it came from.
std::string last_index(const Session& session) {
  const IndexList indexes = index_list(session.settings());
  return indexes.indexes.empty() ? "" : indexes.indexes.back().url.without_credentials().to_string();
}

AuditSubject of_environment(Session& session) {
  const Environment environment = open_for_reading(session);
  AuditSubject subject{.name = environment.root().native(), .environment = environment, .packages = {}};
  std::map<std::string, std::string> index_of;
  if (!environment.is_foreign())
    for (const ManifestPackage& package : environment.manifest_without_files().packages)
      index_of[package.name] = package.index;
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  for (const std::string& problem : installed.problems) session.reporter().warn(problem);
  for (const InstalledDistribution& one : installed.all) {
    AuditedPackage package{.name = one.name, .version = one.version, .index = {}, .from = {}, .licence = {}};
    package.licence = licence_of(one.metadata);
    if (const auto direct = one.direct_url ? DirectUrl::parse(*one.direct_url) : std::nullopt) {
      package.from = direct->place();
      package.has_hash = direct->kind == SourceKind::Git || direct->sha256.has_value();
    } else {
      const auto known = index_of.find(one.name.normalized());
      package.index = known != index_of.end() && !known->second.empty() ? known->second : last_index(session);
    }
    subject.packages.push_back(std::move(package));
  }
  return subject;
}

AuditedPackage of_locked(const LockedPackage& locked, const Session& session) {
  AuditedPackage package{
      .name = locked.name, .version = locked.version, .index = locked.index, .from = {}, .licence = {}};
  if (locked.direct) {
    package.from = locked.direct->url.empty() ? locked.direct->path : locked.direct->url;
    if (package.from.empty()) package.from = locked.direct->archive.name;
    package.has_hash = locked.direct->kind != DirectSourceKind::Directory;
  } else if (package.index.empty()) {
    package.index = last_index(session);
  }
  return package;
}

// Requirements, each of them pinned: what is not pinned is not a lock.
AuditSubject of_requirements(const std::string& file, Session& session) {
  AuditSubject subject{.name = file, .environment = {}, .packages = {}};
  const Goal goal = read_goal({}, {file}, {}, session);
  for (const RootRequirement& line : goal.requirements) {
    const Requirement& requirement = line.requirement;
    AuditedPackage package{.name = requirement.name, .version = {}, .index = {}, .from = {}, .licence = {}};
    package.has_hash = !line.hashes.empty();
    if (requirement.url) {
      package.from = *requirement.url;
      package.has_hash = package.has_hash || requirement.url->find("#sha256=") != std::string::npos;
    } else {
      const auto pinned = requirement.specifier.pinned_version();
      if (!pinned)
        throw Error(ErrorKind::BadInput,
                    fmt::format("{}: {} is not pinned: what it gives is not known", line.origin.where,
                                quote(requirement.to_string())),
                    {fmt::format("`moat lock -r {} -o pylock.toml`, then `moat audit pylock.toml`", file)});
      package.version = *pinned;
      package.index = last_index(session);
      package.from = "a file of the index";
    }
    subject.packages.push_back(std::move(package));
  }
  return subject;
}

bool is_pylock(const fs::path& file) { return file.extension() == ".toml"; }

}  // namespace

AuditSubject audit_subject(const std::optional<std::string>& lock, Session& session) {
  AuditSubject subject;
  if (!lock) {
    subject = of_environment(session);
  } else if (!is_pylock(*lock)) {
    subject = of_requirements(*lock, session);
  } else {
    const std::string text = read_named_file(session.settings().working_directory / *lock);
    Expected<Pylock> parsed = parse_pylock(text, "");
    if (!parsed) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", *lock, parsed.error().message));
    subject.name = *lock;
    for (const LockedPackage& package : parsed->packages)
      subject.packages.push_back(of_locked(package, session));
  }
  std::stable_sort(subject.packages.begin(), subject.packages.end(),
                   [](const AuditedPackage& a, const AuditedPackage& b) { return a.name < b.name; });
  return subject;
}

}  // namespace moat
