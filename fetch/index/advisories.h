// Known vulnerabilities of releases: from an index, for one release (the JSON next to its pages), or from OSV
// records in a folder. Text in neither format is an error, never an empty answer.
#pragma once

#include "resolver/base/error.h"
#include "resolver/base/url.h"
#include "resolver/pep/name.h"
#include "resolver/pep/version.h"

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

struct Advisory {
  std::string id;                    // "GHSA-h5c8-rqwp-cp95"
  std::vector<std::string> aliases;  // "CVE-2024-22195"
  std::string summary, link;
  std::vector<Version> fixed_in;  // oldest first

  bool goes_by(std::string_view id_or_alias) const;
};

// The URL of an index's JSON for a release: ROOT/pypi/NAME/VERSION/json next to ROOT/simple/. nullopt for an
// index whose URL does not end that way.
std::optional<Url> release_json_url(const Url& index, const PackageName& name, const Version& version);
// `vulnerabilities` of that document, without withdrawn ones.
Expected<std::vector<Advisory>> parse_release_advisories(std::string_view text);

// The records in a folder, at any depth: every *.json is one.
class AdvisoryFolder {
 public:
  // Error(BadInput) naming the file that is not an OSV record; Error(Disk) if a file cannot be read.
  static AdvisoryFolder read(const std::filesystem::path& folder);

  std::vector<Advisory> of(const PackageName& name, const Version& version) const;
  std::size_t size() const { return records_; }

 private:
  struct Range {
    std::optional<Version> introduced, fixed, last_affected;  // introduced: nullopt is "from the first"
    bool contains(const Version& version) const;
  };
  using Event = std::pair<std::string, std::string>;
  struct Affected {
    void add_range(const std::vector<Event>& events);
    Advisory advisory;
    std::vector<Range> ranges;
    std::vector<Version> versions;
  };
  void add(std::string_view text, const std::filesystem::path& file);
  std::multimap<PackageName, Affected> affected_;
  std::size_t records_ = 0;
};

}  // namespace moat
