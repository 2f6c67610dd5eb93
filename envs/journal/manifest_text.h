// How the text files below ENV/.moat write their fields: inside of envs/manifest and envs/bytecode_list.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace moat::manifest_text {

// Paths are bytes; a line end or a backslash in one is written as \n, \r or two backslashes.
std::string escape(std::string_view path);
// As escape, with \s for a space: one word. An empty text is "-".
std::string escape_word(std::string_view text);
std::optional<std::string> unescape(std::string_view text);
std::optional<std::string> unescape_word(std::string_view text);

inline std::string_view or_dash(std::string_view text) { return text.empty() ? "-" : text; }
inline std::string_view without_dash(std::string_view text) { return text == "-" ? "" : text; }

template <class Number>
bool read_number(std::string_view text, Number& out, int base = 10) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return failure == std::errc() && end == text.data() + text.size() && (text.size() == 1 || text[0] != '0');
}

bool is_sha256(std::string_view text);
// Commands delete the files that these lists name, so names that leave the environment are refused.
bool stays_inside(std::string_view path);
// Cuts the text up to the next space off `rest`.
std::string_view next_word(std::string_view& rest);

// Calls read(line) for every line but the first, which must be `first_line`; read gives a reason to refuse.
// The outcome: nothing, or why and where.
struct Refusal {
  std::string reason;
  std::size_t offset = 0;
};
template <class Read>
std::optional<Refusal> read_lines(std::string_view text, std::size_t offset, const Read& read) {
  while (offset < text.size()) {
    const auto end = text.find('\n', offset);
    if (end == std::string_view::npos) return Refusal{"the last line is cut off", offset};
    if (std::optional<std::string> reason = read(text.substr(offset, end - offset)))
      return Refusal{std::move(*reason), offset};
    offset = end + 1;
  }
  return std::nullopt;
}

}  // namespace moat::manifest_text
