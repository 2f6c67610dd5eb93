#include "envs/install/kept_locks.h"

#include "envs/install/install_request.h"
#include "envs/install/key_text.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "fetch/store/store.h"
#include "resolver/base/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace moat {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kFormat = 1;  // changes when another moat would make another lock of the same question
constexpr std::size_t kMostKept = 32;  // each takes about 5 KB a package

fs::path file_of(const Store& store, const std::string& digest) {
  return store.layout().kept_locks() / digest;
}

void add(KeyText& key, const std::vector<std::string>& texts) {
  key.count(texts.size());
  for (const std::string& text : texts) key.add(text);
}

void add(KeyText& key, const std::map<std::string, std::vector<std::string>>& lists) {
  key.count(lists.size());
  for (const auto& [name, texts] : lists) add(key.add(name), texts);
}

void add(KeyText& key, const Target& target) {
  add(key, target.environment.values());
  key.add(target.python.to_string()).count(target.tags.tags().size());
  for (const Tag& tag : target.tags.tags()) key.add(tag.to_string());
}

void add(KeyText& key, const UniversalRequest& request) {
  key.count(request.roots.size());
  for (const LockRoot& root : request.roots) key.count(static_cast<std::size_t>(root.kind)).add(root.name);
  for (const std::size_t root : request.root_of) key.count(root);
  key.count(request.targets.size());
  for (const LockTarget& one : request.targets) {
    key.add(one.name).add(one.may_be_left_out ? "may be left out" : "");
    add(key, one.target);
  }
  key.add(request.targets_must_install ? "must install" : "").add(request.fewest_forks ? "fewest forks" : "");
  key.count(request.everywhere.size());
  for (const PythonMinor& python : request.everywhere) key.add(python.to_string());
  key.add(request.requires_python.to_string());
  add(key, request.request.target);
}

void add(KeyText& key, const LockedInputs& inputs) {
  add(key, inputs.targets);
  add(key, inputs.pythons);
  key.add(inputs.universal ? "universal" : "");
  add(key, inputs.requirements);
  add(key, inputs.constraints);
  add(key, inputs.extras);
  add(key, inputs.groups);
  add(key, inputs.default_groups);
  key.count(inputs.conflicts.size());
  for (const std::vector<std::string>& conflict : inputs.conflicts) add(key, conflict);
}

void add(KeyText& key, const EarlierLock& earlier) {
  key.count(earlier.versions.size());
  for (const auto& [name, version] : earlier.versions) key.add(name.normalized()).add(version.to_string());
  if (!earlier.pylock) return;
  for (const LockedPackage& package : earlier.pylock->packages)
    key.add(package.name.normalized())
        .add(package.version ? package.version->to_string() : "")
        .add(package.marker ? package.marker->to_string() : "");
}

bool names_sources(const std::vector<RootRequirement>& lines) {
  return std::ranges::any_of(lines,
                             [](const RootRequirement& line) { return line.requirement.url.has_value(); });
}

bool has_strong_hashes(const Release& release) {
  return std::ranges::all_of(release.files(), [](const ReleaseFile& file) {
    return std::ranges::any_of(file.artifact.digests,
                               [](const Digest& digest) { return digest.is_strong(); });
  });
}

void drop_oldest(const fs::path& folder) {
  std::vector<std::pair<fs::file_time_type, fs::path>> all;
  std::error_code gone;
  for (fs::directory_iterator entry(folder, gone), end; !gone && entry != end; entry.increment(gone)) {
    std::error_code ignored;
    all.emplace_back(entry->last_write_time(ignored), entry->path());
  }
  if (all.size() <= kMostKept) return;
  std::ranges::sort(all);
  for (std::size_t i = 0; i + kMostKept < all.size(); ++i) fs::remove(all[i].second, gone);
}

}  // namespace

