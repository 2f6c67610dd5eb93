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
// A value. Nothing of it can be mistaken for an option by a program that is given it as an argument.
struct SourceUrl {
  SourceKind kind = SourceKind::Wheel;
  Url url;                   // where it is: without fragment; of git also without `git+` and the revision
  std::string revision;      // git: branch, tag or commit, as asked for; "": the default branch
  std::string subdirectory;  // where in the tree the project lies; "": at its top
  std::optional<PackageName> name;  // #egg=
  std::set<ExtraName> extras;       // #egg=name[extras]
  std::vector<Digest> digests;      // #sha256=…; each must hold
  std::string commit;               // git: 40 hex digits, once it is known

  // Fails for what moat cannot take from: other version control, other protocols, revisions that are none.
  static Expected<SourceUrl> parse(std::string_view text);

  // "git+https://host/owner/repo.git@v1.0#subdirectory=python", credentials as ****.
  std::string display() const;
};

// The same reference for good: git at the commit, where that is known. With credentials.
std::string pinned_text(const SourceUrl& source);

// Do two references mean the same thing, however they are spelled? What only names it (`#egg=`), and who may
// fetch it, is not a difference; hashes are.
bool same_reference(std::string_view a, std::string_view b);

// A branch, tag, commit or ref that git may be asked for: nothing that could be an option or a range.
bool is_git_revision(std::string_view text);

}  // namespace moat
