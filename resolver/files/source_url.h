// The URL of a direct reference, taken apart: a wheel, an archive of sources, a folder, or a git repository.
#pragma once

#include "resolver/base/url.h"
#include "resolver/files/digest.h"
#include "resolver/pep/name.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

enum class SourceKind { Wheel, Archive, Directory, Git };

// git+https://host/owner/repo.git@v1.0#subdirectory=python&egg=foo[x]
// https://host/foo-1.0.tar.gz#sha256=…       file:///home/me/project
// A value. No part of it can be mistaken for an option when it is passed to a program as an argument.
struct SourceUrl {
  SourceKind kind = SourceKind::Wheel;
  Url url;                   // where it is: without fragment; of git also without `git+` and the revision
  std::string revision;      // git: branch, tag or commit, as asked for; "": the default branch
  std::string subdirectory;  // where in the tree the project lies; "": at its top
  std::optional<PackageName> name;  // #egg=
  std::set<ExtraName> extras;       // #egg=name[extras]
  std::vector<Digest> digests;      // #sha256=…; each must hold
  std::string commit;               // git: 40 hex digits, once it is known

  // Fails for anything that moat cannot fetch: other version control, other protocols, invalid revisions.
  static Expected<SourceUrl> parse(std::string_view text);

  // "git+https://host/owner/repo.git@v1.0#subdirectory=python", credentials as ****.
  std::string display() const;
};

// The same reference, made permanent: git at the commit, if known. With credentials.
std::string pinned_text(const SourceUrl& source);

// Do two references mean the same source, however they are spelled? `#egg=` and credentials make no
// difference; hashes do.
bool same_reference(std::string_view a, std::string_view b);

// A branch, tag, commit or ref that git may be asked for: nothing that could be an option or a range.
bool is_git_revision(std::string_view text);

}  // namespace moat
