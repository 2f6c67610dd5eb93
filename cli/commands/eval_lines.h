// `moat eval`: the standards as a batch service, one JSON object a line in, one a line out, in order.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

enum class EvalSubject { Version, Specifier, Marker, Requirement, Wheel, Sdist, Tags, Name, Metadata, Lock };
std::optional<EvalSubject> parse_eval_subject(std::string_view text);  // "version", "specifier", …
std::vector<std::string> eval_subjects();                              // all of them, as they are typed

// The answer to one line, without a line end. Invalid input gives {"error": …}; never throws for input.
// `in_ascii`: for a terminal.
std::string evaluate_line(EvalSubject subject, std::string_view line, bool in_ascii = false);

// Answers all lines of `in`; empty lines are skipped. Output is flushed whenever no more input is available
// at once.
void evaluate_lines(EvalSubject subject, std::istream& in, std::ostream& out, bool in_ascii = false);

}  // namespace moat
