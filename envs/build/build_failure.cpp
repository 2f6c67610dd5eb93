#include "envs/build/build_failure.h"

#include "fetch/bytes/hasher.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

constexpr std::size_t kTail = 30;
constexpr std::size_t kWidest = 500;

// Past a terminal's colours and cursor moves: ESC [ … letter.
std::size_t skip_escape(std::string_view line, std::size_t at) {
  if (at + 1 >= line.size() || line[at + 1] != '[') return at + 1;
  at += 2;
  while (at < line.size() && !(line[at] >= '@' && line[at] <= '~')) ++at;
  return std::min(at + 1, line.size());
}

std::string printable(std::string_view line) {
  std::string out;
  for (std::size_t at = 0; at < line.size();) {
    if (out.size() >= kWidest) return out + "…";
    const char c = line[at];
    if (c == '\x1b') {
      at = skip_escape(line, at);
      continue;
    }
    const std::size_t length = utf8_sequence(line.substr(at));
    if (length == 0)
      out += "\xef\xbf\xbd";  // U+FFFD
    else if (c == '\t')
      out += "    ";
    else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
      out += line.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string log_name(const BuildFailure& failure) {
  std::string name;
  for (const char c : failure.label) {
    if (name.size() == 60) break;
    if (is_ascii_alnum(c) || c == '.' || c == '_')
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  while (!name.empty() && (name.back() == '-' || name.back() == '.')) name.pop_back();
  return fmt::format("{}-{}.log", name, hash_bytes(failure.label + failure.output).hex.substr(0, 8));
}

}  // namespace

std::vector<std::string> last_lines(std::string_view output, std::size_t most) {
  std::vector<std::string_view> lines = split_lines(output);
  while (!lines.empty() && trim(lines.back()).empty()) lines.pop_back();
  const std::size_t left_out = lines.size() > most ? lines.size() - most : 0;
  std::vector<std::string> out;
  if (left_out != 0) out.push_back(fmt::format("… {} more line{}", left_out, left_out == 1 ? "" : "s"));
  for (std::size_t i = left_out; i < lines.size(); ++i) out.push_back(printable(lines[i]));
  return out;
}

Error build_error(const BuildFailure& failure, const BuildFacts& facts, const Store& store,
                  Reporter& reporter) {
  std::vector<std::string> hints = diagnose_build(failure.output, facts);
  hints.insert(hints.end(), failure.hints.begin(), failure.hints.end());
  const std::vector<std::string> tail = last_lines(failure.output, kTail);
  if (!tail.empty()) {
    const fs::path log = store.layout().logs() / log_name(failure);
    try {
      make_directories(log.parent_path());
      write_file_atomically(log, failure.output);
      hints.push_back(fmt::format("full log: {}", log.native()));
    } catch (const Error&) {  // a full disk must not hide why the build failed
    }
  }
  if (tail.size() > kTail) {
    const std::vector<std::string> all = last_lines(failure.output, std::string::npos);
    for (std::size_t i = 0; i + kTail < all.size(); ++i) reporter.note(all[i]);
  }
  return Error(ErrorKind::Build, fmt::format("cannot build {}: {}", failure.label, failure.reason),
               std::move(hints), tail);
}

}  // namespace moat
