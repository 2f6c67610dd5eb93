// A project's page boiled down to what resolving needs: its files by version, oldest first, in compact bytes
// that are kept beside the HTTP cache, so that a warm run neither parses JSON nor sorts file names again.
//
// Layout (docs/store.md): a header (magic, what is said of the page, texts that occur often), the versions
// with the traits of their files, the rest of each file. Reading looks at all but the last part, which is
// most of the bytes: of that, at what somebody asks for. The bytes come from a cache that may be damaged:
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

// Files of other projects and with names that make no sense (variants, .exe, .egg) are left out and counted.
// `validator`: names the page that this was made of (its ETag, or a hash of its body).
std::string summarize_page(const ProjectPage& page, const PackageName& project, std::string_view validator);

struct PageSummary {
  std::string status, status_reason;
  std::optional<std::string> newer_api;
  std::string unknown_charset;
  std::uint64_t skipped = 0;
  std::vector<std::shared_ptr<const Release>> releases;  // oldest first, versions unique
};

// nullopt where the bytes are damaged, of another format, or were made of another page than `validator`
// names. What somebody asks for later may be damaged all the same: then Release::files throws Error(Disk).
// `owner` keeps the bytes; the releases share it.
std::optional<PageSummary> read_page_summary(std::string_view bytes, std::shared_ptr<const void> owner,
                                             const PackageName& project, std::string_view validator);
std::optional<PageSummary> read_page_summary(std::string bytes, const PackageName& project,
                                             std::string_view validator);

// Files of which both pages tell the sha256, and not the same one: an index is not to change a file under its
// name.
struct ChangedFile {
  std::string filename;
  Digest before, now;
};
// Both are digests, of whatever page; none where one is damaged. Only names and hashes are read of them, as
// views: a page may list very many files.
std::vector<ChangedFile> changed_files(std::string_view before, std::string_view now,
                                       const PackageName& project);

// The project that the bytes, or at least their first kilobyte, are about; "" where they are damaged.
std::string project_of_page_summary(std::string_view bytes);

}  // namespace moat
