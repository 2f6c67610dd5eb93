#include "envs/place/next_state.h"

#include "envs/place/bytecode.h"
#include "fetch/bytes/hasher.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace moat {
namespace {

using Listed = std::unordered_set<std::string>;  // paths that have a line in the manifest

// Names of packages that stay: `kept` by moat, and of another installer, `taken in` from now on.
struct Staying {
  std::set<std::string> kept, taken_in;
};

Staying add_packages(const PlanTerms& terms, const TransactionPlan& plan, Manifest& next) {
  const std::vector<ManifestPackage>& before = plan.there.manifest.packages;
  Staying out;
  for (const PresentDistribution& present : plan.there.all) {
    const InstalledDistribution& distribution = *present.distribution;
    if (plan.there.is_leaving(distribution) || distribution.legacy) continue;
    const std::string& name = distribution.name.normalized();
    const std::string version = distribution.version.to_string();
    const bool requested = distribution.requested ||
                           std::ranges::any_of(plan.marked, [&](const InstalledDistribution* const marked) {
                             return marked->name == distribution.name;
                           });
    const auto known = std::ranges::find_if(before, [&](const ManifestPackage& package) {
      return package.name == name && package.version == version;
    });
    const bool is_known = known != before.end();
    if (!(is_known ? out.kept : out.taken_in).insert(name).second) continue;
    next.packages.push_back(
        {name, version, is_known ? known->wheel_sha256 : "", requested, is_known ? known->index : ""});
  }
  for (const WantedPackage& package : terms.request.install)
    next.packages.push_back({package.name.normalized(), package.version.to_string(), package.wheel.digest.hex,
                             plan.there.stays_requested(package), package.index});
  return out;
}

ManifestEntry entry_of(const ArrivingFile& file, unsigned umask) {
  const bool link = file.link == LinkMode::Symlink;
  const std::string target = link ? file.source.string() : std::string();
  return {file.path, link ? hash_bytes(target).hex : file.sha256, link ? target.size() : file.size,
          mode_of(file, umask), file.owner};
}

void add_arrivals(const TransactionPlan& plan, Listed& listed, Manifest& next) {
  const unsigned umask = current_umask();
  for (const ArrivingFile& file : plan.arrivals)
    if (file.in_manifest && listed.insert(file.path).second) next.entries.push_back(entry_of(file, umask));
}

// The package that stays and has a file there; nullptr: none.
const InstalledDistribution* owner_at(const std::string& path, const TransactionPlan& plan) {
  const auto owner = plan.there.staying.find(path);
  return owner == plan.there.staying.end() ? nullptr : owner->second.distribution;
}

void add_remaining(const TransactionPlan& plan, const std::set<std::string>& kept, Listed& listed,
                   Manifest& next) {
  for (ManifestEntry entry : plan.there.manifest.entries) {
    if (plan.departures.covers(entry.path) || listed.count(entry.path) != 0) continue;
    if (entry.owner.empty() && plan.own_pip.files.count(entry.path) != 0 && owner_at(entry.path, plan))
      continue;  // pip itself lies there
    if (!entry.owner.empty() && kept.count(entry.owner) == 0) {
      // A file of two packages, of which one goes?
      const InstalledDistribution* const other = owner_at(entry.path, plan);
      if (!other || kept.count(other->name.normalized()) == 0) continue;
      entry.owner = other->name.normalized();
    }
    if (const auto owner = plan.settled.owner_at.find(entry.path); owner != plan.settled.owner_at.end())
      entry.owner = owner->second;
    listed.insert(entry.path);
    next.entries.push_back(std::move(entry));
  }
}

// A package that another installer put here.
void take_in(const fs::path& root, const PresentDistribution& present, Listed& listed, Manifest& next) {
  for (const OwnedFile& file : present.owned.files) {
    const auto facts = is_bytecode(file.path) ? std::nullopt : lstat_of(root / file.path);
    if (!facts || !S_ISREG(facts->st_mode) || !listed.insert(file.path).second) continue;
    std::string sha256 = sha256_hex(file.sha256);
    if (sha256.empty()) sha256 = hash_file(root / file.path).hex;
    const auto size = static_cast<std::uint64_t>(facts->st_size);
    next.entries.push_back({file.path, sha256, file.size.value_or(size), facts->st_mode & 07777U,
                            present.distribution->name.normalized()});
  }
}

}  // namespace

std::vector<ManifestRequest> next_requests(const std::vector<ManifestRequest>& before,
                                           const TransactionRequest& request) {
  std::vector<ManifestRequest> out = request.requests;
  for (const ManifestRequest& earlier : before) {
    const auto is_of = [&](const PackageName& name) { return name.normalized() == earlier.name; };
    const bool goes =
        std::ranges::any_of(request.remove, is_of) || std::ranges::any_of(request.forget_requests, is_of);
    const bool is_said_anew = std::ranges::any_of(request.requests, [&](const ManifestRequest& now) {
      return now.kind == earlier.kind &&
             (now.kind == kCommandRequest ? now.name == earlier.name : now.origin == earlier.origin);
    });
    if (!goes && !is_said_anew) out.push_back(earlier);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Manifest next_manifest(const PlanTerms& terms, const TransactionPlan& plan) {
  Manifest next;
  next.runtime = plan.there.manifest.runtime;
  next.requests = next_requests(plan.there.manifest.requests, terms.request);
  next.others = plan.settled.others;
  const Staying staying = add_packages(terms, plan, next);
  Listed listed;
  add_arrivals(plan, listed, next);
  add_remaining(plan, staying.kept, listed, next);
  for (const PresentDistribution& present : plan.there.all)
    if (staying.taken_in.count(present.distribution->name.normalized()) != 0)
      take_in(terms.root, present, listed, next);
  return next;
}

std::vector<BytecodeEntry> next_bytecode(const TransactionPlan& plan, const Manifest& next) {
  std::vector<BytecodeEntry> out;
  std::unordered_set<std::string_view> owners, listed;
  for (const ManifestPackage& package : next.packages) owners.insert(package.name);
  for (const ArrivingFile& file : plan.arrivals)
    if (listed.insert(file.path).second && file.is_derived)
      out.push_back({file.path, file.sha256, file.size, file.owner});
  for (const BytecodeEntry& entry : plan.there.bytecode)
    if ((entry.owner.empty() || owners.count(entry.owner) != 0) && listed.count(entry.path) == 0 &&
        !plan.departures.covers(entry.path))
      out.push_back(entry);
  return out;
}

}  // namespace moat
