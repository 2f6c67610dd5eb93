// pylock.toml (PEP 751): text ⇄ value, made from a resolution, and the selection that a target installs.
#pragma once

#include "resolver/files/artifact.h"
#include "resolver/pep/marker.h"
#include "resolver/pep/name.h"
#include "resolver/pep/specifier.h"
#include "resolver/solve/resolution.h"
#include "resolver/solve/target.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct LockedFile {
  std::string name;  // file name: `name`, else of `path`, else of `url`
  std::string url;   // url, path or both are set; path wins if the file exists
  std::string path;  // absolute, or relative to the lock file
  std::optional<std::uint64_t> size;
  std::optional<UnixTime> upload_time;
  std::vector<Digest> hashes;  // at least one known
};

// vcs, directory or archive, kept as far as a reader must tell them apart.
enum class DirectSourceKind { Vcs, Directory, Archive };
struct DirectSource {
  DirectSourceKind kind = DirectSourceKind::Archive;
  LockedFile archive;                                              // Archive
  std::string vcs_type, commit_id, url, path, requested_revision;  // Vcs, Directory (path)
  bool editable = false;
  std::string subdirectory;
};

struct LockedPackage {
  PackageName name;
  std::optional<Version> version;
  std::optional<Marker> marker;
  std::optional<SpecifierSet> requires_python;
  std::vector<std::pair<PackageName, std::optional<Version>>> dependencies;  // informational
  std::string index;                                                         // base URL, without credentials
  std::optional<LockedFile> sdist;
  std::vector<LockedFile> wheels;  // sorted by name
  std::optional<DirectSource> direct;
};

// [tool.moat] of a lock for several targets: its inputs as written, one line each. So a new line can be named
// without resolving, and two branches that add lines merge.
struct LockedInputs {
  std::vector<std::string> targets;  // platforms that every package can be installed on
  std::vector<std::string> pythons;  // "3.10", …: of these
  bool universal = false;            // other platforms as well
  std::vector<std::string> requirements, constraints;
  std::map<std::string, std::vector<std::string>> extras, groups;  // theirs, by normalised name
  std::vector<std::string> default_groups;                         // that `sync` takes if none is named
  // Sets of which no two can be asked for together: "extra cpu", "group dev".
  std::vector<std::vector<std::string>> conflicts = {};
  friend bool operator==(const LockedInputs&, const LockedInputs&) = default;
};

struct Pylock {
  std::string lock_version = "1.0";
  std::vector<Marker> environments;
  bool has_environments = false;  // an empty list is a list: none holds
  std::optional<SpecifierSet> requires_python;
  std::vector<ExtraName> extras;
  std::vector<GroupName> dependency_groups;
  std::vector<std::string> default_groups;
  std::string created_by;
  std::vector<LockedPackage> packages;  // by name
  // [tool.moat] groups: the dependency groups that were locked along, as `--group` names them from the lock's
  // folder. Locking again keeps them.
  std::vector<std::string> locked_groups;
  std::optional<LockedInputs> inputs;
};

// Checks all that the specification asks of a reader. `name`: "pylock.toml"; "" is not checked.
// The message names the key ("packages[3].wheels[0].hashes") and the reason. Warnings: unknown minor
// versions.
Expected<Pylock> parse_pylock(std::string_view text, std::string_view name,
                              std::vector<std::string>* warnings = nullptr);

// Canonical text: the same lock gives the same bytes.
std::string format_pylock(const Pylock& lock);

// A lock for one target: each package with the wheels of its release that this target may use or, where
// `all_files`, every file of the release. Credentials are stripped from URLs; local files become paths
// relative to `lock_directory`.
struct LockOptions {
  std::string lock_directory;
  bool all_files = true;
  std::set<PackageName> editables = {};
};
Pylock lock_resolution(const Resolution& resolution, const Target& target, const LockOptions& options);
// One package of the lock, without its dependencies.
LockedPackage lock_package(const ResolvedPackage& package, const LockOptions& options);

// pylock.toml or pylock.NAME.toml, as the specification requires.
bool is_lock_name(std::string_view name);

// Error(Usage) if two extras or groups that exclude each other (`conflicts`) are asked for together.
void check_conflicts(const Pylock& lock, const std::set<ExtraName>& extras,
                     const std::set<GroupName>& groups);

struct SelectedPackage {
  const LockedPackage* package = nullptr;
  const LockedFile* file = nullptr;  // a wheel, an sdist or an archive; nullptr: a folder or checkout
};
// What the target installs, in the lock's order; decided from names only, nothing is fetched. Error(Usage)
// for an extra or group that the lock does not have; Error(NoSolution or BadInput) where the specification
// demands an error: environments, requires-python, two entries of one name, no matching wheel (lists the
// existing tags).
std::vector<SelectedPackage> select_packages(const Pylock& lock, const Target& target,
                                             const std::set<ExtraName>& extras = {},
                                             const std::optional<std::set<GroupName>>& groups = std::nullopt);

}  // namespace moat
