// The two answers of resolve(), as data.
#pragma once

#include "resolver/solve/candidate.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace moat {

// The place of a user's requirement: "requirements.txt:4", or "" for the command line.
struct Origin {
  std::string where;
};

// Who needs a package: the user (from is nullopt) or another package.
struct Edge {
  std::optional<PackageName> from;
  Requirement requirement;
  Origin origin;  // of the user's own line
};

struct ResolvedPackage {
  PackageName name;
  Version version;
  std::shared_ptr<const Release> release;
  ReleaseFile file;            // the file to install
  std::set<ExtraName> extras;  // that were asked for
  ReleaseMetadata metadata;
  std::vector<Edge> required_by;  // sorted: the user first, then by name
  std::string index;              // display URL, "" for local files
  std::vector<Digest> accepted;   // hashes that the user's lines allow; empty: they name none
};

struct Resolution {
  std::vector<ResolvedPackage> packages;  // by name
  std::vector<std::string> notes;  // fairness, yanked, mended metadata, unknown extras: one sentence each
  std::map<PackageName, std::string> pages =
      {};  // what it rests on (Project::made_of), where the caller adds it
};

// Why a name cannot be had, known before the solver sees anything.
enum class MissingCandidates {
  UnknownProject,    // no index has it
  NoVersionInRange,  // versions exist, none that all of the specifiers admit
  NoUsableFile,      // versions in range exist, but no file for this Python or platform
  ForbiddenKind,     // … but only files of a kind that --only-binary or --no-binary forbids
  NoHash,  // files exist, but none with a hash that is given (or none is given where all must have one)
  NeedsNewerPython,  // … and Requires-Python is what excludes them
  OnlySdist,         // … and only source distributions are left
  OnlyYanked,
  CutByDate,        // --exclude-newer
  OnlyPrereleases,  // and they are forbidden
  Conflicting,      // usable candidates exist; requirements contradict each other
};

// Details of a lack besides its kind; empty if they do not apply.
struct MissingCandidatesFacts {
  std::string version;               // of those in range the one that is closest to being usable
  std::vector<std::string> tags;     // NoUsableFile: of its wheels
  std::vector<std::string> pythons;  // … that have one on this platform, oldest first: "3.9", "3.10"
  std::string requires_python;       // NeedsNewerPython: as its files say it
  std::optional<UnixTime> since;     // CutByDate: when the first usable one came out
};

// One step of a conflict: `package` (at these versions) requires `requirement`; the user's own lines have no
// package.
struct ConflictStep {
  std::optional<PackageName> package;
  std::string versions;  // "3.1", "1.0 to 2.4", "all versions"
  Requirement requirement;
  Origin origin;
  std::optional<MissingCandidates> lack;  // this requirement cannot be met by anything
  std::string detail;                     // the lack as one clause, for people
  std::optional<ExtraName> extra;         // of the package, which brings the requirement in
  MissingCandidatesFacts facts = {};
  std::string unusable = {};  // why these versions cannot be chosen at all; then nothing is required
};

// No set of versions meets the requirements. Minimal: each of `core` is needed for the contradiction.
struct Conflict {
  std::vector<Edge> core;           // the user's lines involved
  std::vector<ConflictStep> steps;  // from the user's lines to the clash, in telling order
};

using Outcome = std::variant<Resolution, Conflict>;

}  // namespace moat
