// Core metadata: METADATA of a wheel, PKG-INFO of an sdist (core metadata specification, 1.0 to 2.6).
#pragma once

#include "resolver/base/error.h"
#include "resolver/pep/name.h"
#include "resolver/pep/requirement.h"
#include "resolver/pep/version.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

// RFC 822-like headers as Python's email module reads them; the header ends at an *empty* line.
struct MetadataFields {
  std::vector<std::pair<std::string, std::string>>
      headers;  // names as written; values unfolded, in file order
  std::string body;

  // First value of the field (names are case-insensitive).
  std::optional<std::string_view> find(std::string_view name) const;
  std::vector<std::string_view> find_all(std::string_view name) const;
};
// Never fails: any bytes are some headers and a body.
MetadataFields parse_metadata_fields(std::string_view text);

// What resolving, installing and showing need. Fails where Metadata-Version (3.x or unreadable), Name or
// Version are missing or bad, or a Requires-Dist is beyond mending; everything milder is a line in
// `problems`.
struct CoreMetadata {
  std::string metadata_version;
  PackageName name;
  Version version;
  std::string version_text;
  std::optional<SpecifierSet> requires_python;  // nullopt: absent or unreadable (told in problems)
  std::vector<Requirement> requires_dist;
  std::vector<ExtraName> provides_extra;
  std::vector<std::string> dynamic;       // field names, lower case
  std::vector<std::string> import_names;  // without "; private"
  std::string summary, license, license_expression, home_page, author;
  std::vector<std::string> project_urls;  // "Label, https://…"
  std::vector<std::string> problems;

  static Expected<CoreMetadata> parse(std::string_view text);
  // Does the file promise its dependencies without a build? (Metadata 2.2+, Requires-Dist not dynamic.)
  bool dependencies_are_static() const;
};

}  // namespace moat
