// The contents of an environment before a change: its distributions, and the owner of each file. From the
// RECORDs, which other installers keep as well, and from the manifest where those are damaged.
#pragma once

#include "envs/environment/environment.h"
#include "envs/environment/installed.h"
#include "envs/journal/bytecode_list.h"
#include "envs/journal/manifest.h"
#include "envs/place/owned_files.h"
#include "envs/place/transaction.h"

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moat {

// A distribution of the environment with its files.
struct PresentDistribution {
  const InstalledDistribution* distribution = nullptr;
  OwnedFiles owned;
};

struct Owner {
  const InstalledDistribution* distribution = nullptr;
  const OwnedFile* file = nullptr;
};

// Its parts refer to each other: may be moved, not copied.
struct Presence {
  Presence() = default;
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  Presence(Presence&&) = default;
  Presence& operator=(Presence&&) = default;
  ~Presence() = default;

  InstalledDistributions installed;
  Manifest manifest;
  std::vector<BytecodeEntry> bytecode;
  std::set<PackageName> leaving;         // names of what the change removes or replaces
  std::vector<PresentDistribution> all;  // as `installed.all`
  // For packages that stay: the owner of each path, and further owners of such paths.
  std::unordered_map<std::string_view, Owner> staying;
  std::unordered_map<std::string_view, std::vector<Owner>> also_staying;

  bool is_leaving(const InstalledDistribution& distribution) const {
    return leaving.count(distribution.name) != 0;
  }
  // nullptr: no distribution of this name stays.
  const InstalledDistribution* find_staying(const std::string& name) const;
  // Asked for now, or before: an upgrade on behalf of another package does not remove that mark.
  bool stays_requested(const WantedPackage& package) const;
};

Presence read_presence(const Environment& environment, const TransactionRequest& request, Workers& workers,
                       Reporter& reporter);

// The existing entry, links not followed; nullopt: nothing. Error(Disk).
std::optional<struct stat> lstat_of(const std::filesystem::path& path);

}  // namespace moat
