#include "resolver/base/redact.h"

namespace moat {

std::string hide_credentials(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) return out += text;
    const std::size_t begin = scheme + 3;
    // The last @ of the authority: passwords may hold one.
    const std::string_view authority = text.substr(begin, text.find_first_of("/?# \t\n", begin) - begin);
    const std::size_t at = authority.rfind('@');
    out += text.substr(0, begin);
    if (at != std::string_view::npos) out += "****@";
    text.remove_prefix(begin + (at == std::string_view::npos ? 0 : at + 1));
  }
}

std::vector<std::string> hide_credentials(std::vector<std::string> texts) {
  for (std::string& text : texts) text = hide_credentials(text);
  return texts;
}

}  // namespace moat
