// The HTML form of a Simple page (PEP 503), frozen by PEP 833, which old mirrors and --find-links pages
// speak.
#pragma once

#include "fetch/index/simple_api.h"

#include <string>
#include <string_view>

namespace moat {

// Anchors only. The file name is the last segment of the href, percent-decoded once; the text of the anchor
// is not looked at. A page without any file that holds a form or a script is taken for a captive portal and
// fails. `content_type`: the server's, which may name the charset (see fetch/index/charset.h); in one that is
// not known the body is read as UTF-8, and the page says so.
Expected<ProjectPage> parse_simple_html(std::string body, const Url& final_url,
                                        std::string_view content_type = {});

}  // namespace moat
