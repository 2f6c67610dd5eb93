// Everything moat prints goes through here: results on standard output, all else on standard error, colour
// where it is wanted, one live line on a terminal.
#pragma once

#include "resolver/base/error.h"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

enum class ColorMode { Auto, Always, Never };

// The facts that decide about colour besides the mode: the standard variables, as they are set ("" if
// unset).
struct ColorVariables {
  std::string no_color, force_color, clicolor, clicolor_force, term;
};
// The user's own option wins; then NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, CLICOLOR=0; then whether it is a
// terminal with colours.
bool use_color(ColorMode mode, const ColorVariables& variables, bool terminal);

struct OutputOptions {
  ColorMode color = ColorMode::Auto;
  ColorVariables variables;
  bool json = false;
  bool progress = true;
  int verbosity = 0;  // -1: -q, -2: errors only, 1: -v
};

// Columns of the terminal of a descriptor; 80 if it does not tell.
std::size_t terminal_width(int fd);

// Roles, not colours; colour is never the only sign.
enum class Paint { Plain, Bold, Dim, Good, Bad, Change, Hint };

// Loosened lines of the user's that resolving has shown to help; mostly one.
struct OfferedFix {
  struct Change {
    std::string line;                  // "requirements.txt:2", "" for the command line
    std::string requirement, instead;  // "numpy<2", "numpy<3"
  };
  std::string text;  // for people
  std::vector<Change> changes;
  std::vector<std::pair<std::string, std::string>> gives;  // names and versions
  std::size_t others = 0;                                  // further packages that change
  std::string option;                                      // "--fix 1"; "" where the command has none
};

struct OfferedFixes {
  std::vector<OfferedFix> fixes;
  std::string cut_short;  // why there may be more; "": the search was complete
};

// An Error with offers: a conflict, its tree and its fixes.
class ExplainedError : public Error {
 public:
  ExplainedError(ErrorKind kind, const std::string& headline, std::vector<std::string> lines,
                 std::vector<std::string> hints, OfferedFixes offered,
                 std::shared_ptr<const nlohmann::ordered_json> conflict = nullptr)
      : Error(kind, headline, std::move(hints), std::move(lines)),
        offered_(std::move(offered)),
        conflict_(std::move(conflict)) {}
  const OfferedFixes& offered() const { return offered_; }
  // The same as facts, for scripts; nullptr if it is not a conflict.
  const nlohmann::ordered_json* conflict() const { return conflict_.get(); }

 private:
  OfferedFixes offered_;
  std::shared_ptr<const nlohmann::ordered_json> conflict_;
};

// Safe to call from any thread. Lines come without their end.
class Output {
 public:
  explicit Output(OutputOptions options = {});
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // From here on according to the settings. Before: errors only, without colours.
  void configure(OutputOptions options);

  bool json() const { return options_.json; }
  int verbosity() const { return options_.verbosity; }
  bool live() const { return live_; }  // is there a live line to write to?

  // For people; prints nothing with --json, where the document is the result.
  void result(std::string_view line);
  void document(const nlohmann::ordered_json& document);  // the one document of --json
  void text(std::string_view text);                       // as it is, to standard output

  void say(std::string_view line);      // unless -q
  void note(std::string_view line);     // with -v
  void warn(std::string_view message);  // "warning: …", once each
  void error(const Error& error);
  void event(const nlohmann::ordered_json& event);  // with --json -v: a JSON line on standard error

  // Coloured for standard output or standard error, as each wants it.
  std::string out(Paint paint, std::string_view text) const { return painted(paint, text, color_out_); }
  std::string err(Paint paint, std::string_view text) const { return painted(paint, text, color_err_); }

  // The line that is rewritten in place; "" removes it. Any other output removes it first.
  void set_live(const std::string& line);
  // While a question is shown, its line is not rewritten.
  void hold_live(bool hold);

  // Returns false if standard output could not take everything.
  bool flush();

 private:
  static std::string painted(Paint paint, std::string_view text, bool color);
  void write_error_line(std::string_view line);
  void clear_live();

  std::mutex mutex_;
  OutputOptions options_;
  bool color_out_ = false, color_err_ = false, live_ = false;
  bool live_line_shown_ = false, live_held_ = false;
  std::set<std::string, std::less<>> warned_;
};

// "12.3 MB", "804 kB", "12 B".
std::string human_bytes(std::uint64_t bytes);
// "412 ms", "2.1 s", "3 min 5 s".
std::string human_time(std::chrono::nanoseconds time);
// "1 package", "3 packages".
std::string counted(std::size_t count, std::string_view noun);

}  // namespace moat
