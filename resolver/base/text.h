// Small, locale-free text helpers. ASCII only: Unicode case folding has no place in packaging grammars.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

constexpr bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_ascii_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_ascii_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_ascii_alpha(char c) { return is_ascii_lower(c) || is_ascii_upper(c); }
constexpr bool is_ascii_alnum(char c) { return is_ascii_alpha(c) || is_ascii_digit(c); }
// Space, \t \n \r \f \v.
constexpr bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr char ascii_lower(char c) { return is_ascii_upper(c) ? static_cast<char>(c + 32) : c; }

std::string ascii_lower(std::string_view text);
bool iequals_ascii(std::string_view a, std::string_view b);

// Without ASCII whitespace at both ends.
std::string_view trim(std::string_view text);

// All parts, empty ones too: split("a,,b", ',') is {a, "", b}; split("", ',') is {""}.
std::vector<std::string_view> split(std::string_view text, char separator);
// Lines without their ends (\n, \r\n or \r); a final line end starts no new line.
std::vector<std::string_view> split_lines(std::string_view text);

std::string join(const std::vector<std::string>& parts, std::string_view separator);

// The length of the well-formed UTF-8 sequence at the beginning of `text`; 0 where there is none (RFC 3629).
std::size_t utf8_sequence(std::string_view text);
bool is_utf8(std::string_view text);

// For messages: `text`, with control characters escaped and long text shortened in the middle.
std::string quote(std::string_view text);

}  // namespace moat
