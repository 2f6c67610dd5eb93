// moat eval SUBJECT: JSON lines on standard input → JSON lines on standard output.
#include "cli/commands/commands.h"
#include "cli/commands/eval_lines.h"
#include "resolver/base/nearest.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

namespace moat {

int execute(const EvalCommand& command, Session& /*session*/) {
  const std::optional<EvalSubject> subject = parse_eval_subject(command.subject);
  if (!subject) {
    std::vector<std::string> hints;
    if (const auto near = nearest_name(command.subject, eval_subjects()))
      hints.push_back(fmt::format("did you mean `moat eval {}`?", *near));
    hints.push_back("one of " + join(eval_subjects(), ", "));
    throw Error(ErrorKind::Usage, fmt::format("`moat eval` has no subject {}", quote(command.subject)),
                std::move(hints));
  }
  // There is nothing to clean up, and a read from a terminal cannot be stopped: let a signal end the process.
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  std::ios::sync_with_stdio(false);
  evaluate_lines(*subject, std::cin, std::cout, ::isatty(STDOUT_FILENO) == 1);
  if (!std::cout) throw Error(ErrorKind::Disk, "cannot write to standard output");
  return 0;
}

}  // namespace moat
