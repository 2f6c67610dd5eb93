#include "cli/program.h"

#include "cli/args/args.h"
#include "cli/args/help.h"
#include "cli/commands/commands.h"
#include "cli/output/exit_status.h"
#include "cli/output/output.h"
#include "cli/output/progress.h"
#include "cli/pip/translate.h"
#include "cli/session/bytecode_later.h"
#include "cli/session/session.h"
#include "cli/settings/settings.h"
#include "fetch/os/interrupt.h"
#include "fetch/os/memory_out.h"
#include "fetch/os/open_files.h"
#include "fetch/os/waiting.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <new>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

namespace moat {
namespace {

// Otherwise a file opened later would get the number of a closed stream, and messages would be written into
// it.
void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF &&
        ::open("/dev/null", O_RDWR) < 0)  // NOLINT: not closed at exec
      ::open("/", O_PATH);                // NOLINT: a root without /dev; takes the number, and no words
}

std::filesystem::path working_directory() {
  std::error_code failure;
  std::filesystem::path path = std::filesystem::current_path(failure);
  if (failure)
    throw Error(ErrorKind::Disk, "cannot find the working directory: " + failure.message(),
                {"change to a directory that exists, for example `cd /`, then try again"});
  return path;
}

void print_timings(const Progress& progress, std::chrono::nanoseconds total, Output& output) {
  output.say("");
  for (const PhaseTime& phase : progress.times())
    output.say(fmt::format("{:<12} {:>10}", phase.name, human_time(phase.time)));
  output.say(fmt::format("{:<12} {:>10}", "in all", human_time(total)));
}

int run_invocation(const Invocation& invocation, const Variables& variables, Output& output,
                   std::stop_token stop) {
  const auto begun = std::chrono::steady_clock::now();
  Settings settings = make_settings(invocation, variables, working_directory(), std::time(nullptr));
  for (const std::string& warning : invocation.warnings) output.warn(warning);
  Progress progress(output);
  int status = 0;
  {
    Session session(std::move(settings), invocation.line, output, progress, std::move(stop));
    status = std::visit([&](const auto& command) { return execute(command, session); }, invocation.command);
    make_bytecode_later(session);
  }
  if (invocation.global.timings) print_timings(progress, std::chrono::steady_clock::now() - begun, output);
  return status;
}

// Reported at once, and not when the limit is first reached.
void check_limits() {
  constexpr std::size_t kFewest = 32;
  if (most_open_files() >= kFewest) return;
  throw Error(ErrorKind::Disk,
              fmt::format("only {} files may be open at once; moat needs {}", most_open_files(), kFewest),
              {"raise the limit: `ulimit -n 256`"});
}

// `moatx APP …` is `moat tool run APP …`.
std::vector<std::string> words_of(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  const bool named_moatx = argc > 0 && std::filesystem::path(argv[0]).filename() == "moatx";
  const bool asks_version = words.size() == 1 && (words[0] == "--version" || words[0] == "-V");
  if (named_moatx && !asks_version) words.insert(words.begin(), {"tool", "run"});
  return words;
}

int run_arguments(const std::vector<std::string>& arguments, Output& output) {
  const Variables variables = read_variables();
  // Even a usage error is reported in the format the user wants.
  output.configure(output_options({.json = wants_json(arguments)}, variables));
  std::variant<Invocation, HelpText> parsed = parse_arguments(arguments);
  if (const auto* help = std::get_if<HelpText>(&parsed)) {
    const int stream = arguments.empty() ? STDERR_FILENO : STDOUT_FILENO;
    const std::size_t width = ::isatty(stream) == 1 ? terminal_width(stream) : kHelpWidth;
    const auto bold = [&](std::string_view line) {
      return stream == STDERR_FILENO ? output.err(Paint::Bold, line) : output.out(Paint::Bold, line);
    };
    const std::string page = fit_help(help->text, width, bold);
    if (!arguments.empty()) {
      output.text(page);
      return 0;
    }
    std::fputs(page.c_str(), stderr);
    return 2;
  }
  Invocation& invocation = std::get<Invocation>(parsed);
  if (std::holds_alternative<PipCommand>(invocation.command))
    translate_pip(invocation, variables, working_directory());
  output.configure(output_options(invocation.global, variables));
  check_limits();
  const Interrupts interrupts;
  const WaitsAreTold waits([&](const std::string& message) { output.say(message); });
  try {
    return run_invocation(invocation, variables, output, interrupts.token());
  } catch (const Error& error) {
    if (!interrupts.signal()) {
      if (error.kind() == ErrorKind::Interrupted && stopped_for_memory()) throw std::bad_alloc();
      throw;
    }
    // Any failure is a result of the interruption: of a killed child, say.
    output.error(error.kind() == ErrorKind::Interrupted ? error
                                                        : Error(ErrorKind::Interrupted, "interrupted"));
    return 128 + *interrupts.signal();
  }
}

}  // namespace

int run(int argc, char** argv) {
  open_standard_streams();
  fail_at_file_limit();
  Output output;
  int status = 0;
  try {
    status = run_arguments(words_of(argc, argv), output);
  } catch (const Error& error) {
    output.error(error);
    status = exit_status(error.kind());
  } catch (const std::bad_alloc&) {
    output.error(Error(ErrorKind::Disk, "out of memory"));
    status = kWorldFailed;
  } catch (const std::filesystem::filesystem_error& error) {
    std::vector<std::string> hints;
    if (error.code() == std::errc::permission_denied || error.code() == std::errc::operation_not_permitted)
      hints.emplace_back("check owners and permissions: `ls -ld` on it and on the directories above");
    output.error(Error(
        ErrorKind::Disk,
        error.path1().empty()
            ? std::string(error.what())
            : fmt::format("cannot access {}: {}", quote(error.path1().native()), error.code().message()),
        std::move(hints)));
    status = kWorldFailed;
  } catch (const std::system_error& error) {  // no thread could be started, say
    output.error(Error(ErrorKind::Disk, error.what()));
    status = kWorldFailed;
  } catch (const std::exception& error) {
    output.error(
        Error(ErrorKind::Internal, fmt::format("this is a bug in moat: {}", error.what()),
              {"please report it, with the command that you typed and what `moat --version` prints"}));
    status = exit_status(ErrorKind::Internal);
  }
  errno = 0;
  if (!output.flush() && status == 0) {
    const std::string reason = errno == 0 ? "" : ": " + std::generic_category().message(errno);
    // Also with --json: standard output cannot take the document.
    std::fputs(
        fmt::format("error: cannot write to standard output{}; apart from that the command was carried "
                    "out\n",
                    reason)
            .c_str(),
        stderr);
    status = kWorldFailed;
  }
  return status;
}

}  // namespace moat
