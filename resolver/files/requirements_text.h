// The text of a requirements file, before anything in it means something: bytes → text → logical lines, as
// pip (26.3) reads them. Its blanks and line ends are those of Python's `str`, Unicode's included.
#pragma once

#include "resolver/base/error.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// Bytes → UTF-8: a BOM (UTF-8, 16, 32), else the encoding that a comment in the first two lines names (PEP
// 263; UTF-8, ASCII, Latin-1, Latin-9 or Windows-1252), else UTF-8. What does not decode is an error that
// names the line.
Expected<std::string> decode_requirements(std::string_view bytes);

// A line with those that a backslash at its end glues to it, without its comment, trimmed; never empty.
struct LogicalLine {
  std::size_t number = 0;  // of the first, 1-based
  std::string text;

  friend bool operator==(const LogicalLine&, const LogicalLine&) = default;
};
std::vector<LogicalLine> logical_lines(std::string_view text);

// ${NAME} with NAME of capitals, digits and `_` becomes the variable's value; unset or empty it stays. A
// value that holds ${NAME} itself is expanded where NAME stands in `text` as well, and comes later there.
std::string expand_variables(std::string text,
                             const std::function<std::optional<std::string>(const std::string&)>& variable);

}  // namespace moat
