// Finds the charset of an HTML page, and converts its text to UTF-8. Pure.
#pragma once

#include <string>
#include <string_view>

namespace moat {

// As the page or its server names it, "" if neither does: a byte order mark, then `charset=` of the
// Content-Type, then a <meta> in the first kilobyte (HTML standard, "determining the character encoding").
std::string charset_of_html(std::string_view body, std::string_view content_type);

// Turns `text` into UTF-8; invalid bytes become U+FFFD, byte by byte. False, and `text` as
// it was, where the charset is not known here. Names are those of HTML (`latin1` is windows-1252, as in
// browsers) and glibc's. UTF-8 and "" change nothing.
bool decode_text(std::string& text, std::string_view charset);

}  // namespace moat