std::optional<std::string> digest_of(const LockProblem& problem) {
  const Goal& goal = problem.goal;
  if (names_sources(goal.requirements) || names_sources(goal.constraints) || names_sources(goal.overrides) ||
      !goal.unnamed.empty() || !goal.editables.empty() || !goal.config_settings.empty() ||
      problem.policy.fix || problem.terms.no_vulnerable)
    return std::nullopt;
  KeyText key;
  key.add(MOAT_VERSION).count(kFormat);
  key.add(goal.requirements).add(goal.constraints).add(goal.overrides);
  key.add(goal.require_hashes ? "hashes" : "").add(goal.ignore_requires_python ? "any Python" : "");
  key.add(problem.policy.upgrade ? "upgrade" : "").add(problem.policy.no_deps ? "no dependencies" : "");
  key.add(digest_of(problem.terms));
  add(key, problem.request);
  add(key, problem.inputs);
  add(key, problem.locked_groups);
  key.count(problem.policy.upgrade_packages.size());
  for (const PackageName& name : problem.policy.upgrade_packages) key.add(name.normalized());
  if (!problem.policy.upgrade) add(key, problem.earlier);
  return key.digest();
}

// A line of JSON, then the lock.
std::optional<KeptLock> find_kept_lock(const Store& store, const std::string& digest) {
  try {
    std::optional<std::string> bytes = read_file_if_exists(file_of(store, digest));
    if (!bytes) return std::nullopt;
    const std::size_t end = bytes->find('\n');
    if (end == std::string::npos) return std::nullopt;
    const Json head = Json::parse(bytes->begin(), bytes->begin() + static_cast<std::ptrdiff_t>(end));
    KeptLock out{.pages = {},
                 .notes = head.at("notes").get<std::vector<std::string>>(),
                 .packages = head.at("packages").get<std::size_t>(),
                 .text = bytes->substr(end + 1)};
    if (hash_bytes(out.text).to_string() != head.at("hash").get<std::string>()) return std::nullopt;
    for (const auto& [name, made_of] : head.at("pages").items())
      out.pages.emplace(PackageName::parse(name).value(), made_of.get<std::string>());
    return out;
  } catch (const std::exception&) {  // unreadable or damaged counts as absent
    return std::nullopt;
  }
}

bool still_holds(const KeptLock& kept, const ResolveTools& with) {
  const Tools& tools = with.tools;
  IndexSource source(with.indexes, tools.http, tools.store, tools.workers, tools.reporter, tools.stop);
  for (const auto& [name, made_of] : kept.pages) source.request_project(name);
  try {
    for (const auto& [name, made_of] : kept.pages)
      if (wait_for(name, source).made_of != made_of) return false;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::Interrupted) throw;
    return false;  // the resolution meets it again, if it needs that project
  }
  return true;
}

void keep_lock(const Store& store, const std::string& digest, const KeptLock& lock, Reporter& reporter) {
  if (std::ranges::any_of(lock.pages, [](const auto& page) { return page.second.empty(); })) return;
  Json head = {
      {"notes", lock.notes}, {"packages", lock.packages}, {"hash", hash_bytes(lock.text).to_string()}};
  for (const auto& [name, made_of] : lock.pages) head["pages"][name.normalized()] = made_of;
  try {
    const fs::path file = file_of(store, digest);
    make_directories(file.parent_path());
    write_file_atomically(file, head.dump() + "\n" + lock.text);
    drop_oldest(file.parent_path());
  } catch (const std::exception& error) {
    reporter.note(error.what());
  }
}

namespace {

bool may_be_kept(const ResolvedPackage& package) {
  return !package.file.direct && package.file.wheel && has_strong_hashes(*package.release);
}

}  // namespace

bool may_be_kept(const UniversalResolution& resolution) {
  return resolution.left_out.empty() && !resolution.pages.empty() &&
         std::ranges::all_of(resolution.packages,
                             [](const UniversalPackage& one) { return may_be_kept(one.package); });
}

bool may_be_kept(const Resolution& resolution) {
  return !resolution.pages.empty() &&
         std::ranges::all_of(resolution.packages,
                             [](const ResolvedPackage& package) { return may_be_kept(package); });
}

}  // namespace moat
