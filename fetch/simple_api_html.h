// The HTML form of a Simple page (PEP 503), frozen by PEP 833, which old mirrors and --find-links pages
// speak.
#pragma once

#include "fetch/simple_api.h"

#include <string_view>

namespace moat {

// Anchors only. The file name is the last segment of the href, percent-decoded once; the text of the anchor
// is not looked at. A page without any file that holds a form or a script is taken for a captive portal and
// fails. A body in another charset than UTF-8 is read byte by byte: names and URLs are ASCII.
Expected<ProjectPage> parse_simple_html(std::string_view body, const Url& final_url);

}  // namespace moat
