#include "cli/output/shell_word.h"

#include "envs/environment/shell_words.h"
#include "resolver/base/text.h"

#include <algorithm>

namespace moat {

std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain = "-_./:@%+,=";
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_ascii_alnum(c) || kPlain.find(c) != std::string_view::npos;
  });
  return plain ? std::string(text) : quoted_for_sh(text);
}

}  // namespace moat
