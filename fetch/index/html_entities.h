// The named character references of HTML. Pure.
#pragma once

#include <string_view>

namespace moat {

struct HtmlEntity {
  std::string_view
      name;  // "amp;", or "amp" for those that may come without the semicolon; "" where there is none
  std::string_view text;  // "&"
};

// The longest reference at the beginning of `text`, which follows an ampersand.
HtmlEntity longest_html_entity(std::string_view text);

}  // namespace moat
