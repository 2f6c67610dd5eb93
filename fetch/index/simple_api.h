// A page of a Simple index (PEP 503, 691, 700, 714, 592, 740, 792) as a value. Pure: parses the bytes of a
// response.
//
// Parsing pages takes most of the CPU time (tens of megabytes of JSON for a large stack), so this makes no
// objects: PageFile is views into the page's own memory, and unneeded parts are skipped.
#pragma once

#include "resolver/base/error.h"
#include "resolver/base/url.h"
#include "resolver/files/artifact.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

// What to ask for: JSON, else HTML.
inline constexpr std::string_view kSimpleAccept =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

// One file as the page describes it; only the format is checked. Views live as long as the ProjectPage.
struct PageHash {
  std::string_view algorithm;
  std::string_view hex;
};

struct PageFile {
  std::string_view filename;         // never empty, no '/', no control characters
  std::string_view url;              // as written: maybe relative to ProjectPage::base, maybe with a fragment
  std::string_view requires_python;  // "" when absent
  std::optional<std::string_view> yanked;
  std::optional<std::uint64_t> size;
  std::optional<UnixTime> upload_time;
  bool has_metadata_file = false;
  PageHash metadata_hash;      // empty where the page only says that there is one
  std::size_t first_hash = 0;  // into the page's hashes
  std::size_t hash_count = 0;
};

// One page. Movable, not copyable; immutable once made, so safe to read from several threads.
class ProjectPage {
 public:
  std::string name;                   // as the page spells it; "" when it does not
  std::vector<PageFile> files;        // in the page's order
  std::string status, status_reason;  // PEP 792; "" is active
  std::size_t skipped = 0;            // files left out because their entries are unusable
  std::optional<std::string>
      newer_api;                // an api-version with a minor we do not know: worth one warning a run
  std::string unknown_charset;  // of an HTML page that was read as UTF-8 instead: worth a warning
  Url base;                     // what relative URLs are relative to

  std::span<const PageHash> hashes_of(const PageFile& file) const {
    return std::span(hashes).subspan(file.first_hash, file.hash_count);
  }
  // The target of a reference on this page. As browsers do, drops spaces around it, and encodes spaces inside
  // it and non-ASCII bytes as %XX.
  std::optional<Url> resolve(std::string_view reference) const;
  // The file's absolute URL, without fragment; nullopt if it is invalid (or not http, https or file).
  std::optional<Url> url_of(const PageFile& file) const;
  // Everything about the file as a value.
  std::optional<Artifact> artifact(const PageFile& file) const;

  std::vector<PageHash> hashes;
  std::shared_ptr<const void> memory;  // what the views point into

  explicit ProjectPage(Url page_base) : base(std::move(page_base)) {}
  ProjectPage(ProjectPage&&) = default;
  ProjectPage& operator=(ProjectPage&&) = default;
  ProjectPage(const ProjectPage&) = delete;
  ProjectPage& operator=(const ProjectPage&) = delete;
  ~ProjectPage() = default;
};

// Dispatches on the answer's Content-Type (parameters and case are ignored). `final_url`: after redirects.
// Fails if the type is not one of a Simple page, the body is not of that type, the api-version has another
// major, or the body is a web page that is not an index (a captive portal). Never fails because of one
// file.
Expected<ProjectPage> parse_simple_page(std::string body, std::string_view content_type,
                                        const Url& final_url);

Expected<ProjectPage> parse_simple_json(std::string body, const Url& final_url);

// "2025-01-02T03:04:05.678901Z" as seconds since the epoch; nullopt for anything else.
std::optional<UnixTime> parse_upload_time(std::string_view text);

// PEP 629. Missing ("") is 1.0. Fails for another major; returns the text if the minor is newer than the ones
// known here.
Expected<std::optional<std::string>> check_api_version(std::string_view text);

}  // namespace moat
