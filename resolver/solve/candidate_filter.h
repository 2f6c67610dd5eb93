// Which releases of a project may be chosen at all, and which file of each would be installed. Pure.
//
// Everything that does not depend on other packages is decided here, before the solver sees anything: file
// kinds, tags, Requires-Python, hashes, dates, yanked files, forbidden pre-releases.
#pragma once

#include "resolver/solve/candidate.h"
#include "resolver/solve/hash_rules.h"
#include "resolver/solve/solve.h"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moat {

// A release that may be chosen, with the file that would be installed.
struct Candidate {
  std::shared_ptr<const Release> release;
  std::size_t place = 0;             // of the file among the release's
  bool yanked = false;               // and pinned by a line of the user's or a lock
  std::optional<UnixTime> uploaded;  // of its earliest file that may be used: when the release came out

  const Version& version() const { return release->version; }
  bool prerelease() const { return release->version.is_prerelease(); }
  const FileTraits& traits() const { return release->traits()[place]; }
  const ReleaseFile& file() const { return release->files()[place]; }
};

// How far a file or release gets towards being a candidate; later values are closer.
enum class Verdict {
  NoFiles,
  KindForbidden,  // --no-binary, --only-binary
  CutByDate,
  WrongHash,    // or none given where hashes are required
  WrongTags,    // no wheel for this Python and platform
  WrongPython,  // Requires-Python
  OnlySdist,    // and building is not possible
  Yanked,
  Prerelease,  // and they are forbidden
  Eligible,
};

struct FilteredProject {
  std::vector<Candidate> candidates;  // oldest first
  std::vector<Verdict> verdicts;      // one for each release of the project
};

// Holds references to the request. Not thread-safe (it remembers what it worked out).
class CandidateFilter {
 public:
  explicit CandidateFilter(const ResolveRequest& request);

  // from_url: the project comes from a requirement's URL, so dates, kinds of files and pre-releases do not
  // matter.
  FilteredProject filter(const Project& project, bool from_url = false);
  // As if the project had no release but this; nullopt: it has none of this version, or that may not be
  // chosen.
  std::optional<FilteredProject> only(const Project& project, const Version& version);
  // The release by itself, as filter() judges it but for pre-releases; nullopt: it may not be chosen.
  std::optional<Candidate> candidate(const PackageName& name, const std::shared_ptr<const Release>& release,
                                     bool from_url);
  // Does candidate() give one?
  bool may_use(const PackageName& name, const std::shared_ptr<const Release>& release, bool from_url);
  // When the first file in range came out that only its date excludes; if there is none, the first in range.
  std::optional<UnixTime> first_usable(const Project& project, const SpecifierSet& specifiers);

  const HashRules& hashes() const { return hashes_; }
  const Target& target() const { return request_.target; }

 private:
  struct FileVerdict {
    std::size_t place = 0;
    Verdict verdict = Verdict::NoFiles;
    bool is_wheel = false;
    bool hash_known = false;  // a hash was asked for, and this file has it
    bool yanked = false;
    std::size_t tag_rank = 0;  // of a wheel
  };
  // The rules that a file is held to, for all but the first of these with exceptions.
  enum class Rules { All, FromUrl, WhateverTheDate };
  std::optional<std::size_t> rank(const std::vector<Tag>& tags);
  // `place`: of the file among the release's.
  FileVerdict judge(const PackageName& name, const Release& release, std::size_t place, Rules rules);
  static bool is_better(const FileVerdict& a, const FileVerdict& b, const Release& release);
  Verdict judge_release(const PackageName& name, Rules rules, Candidate& candidate);
  bool python_admitted(std::string_view requires_python);
  FilteredProject judge_all(const Project& project, bool from_url);
  bool yanked_is_pinned(const PackageName& name, const Version& version) const;

  const ResolveRequest& request_;
  std::map<PackageName, std::vector<SpecifierSet>> pins_;  // `==V` and `===V` lines of the user's
  const HashRules hashes_;
  struct Admitted {
    bool here, everywhere;  // with all of request.also_for
  };
  std::map<std::string, Admitted, std::less<>> python_admitted_;
  bool wants_everywhere_ = false;
  // Of the releases that are being judged: most share a few sets of tags.
  std::unordered_map<const std::vector<Tag>*, std::optional<std::size_t>> ranks_;
};

// Does the set contain the release's version? Makes the release's files only for ===, which compares its
// text.
bool admits(const SpecifierSet& specifiers, const Release& release);

}  // namespace moat
