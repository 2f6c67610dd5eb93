// moat eval SUBJECT
#include "cli/eval.h"

#include "cli/commands/commands.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <iostream>

namespace moat {

int execute(const EvalCommand& command, Session&) {
  const std::optional<EvalSubject> subject = parse_eval_subject(command.subject);
  if (!subject)
    throw Error(ErrorKind::Usage, fmt::format("{} is nothing that can be evaluated", quote(command.subject)),
                {"version, specifier, marker, requirement, wheel, sdist, tags, name, metadata, lock"});
  evaluate_lines(*subject, std::cin, std::cout);
  return 0;
}

}  // namespace moat
