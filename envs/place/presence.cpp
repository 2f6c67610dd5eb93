#include "envs/place/presence.h"

#include "envs/place/damaged.h"
#include "fetch/os/file.h"

#include <cerrno>
#include <utility>

namespace moat {
namespace {

// By RECORD; what is damaged there the manifest knows.
OwnedFiles files_of(const InstalledDistribution& distribution, const Presence& there,
                    const Environment& environment) {
  OwnedFiles owned;
  std::optional<Error> unreadable;
  try {
    if (distribution.has_record) owned = owned_files(distribution, environment.root(), environment.scheme());
  } catch (const Error& error) {
    unreadable = error;
  }
  if (!distribution.legacy && (owned.files.empty() || there.is_leaving(distribution)))
    add_placed_files(owned, distribution, there.manifest);
  if (unreadable && owned.files.empty()) throw Error(*unreadable);
  return owned;
}

}  // namespace

const InstalledDistribution* Presence::find_staying(const std::string& name) const {
  const Expected<PackageName> parsed = PackageName::parse(name);
  const InstalledDistribution* const found = parsed ? installed.find(*parsed) : nullptr;
  return found && !is_leaving(*found) ? found : nullptr;
}

bool Presence::stays_requested(const WantedPackage& package) const {
  const InstalledDistribution* const before = installed.find(package.name);
  return package.requested || (before && before->requested);
}

Presence read_presence(const Environment& environment, const TransactionRequest& request, Workers& workers,
                       Reporter& reporter) {
  Presence out;
  out.installed = InstalledDistributions::read(environment.site_packages());
  for (const std::string& problem : out.installed.problems) reporter.note(problem);
  if (fs::exists(environment.root() / ".moat/manifest")) {
    Environment::Placed placed = environment.placed();
    out.manifest = std::move(placed.manifest);
    out.bytecode = std::move(placed.bytecode);
  }
  add_damaged(out.installed, out.manifest, environment.root());
  for (const WantedPackage& package : request.install) out.leaving.insert(package.name);
  out.leaving.insert(request.remove.begin(), request.remove.end());
  out.all.resize(out.installed.all.size());
  workers.for_each(out.all.size(), [&](std::size_t i) {
    out.all[i].distribution = &out.installed.all[i];
    out.all[i].owned = files_of(out.installed.all[i], out, environment);
  });
  for (const PresentDistribution& present : out.all) {
    if (out.is_leaving(*present.distribution)) continue;
    for (const OwnedFile& file : present.owned.files) {
      const Owner owner{present.distribution, &file};
      if (!out.staying.emplace(file.path, owner).second) out.also_staying[file.path].push_back(owner);
    }
  }
  return out;
}

std::optional<struct stat> lstat_of(const fs::path& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0) return facts;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  throw_errno("look at", path, errno);
}

}  // namespace moat
