// A project's page boiled down to what resolving needs: its files by version, oldest first, in compact bytes
// that are kept beside the HTTP cache, so that a warm run neither parses JSON nor sorts file names again.
//
// Layout (docs/store.md): a header (magic, facts about the page, frequent texts), the versions with the
// traits of their files, the rest of each file. Reading parses everything but the last part, which is most of
// the bytes; of that it parses the files that are asked for. The bytes come from a cache that may be damaged:
// reading checks all bounds and gives up, never crashes.
#pragma once

#include "fetch/index/simple_api.h"
#include "resolver/pep/name.h"
#include "resolver/solve/candidate.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// Files of other projects and files with invalid names (variants, .exe, .egg) are left out and counted.
// `validator`: identifies the page this was made of (its ETag, or a hash of its body).
std::string summarize_page(const ProjectPage& page, const PackageName& project, std::string_view validator);

struct PageSummary {
  std::string status, status_reason;
  std::optional<std::string> newer_api;
  std::string unknown_charset;
  std::uint64_t skipped = 0;
  std::string made_of;                                   // the validator
  std::vector<std::shared_ptr<const Release>> releases;  // oldest first, versions unique
};

// nullopt if the bytes are damaged, of another format, or made of a page other than `validator` names. Parts
// that are read later may still be damaged: then Release::files throws Error(Disk). `owner` keeps the bytes;
// the releases share it.
std::optional<PageSummary> read_page_summary(std::string_view bytes, std::shared_ptr<const void> owner,
                                             const PackageName& project, std::string_view validator);
std::optional<PageSummary> read_page_summary(std::string bytes, const PackageName& project,
                                             std::string_view validator);

// A file whose sha256 differs between the two pages: an index must not replace a file under the
// same name.
struct ChangedFile {
  std::string filename;
  Digest before, now;
};
// Both are summaries, of any page; returns none if one is damaged. Only reads names and hashes, as views: a
// page may list very many files.
std::vector<ChangedFile> changed_files(std::string_view before, std::string_view now,
                                       const PackageName& project);

// The project that the bytes (or their first kilobyte) belong to; "" if they are damaged.
std::string project_of_page_summary(std::string_view bytes);

}  // namespace moat
