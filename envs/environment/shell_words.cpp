#include "envs/environment/shell_words.h"

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

}  // namespace moat
