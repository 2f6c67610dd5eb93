#include "resolver/pep/name.h"

#include "resolver/base/text.h"

#include <algorithm>

namespace moat {
namespace {

bool is_name_separator(char c) { return c == '-' || c == '_' || c == '.'; }

}  // namespace

bool is_valid_name(std::string_view text) {
  if (text.empty() || !is_ascii_alnum(text.front()) || !is_ascii_alnum(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_ascii_alnum(c) || is_name_separator(c); });
}

std::string normalize_name(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (!is_name_separator(c))
      out += ascii_lower(c);
    else if (out.empty() || out.back() != '-')
      out += '-';
  }
  return out;
}

}  // namespace moat
