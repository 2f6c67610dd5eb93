#include "envs/environment/shell_words.h"

#include "resolver/base/text.h"

#include <algorithm>

namespace moat {

std::string quoted_for_sh(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

std::string quoted_for_csh(std::string_view text) {
  std::string out;
  for (const char c : quoted_for_sh(text)) {
    if (c == '!' || c == '\n') out += '\\';
    out += c;
  }
  return out;
}

std::string quoted_for_fish(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain = "-_./:@%+,=";
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_ascii_alnum(c) || kPlain.find(c) != std::string_view::npos;
  });
  return plain ? std::string(text) : quoted_for_sh(text);
}

}  // namespace moat
