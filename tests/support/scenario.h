// Resolver cases as text: an index, a request, what is expected. One file may hold one case.
//
//   # Comment lines.
//   index
//     a 2.0  requires  b>=2  c; python_version < "3.8"
//     a 1.0  requires  b  extra  test  yanked  it was broken
//   resolve  a
//   constraints  b<3
//   options  lowest
//   expect
//     a 1.0
//     b[x] 1.0
//
// Columns are set apart by two blanks or more; a key's values go on to the next key. `\n`-continued rows
// begin with deeper indentation than the first row's.
//
// Keys of a row: requires, extra, yanked (a reason), yanked-files (tags or `sdist`: only these are), text
// (the version as file names have it), index-python, python (metadata only), date, tags (none: no wheel),
// sdist, sha256, sdist-sha256, unusable, mended, url, status, fails (its metadata, with this message),
// build-fails, needs-build (a build has to tell its metadata).
//
// Sections with values on their line: resolve, constraints, overrides, prefer, locked (yanked ones too),
// python, platform, options, exclude-newer, window (days), fix-rounds (at most, where fixes are looked for).
// A value `text @@ origin` gives a line an origin, `text #ab` a hash (several: `#ab #cd`). Options: no-deps,
// pre, only-final, pre=NAME, final=NAME, lowest, lowest-direct, no-window, build, require-hashes,
// ignore-python, no-binary[=NAME], only-binary[=NAME].
//
// Of many environments: targets (platforms), may-leave-out (some of these; what was left out is among the
// notes), pythons (minor releases, newest first), universal (every other
// platform too), fewest (versions that admit all of the pythons, where there are some), requires-python,
// `extra NAME` and `group NAME` (lines that count with them), conflicts (of these, `extra x  group y`: a set
// of which no two are asked for together). Releases with the key `later` come out after the lock was made;
// what locking again then gives is `expect later`, and `upgrade` names packages that locking again gives up
// the versions of. `expect` then has the entries of the lock, each `a 1.0` or `a 1.0  marker`, and counts may
// say `solves`.
//
// expect, expect files (what would be installed), expect conflict, expect notes, expect hints, expect fixes,
// expect error (kind and message), expect asked (of the source, in order), expect counts
// (`trips 4  pages 2  metadata 2  rounds 2  builds 1`).
#pragma once

#include "resolver/lock/universal.h"
#include "resolver/solve/fixes.h"
#include "resolver/solve/solve.h"
#include "tests/support/fake_source.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moat::testing {

// The environments of a scenario, and for whom its lines count.
struct Everywhere {
  std::vector<std::string> platforms = {"linux_x86_64"}, pythons;
  std::set<std::string> may_be_left_out;  // of the platforms; others are declared
  bool universal = false, fewest = false;
  SpecifierSet requires_python;
  std::vector<LockRoot> roots = {LockRoot()};
  std::vector<std::size_t> root_of;
  std::set<PackageName> upgrade;
  std::vector<std::set<std::size_t>> conflicts;  // places in `roots`
};

struct Scenario {
  std::vector<FakeRelease> releases;
  std::map<std::string, std::string> statuses;
  struct Failure {
    std::string name, version, message;
    ErrorKind kind;
  };
  std::vector<Failure> failures;
  ResolveRequest request;
  ResolveBudget fix_budget = kFixBudget;
  std::optional<std::vector<std::string>> packages, files, conflict, notes, hints, fixes, error, asked;
  std::map<std::string, int> counts;

  std::optional<Everywhere> everywhere;
  std::vector<FakeRelease> later_releases;
  std::optional<std::vector<std::string>> later;
  UniversalRequest universal_request() const;

  // Throws std::invalid_argument on what it does not understand.
  static Scenario parse(std::string_view text);
  void fill(FakeSource& source) const;
};

// CPython of this version on linux x86_64 with glibc 2.36.
Target linux_target(std::string_view python);
// … on another platform: win_amd64, macosx_14_0_arm64, musllinux_1_2_x86_64.
Target target_on(std::string_view platform, std::string_view python);

// "a[x] 1.0" of each package.
std::vector<std::string> packages_of(const Resolution& resolution);

}  // namespace moat::testing
