// Child processes, without a shell.
#pragma once

#include "fetch/os/interrupt.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace moat {

struct Command {
  std::vector<std::string> argv;  // argv[0]: a path, or a name looked up on `path`
  // nullopt: the parent's
  std::optional<std::vector<std::pair<std::string, std::string>>> environment;
  std::filesystem::path directory;  // "" : the parent's
  std::string input;                // given on standard input, then closed
  bool merge_output = false;        // stderr goes into output, in order
  std::optional<std::chrono::milliseconds> timeout;
  // The most bytes kept of each stream. A longer one loses its middle, and a line there says so: a program
  // that never stops writing costs time, not memory.
  std::size_t most_output = std::size_t{64} << 20U;
};

struct ProcessResult {
  int status = 0;  // exit status, or 128 + signal
  bool timed_out = false;
  std::string output;  // standard output
  std::string errors;  // standard error, unless merged
};

// Runs to its end, reading both streams; kills the child's process group on timeout or stop. Throws
// Error(Disk or Interpreter) only if it cannot be started (the message says what and why).
ProcessResult run_process(const Command& command, std::stop_token stop = interrupt_token());

// PATH look-up: the first executable regular file `name` in the ':'-separated list.
std::optional<std::filesystem::path> find_program(const std::string& name, const std::string& path);

}  // namespace moat
