// pip's command line: the options of each of its commands, and a parser for it.
//
// pip reads its options with Python's optparse, so `moat pip` does as optparse does: long options may be cut
// short as long as they are still unambiguous (`--extra-index`), short ones cluster (`-qqU`), values stand
// beside or behind
// (`--opt=value`, `--opt value`, `-rFILE`, `-r FILE`), and options may stand anywhere up to `--`.
#pragma once

#include "cli/args/pip_command.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

enum class PipAction {
  Flag,    // given or not
  Unset,   // `--no-compile`: reverts a default
  Count,   // -v, -vv
  Value,   // the last one counts
  Append,  // each counts
};

// Bits: the commands that have an option.
enum PipWhere : std::uint32_t {
  kPipInstall = 1U << 0U,
  kPipUninstall = 1U << 1U,
  kPipList = 1U << 2U,
  kPipFreeze = 1U << 3U,
  kPipShow = 1U << 4U,
  kPipCheck = 1U << 5U,
  kPipDownload = 1U << 6U,
  kPipWheel = 1U << 7U,
  kPipHash = 1U << 8U,
  kPipCache = 1U << 9U,
  kPipInspect = 1U << 10U,
  kPipIndex = 1U << 11U,
  kPipHelp = 1U << 12U,
  kPipEverywhere = ~0U,
};

struct PipOption {
  std::string_view names;  // "-r --requirement": short ones first; the first long one is the option's name
  PipAction action = PipAction::Flag;
  std::uint32_t where = kPipEverywhere;
  std::string_view value;  // "FILE", or "a|b" if only these are valid
  std::string_view help;   // "" : not listed
  bool own = false;        // moat's, not pip's: cannot be abbreviated

  std::string_view long_name() const;  // "requirement"
};

struct PipCommandInfo {
  PipWhere where;
  std::string_view name, usage, summary, example;
};
std::span<const PipCommandInfo> pip_commands();
std::span<const PipOption> pip_options();

// Parses the words after `moat pip`. Throws Error(Usage) for what optparse would reject, and
// Error(NotFound) for a command that pip does not have (pip's exit status is 2 for the first and 1 for the
// second).
PipCommand parse_pip(const std::vector<std::string>& words);

// What `moat pip help COMMAND` prints; "" for pip itself.
std::string pip_help(std::string_view command);

}  // namespace moat
