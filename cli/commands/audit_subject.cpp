#include "cli/commands/audit_subject.h"

#include "cli/commands/bundle.h"
#include "cli/session/goal.h"
#include "cli/session/open_env.h"
#include "cli/settings/index_list.h"
#include "envs/environment/installed.h"
#include "envs/place/direct_url.h"
#include "fetch/index/wheel_metadata.h"
#include "fetch/os/presence.h"
#include "resolver/base/text.h"
#include "resolver/lock/lockfile.h"
#include "resolver/pep/licence_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <set>
#include <variant>

namespace moat {
namespace {

// The index to ask about packages whose origin is not recorded.
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

// Requirements, each of them pinned: a file with others is not a lock.
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

// The licence in its wheel; reading all wheels takes as long as verifying the bundle.
std::string licence_in(const Bundle& bundle, const BundlePackage& package, const fs::path& folder,
                       Session& session) {
  const fs::path file = folder / package.filename;
  bundle.save(package, file, session.stop());
  const Expected<WheelFilename> wheel = WheelFilename::parse(package.filename);
  if (!wheel)
    throw Error(ErrorKind::BadArchive,
                fmt::format("{}: {}: {}", bundle.label(), quote(package.filename), wheel.error().message));
  const MetadataAnswer metadata = read_wheel_metadata(file, *wheel);
  fs::remove(file);
  if (const auto* error = std::get_if<Error>(&metadata)) throw Error(*error);
  if (const auto* broken = std::get_if<UnusableWheel>(&metadata))
    throw Error(ErrorKind::BadArchive,
                fmt::format("{}: {}: {}", bundle.label(), quote(package.filename), broken->reason));
  return licence_of(std::get<std::string>(metadata));
}

AuditSubject of_bundle(const std::string& name, Session& session) {
  const BundleAccess access = open_bundle(name, session);
  const Settings& settings = session.settings();
  const bool looks_at_licences = !settings.allow_licences.empty() || !settings.deny_licences.empty();
  if (looks_at_licences) make_whole(access, session);
  const TempDir folder = session.store().make_temp("audit");
  AuditSubject subject{.name = name, .environment = {}, .packages = {}};
  std::set<std::string> seen;  // wheels that several targets have
  for (const BundleTarget& target : access.bundle->targets()) {
    for (const BundlePackage& package : target.config.packages) {
      if (!seen.insert(package.sha256.hex).second) continue;
      AuditedPackage out{.name = package.name,
                         .version = package.version,
                         .index = package.index,
                         .from = {},
                         .licence = {}};
      if (const auto direct = package.direct_url ? DirectUrl::parse(*package.direct_url) : std::nullopt) {
        out.from = direct->place();
        out.has_hash = direct->kind != SourceKind::Directory;
      } else if (out.index.empty()) {
        out.index = last_index(session);
      }
      if (looks_at_licences) out.licence = licence_in(*access.bundle, package, folder.path(), session);
      subject.packages.push_back(std::move(out));
    }
  }
  return subject;
}

// A tar: its first header says so.
bool is_bundle(const std::string& name, Session& session) {
  if (is_reference(name)) return true;
  std::array<char, 512> head{};
  const fs::path path = session.settings().working_directory / name;
  if (!fs::is_regular_file(status_of(path))) return false;
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  return std::string_view(head.data(), head.size()).substr(257).starts_with("ustar");
}

bool is_pylock(const fs::path& file) { return file.extension() == ".toml"; }

}  // namespace

AuditSubject audit_subject(const std::optional<std::string>& what, Session& session) {
  AuditSubject subject;
  if (!what) {
    subject = of_environment(session);
  } else if (is_bundle(*what, session)) {
    subject = of_bundle(*what, session);
  } else if (!is_pylock(*what)) {
    subject = of_requirements(*what, session);
  } else {
    const std::string text = read_named_file(session.settings().working_directory / *what);
    Expected<Pylock> parsed = parse_pylock(text, "");
    if (!parsed) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", *what, parsed.error().message));
    subject.name = *what;
    for (const LockedPackage& package : parsed->packages)
      subject.packages.push_back(of_locked(package, session));
  }
  std::stable_sort(subject.packages.begin(), subject.packages.end(),
                   [](const AuditedPackage& a, const AuditedPackage& b) { return a.name < b.name; });
  return subject;
}

}  // namespace moat
