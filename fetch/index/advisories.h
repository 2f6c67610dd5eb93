// Known vulnerabilities of releases: as an index tells them of one release (the JSON beside its pages), or as
// OSV records in a folder. Text that is neither is an error, never an answer.
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

// Where an index has what it tells of a release: ROOT/pypi/NAME/VERSION/json beside ROOT/simple/. nullopt for
// an index whose URL does not end so.
std::optional<Url> release_json_url(const Url& index, const PackageName& name, const Version& version);
// `vulnerabilities` of that document; those that were withdrawn are left out.
Expected<std::vector<Advisory>> parse_release_advisories(std::string_view json);

// The records of a folder, whatever its depth: every *.json in it is one.
class AdvisoryFolder {
 public:
  // Error(BadInput) naming the file that is not an OSV record; Error(Disk) where it cannot be read.
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
  void add(std::string_view json, const std::filesystem::path& file);
  std::multimap<PackageName, Affected> affected_;
  std::size_t records_ = 0;
};

}  // namespace moat
