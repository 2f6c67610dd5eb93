// direct_url.json (PEP 610): where an installed package came from, if not from an index.
#pragma once

#include "resolver/files/digest.h"
#include "resolver/files/source_url.h"
#include "resolver/pep/name.h"

#include <optional>
#include <string>
#include <string_view>

namespace moat {

struct DirectUrl {
  SourceKind kind = SourceKind::Archive;   // Wheel and Archive are one here
  std::string url;                         // without credentials
  std::optional<Digest> sha256;            // of an archive
  std::string commit, requested_revision;  // of git
  std::string vcs;                         // "git"; other tools write others
  bool editable = false;                   // of a folder
  std::string subdirectory;

  // nullopt if the text is not valid.
  static std::optional<DirectUrl> parse(std::string_view text);
  static DirectUrl of(const SourceUrl& source, const std::optional<Digest>& sha256, bool editable);

  std::string to_text() const;
  // A permanent reference for a requirement: "git+https://…@commit#subdirectory=x", "https://…#sha256=…",
  // "file:///…".
  std::string reference() const;
  // For messages: the path of a folder, else reference() without hashes.
  std::string place() const;
};

// The line of `freeze`: `name @ …`, or for an editable `-e …`.
std::string frozen_line(const PackageName& name, const DirectUrl& from);

// Removes credentials, but keeps the user `git` of ssh and the names of environment variables.
Url without_secrets(const Url& url);

}  // namespace moat
