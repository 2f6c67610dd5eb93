// The three ways something can be wrong, and their channels:
//   text that may be wrong    Expected<T> with a ParseError: never throws, cheap to skip
//   answers                   a variant (Resolution | Conflict)
// the world, or a refusal   Error, thrown; caught where the caller can do something about it, and in main
#pragma once

#include <tl/expected.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

// Why a text does not parse. The message names the reason in one clause, without the text itself ("`=>` is
// not an operator"); offset is a byte offset into the text.
struct ParseError {
  std::string message;
  std::size_t offset = 0;
};

template <class T>
using Expected = tl::expected<T, ParseError>;

inline tl::unexpected<ParseError> parse_error(std::string message, std::size_t offset = 0) {
  return tl::unexpected<ParseError>(ParseError{std::move(message), offset});
}

// What went wrong, as scripts see it (`kind` in --json); cli maps each to an exit status (CLI reference, Exit
// status).
enum class ErrorKind {
  // the answer is no: 1
  NotFound,      // unknown package, nothing of that name installed
  NoSolution,    // no version in range, no usable file, conflict
  HashMismatch,  // the bytes do not match the promised hash
  BadArchive,    // a wheel, sdist or bundle that is refused
  Refused,       // a rule of moat's own says no: a name taken, files of two packages, a check that failed
  // the request makes no sense: 2
  Usage,
  BadInput,  // a file, name or requirement that does not parse
  NoEnvironment,
  Exists,
  ForeignEnvironment,
  NoInterpreter,
  // the world failed: 3
  Network,
  Offline,
  Disk,
  Interpreter,  // it does not start, or answers nonsense
  Build,
  Busy,         // another process holds the lock
  Interrupted,  // 130 / 143
  Internal,     // a fault of moat's own: 3
};

// Snake-case name of the kind, stable: "not_found", "no_solution", …
std::string_view to_string(ErrorKind kind);

// what() is one sentence without newline or "error:" that names the thing and the reason; hints are lines of
// their own, each with a command that helps; details are lines to be read between the two: a tree of reasons,
// the end of what a build said. Never holds credentials.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::vector<std::string> hints = {},
        std::vector<std::string> details = {})
      : std::runtime_error(message), kind_(kind), hints_(std::move(hints)), details_(std::move(details)) {}

  ErrorKind kind() const { return kind_; }
  const std::vector<std::string>& hints() const { return hints_; }
  const std::vector<std::string>& details() const { return details_; }

  // The same error seen from further out: "context: message".
  Error with_context(std::string_view context) const {
    return Error(kind_, std::string(context) + ": " + what(), hints_, details_);
  }

 private:
  ErrorKind kind_;
  std::vector<std::string> hints_;
  std::vector<std::string> details_;
};

}  // namespace moat
