// Everything a user may type to name a package: a PEP 508 requirement, or the path or URL of an archive, a
// source tree or a git repository.
#pragma once

#include "resolver/files/source_url.h"
#include "resolver/pep/requirement.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>

namespace moat {

// Sources whose project name the line does not give.
struct UnnamedSource {
  std::string url;  // as Requirement::url
  std::set<ExtraName> extras;
  std::optional<Marker> marker;

  Requirement named(PackageName name) const;
};

using RequirementLine = std::variant<Requirement, UnnamedSource>;

// `foo[x]>=1; marker`, `foo @ URL`, `./dist/foo-1.0-py3-none-any.whl[x] ; marker`, `https://…/foo-1.0-….whl`,
// `./foo-1.0.tar.gz`, `./tree[x]`, `.`, `file:…`, `git+https://…@ref#egg=foo`. A path is taken against
// `directory` (absolute) and becomes a file: URL; a bare path or URL of a wheel takes its name from the file
// name. A text is a path if it contains a `/`, begins with `.`, or ends in .whl or an sdist's suffix.
Expected<RequirementLine> parse_requirement_line(std::string_view text, std::string_view directory);

}  // namespace moat
