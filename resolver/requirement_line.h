// What a user may write where a package is meant: a PEP 508 requirement, or the path or URL of an archive.
#pragma once

#include "resolver/pep/requirement.h"

#include <string>
#include <string_view>

namespace moat {

// `foo[x]>=1; marker`, `foo @ URL`, `./dist/foo-1.0-py3-none-any.whl[x] ; marker`, `https://…/foo-1.0-….whl`,
// `file:///…`. A path is taken against `directory` (absolute) and becomes a file: URL; a bare path or URL of
// a wheel takes its name from the file name. A text is a path if it contains a `/`, begins with `.`, or ends
// in .whl or an sdist's suffix. Sdists, source trees and version control URLs are refused as not supported
// yet.
Expected<Requirement> parse_requirement_line(std::string_view text, std::string_view directory);

}  // namespace moat
