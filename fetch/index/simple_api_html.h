// The HTML form of a Simple page (PEP 503), frozen by PEP 833; still used by old mirrors and --find-links
// pages.
#pragma once

#include "fetch/index/simple_api.h"

#include <string>
#include <string_view>

namespace moat {

// Anchors only. The file name is the last segment of the href, percent-decoded once; the text of the anchor
// is ignored. A page without any file that has a form or a script is taken for a captive portal and fails.
// `content_type`: the server's, which may name the charset (see fetch/index/charset.h); with an unknown one
// the body is read as UTF-8, and unknown_charset is set.
Expected<ProjectPage> parse_simple_html(std::string body, const Url& final_url,
                                        std::string_view content_type = {});

}  // namespace moat
