#include "cli/commands/audit_subject.h"

#include "cli/commands/bundle.h"
#include "cli/session/goal.h"
#include "cli/session/open_env.h"
#include "cli/settings/index_list.h"
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
std::string last_index(const Settings& settings) {
  const IndexList indexes = index_list(settings);
  return indexes.indexes.empty() ? "" : indexes.indexes.back().url.without_credentials().to_string();
}

// The licence in its wheel; reading all wheels takes as long as verifying the bundle.
std::string licence_in(const Bundle& bundle, const BundlePackage& package, const fs::path& folder,
                       const std::stop_token& stop) {
  const fs::path file = folder / package.filename;
  bundle.save(package, file, stop);
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
        out.index = last_index(session.settings());
      }
      if (looks_at_licences) out.licence = licence_in(*access.bundle, package, folder.path(), session.stop());
      subject.packages.push_back(std::move(out));
    }
  }
  return subject;
}

// A tar: its first header says so.
bool is_bundle(const std::string& name, const Settings& settings) {
  if (is_reference(name)) return true;
  std::array<char, 512> head{};
  const fs::path path = settings.working_directory / name;
  if (!fs::is_regular_file(status_of(path))) return false;
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  return std::string_view(head.data(), head.size()).substr(257).starts_with("ustar");
}

bool is_pylock(const fs::path& file) { return file.extension() == ".toml"; }

}  // namespace

AuditSubject audit_subject(const std::optional<std::string>& what, Session& session) {
  AuditSubject subject;
  if (!what) {
    const Environment environment = open_for_reading(session);
    subject = {environment.root().native(), environment,
               audited_packages(environment, last_index(session.settings()), session.reporter())};
  } else if (is_bundle(*what, session.settings())) {
    subject = of_bundle(*what, session);
  } else if (!is_pylock(*what)) {
    subject = {*what,
               {},
               audited_packages(read_goal({}, {*what}, {}, session), *what, last_index(session.settings()))};
  } else {
    const std::string text = read_named_file(session.settings().working_directory / *what);
    Expected<Pylock> parsed = parse_pylock(text, "");
    if (!parsed) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", *what, parsed.error().message));
    subject = {*what, {}, audited_packages(*parsed, last_index(session.settings()))};
  }
  std::stable_sort(subject.packages.begin(), subject.packages.end(),
                   [](const AuditedPackage& a, const AuditedPackage& b) { return a.name < b.name; });
  return subject;
}

}  // namespace moat
