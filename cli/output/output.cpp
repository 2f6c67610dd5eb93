#include "cli/output/output.h"

#include "cli/output/terminal_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace moat {
namespace {

void put_exactly(std::FILE* file, std::string_view text) { std::fwrite(text.data(), 1, text.size(), file); }

constexpr std::array<std::string_view, 7> kCodes = {"", "1", "2", "32", "1;31", "33", "36"};

// Stands before the digit of a Paint in text that is still to be printed. Other text cannot contain it.
const std::string& paint_mark() {
  static const std::string mark = [] {
    std::uint64_t bits = 0;
    if (::getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) bits = 0;
    return fmt::format("\x0e{:016x}", bits);
  }();
  return mark;
}

// The only way for text to a terminal: escapes foreign control characters, and adds our own
// colours.
std::string rendered(std::string_view text) {
  const std::string& mark = paint_mark();
  std::string out;
  for (;;) {
    const std::size_t at = text.find(mark);
    out += for_terminal(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + mark.size());
    const auto paint = static_cast<std::size_t>(text.empty() ? 0 : text.front() - '0');
    out += fmt::format("\x1b[{}m", paint == 0 ? "0" : kCodes.at(paint));
    text.remove_prefix(std::min<std::size_t>(text.size(), 1));
  }
}

void put(std::FILE* file, std::string_view text) { put_exactly(file, rendered(text)); }

// Bytes that are not UTF-8 (file names may hold any) become U+FFFD instead of throwing.
// A terminal gets \u escapes, which mean the same.
std::string dumped(const nlohmann::ordered_json& value, int indent, int fd) {
  return value.dump(indent, ' ', isatty(fd) == 1, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

bool use_color(ColorMode mode, const ColorVariables& variables, bool terminal) {
  if (mode != ColorMode::Auto) return mode == ColorMode::Always;
  if (!variables.no_color.empty()) return false;
  if (!variables.force_color.empty()) return variables.force_color != "0";
  if (!variables.clicolor_force.empty() && variables.clicolor_force != "0") return true;
  return terminal && variables.clicolor != "0" && variables.term != "dumb";
}

std::size_t terminal_width(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col;
}

Output::Output(OutputOptions options) { configure(std::move(options)); }

Output::~Output() { flush(); }

void Output::configure(OutputOptions options) {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  options_ = std::move(options);
  color_out_ = use_color(options_.color, options_.variables, isatty(STDOUT_FILENO) == 1);
  color_err_ = use_color(options_.color, options_.variables, terminal);
  live_ = terminal && options_.progress && options_.verbosity == 0 && options_.variables.term != "dumb";
}

void Output::result(std::string_view line) {
  if (options_.json) return;
  text(std::string(line) + "\n");
}

void Output::text(std::string_view text) {
  const std::lock_guard lock(mutex_);
  clear_live();
  put(stdout, text);
}

void Output::document(const nlohmann::ordered_json& document) {
  const std::lock_guard lock(mutex_);
  clear_live();
  put_exactly(stdout, dumped(document, 2, STDOUT_FILENO) + "\n");
}

void Output::say(std::string_view line) {
  if (options_.verbosity >= 0 && !options_.json) write_error_line(line);
}

void Output::note(std::string_view line) {
  if (options_.verbosity < 1) return;
  if (options_.json)
    event({{"event", "note"}, {"message", line}});
  else
    write_error_line(err(Paint::Dim, line));
}

void Output::warn(std::string_view message) {
  if (options_.verbosity < -1) return;
  {
    const std::lock_guard lock(mutex_);
    if (!warned_.emplace(message).second) return;
  }
  if (options_.json && options_.verbosity >= 1)
    event({{"event", "warning"}, {"message", message}});
  else
    write_error_line(fmt::format("{} {}", err(Paint::Change, "warning:"), message));
}

namespace {

nlohmann::ordered_json to_document(const OfferedFix& fix) {
  nlohmann::ordered_json gives = nlohmann::ordered_json::array();
  for (const auto& [name, version] : fix.gives) gives.push_back({{"name", name}, {"version", version}});
  nlohmann::ordered_json changes = nlohmann::ordered_json::array();
  for (const OfferedFix::Change& change : fix.changes)
    changes.push_back(
        {{"line", change.line}, {"requirement", change.requirement}, {"instead", change.instead}});
  return {{"changes", std::move(changes)},
          {"gives", std::move(gives)},
          {"other_changes", fix.others},
          {"option", fix.option.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(fix.option)}};
}

nlohmann::ordered_json to_document(const std::vector<OfferedFix>& fixes) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const OfferedFix& fix : fixes) out.push_back(to_document(fix));
  return out;
}

}  // namespace

void Output::error(const Error& error) {
  const auto* explained = dynamic_cast<const ExplainedError*>(&error);
  if (options_.json) {
    nlohmann::ordered_json told{
        {"kind", to_string(error.kind())}, {"message", error.what()}, {"hints", error.hints()}};
    if (explained != nullptr || !error.details().empty()) told["details"] = error.details();
    if (explained != nullptr && explained->conflict() != nullptr) told["conflict"] = *explained->conflict();
    if (explained != nullptr) {
      const OfferedFixes& offered = explained->offered();
      told["fixes"] = to_document(offered.fixes);
      told["fixes_cut_short"] =
          offered.cut_short.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(offered.cut_short);
    }
    document({{"schema", 1}, {"error", told}});
    return;
  }
  write_error_line(fmt::format("{} {}", err(Paint::Bad, "error:"), error.what()));
  for (const std::string& line : error.details()) write_error_line("  " + line);
  if (explained != nullptr) {
    for (const OfferedFix& fix : explained->offered().fixes) write_error_line("  " + fix.text);
    if (!explained->offered().cut_short.empty()) write_error_line("  " + explained->offered().cut_short);
  }
  for (const std::string& hint : error.hints())
    write_error_line(fmt::format("{} {}", err(Paint::Hint, "hint:"), hint));
}

void Output::event(const nlohmann::ordered_json& event) {
  const std::lock_guard lock(mutex_);
  clear_live();
  std::fflush(stdout);
  put_exactly(stderr, dumped(event, -1, STDERR_FILENO) + "\n");
}

std::string Output::painted(Paint paint, std::string_view text, bool color) {
  if (!color || paint == Paint::Plain) return std::string(text);
  return fmt::format("{0}{1}{2}{0}0", paint_mark(), static_cast<int>(paint), text);
}

void Output::write_error_line(std::string_view line) {
  const std::lock_guard lock(mutex_);
  clear_live();
  // Results are flushed first, in case both go to one place.
  std::fflush(stdout);
  put(stderr, std::string(line) + "\n");
}

void Output::set_live(const std::string& line) {
  if (!live_) return;
  const std::lock_guard lock(mutex_);
  if (live_held_) return;
  if (line.empty()) {
    clear_live();
    return;
  }
  put_exactly(stderr, "\r" + rendered(line) + "\x1b[K");
  std::fflush(stderr);
  live_line_shown_ = true;
}

void Output::hold_live(bool hold) {
  const std::lock_guard lock(mutex_);
  clear_live();
  live_held_ = hold;
}

void Output::clear_live() {
  if (!live_line_shown_) return;
  put_exactly(stderr, "\r\x1b[K");
  std::fflush(stderr);
  live_line_shown_ = false;
}

bool Output::flush() {
  const std::lock_guard lock(mutex_);
  clear_live();
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  constexpr std::array<const char*, 4> kUnits = {"kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{:.0f} kB", value) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string human_time(std::chrono::nanoseconds time) {
  const double seconds = std::chrono::duration<double>(time).count();
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(seconds);
  return fmt::format("{} min {} s", whole / 60, whole % 60);
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace moat
