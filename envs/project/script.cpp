#include "envs/project/script.h"

#include "fetch/os/file.h"
#include "fetch/os/interrupt.h"
#include "resolver/base/text.h"
#include "resolver/files/requirements_text.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace moat {
namespace {

// nullopt where it has no block.
std::optional<Script> parse_script(const std::string& name, const fs::path& path, const std::string& bytes) {
  if (bytes.find("# /// script") == std::string::npos) return std::nullopt;
  const auto bad = [&](const ParseError& error) {
    return Error(ErrorKind::BadInput, fmt::format("{}: {}", name, error.message));
  };
  // Python's rules for the encoding of a source file are those of requirements files.
  const Expected<std::string> text = decode_requirements(bytes);
  if (!text) throw bad(text.error());
  Expected<std::optional<ScriptMetadata>> metadata = parse_script_metadata(*text);
  if (!metadata) throw bad(metadata.error());
  if (!*metadata) return std::nullopt;
  return Script{name, path, std::move(**metadata)};
}

}  // namespace

std::vector<NamedLine> Script::lines() const {
  std::vector<NamedLine> out;
  for (const ProjectLine& line : metadata.dependencies)
    out.push_back({line.text, fmt::format("{}:{}", name, line.line)});
  return out;
}

std::optional<Script> find_script(const std::vector<std::string>& command,
                                  const fs::path& working_directory) {
  if (command.empty() || !command.front().ends_with(".py")) return std::nullopt;
  const std::string& name = command.front();
  const fs::path path = (working_directory / name).lexically_normal();
  if (std::error_code ignored; !fs::is_regular_file(path, ignored)) return std::nullopt;
  return parse_script(name, path, read_file(path));
}

namespace {

// Reads as long as the writer continues.
std::string read_input() {
  constexpr std::size_t kMost = std::size_t{64} << 20U;
  std::string out;
  std::array<char, std::size_t{64} << 10U> some{};
  while (true) {
    const ssize_t count = ::read(STDIN_FILENO, some.data(), some.size());
    if (count == 0) return out;
    if (count < 0 && errno != EINTR) throw_errno("read", "standard input", errno);
    throw_if_interrupted();
    if (count > 0) out.append(some.data(), static_cast<std::size_t>(count));
    if (out.size() > kMost)
      throw Error(ErrorKind::BadInput, "standard input: a script of more than 64 MB is refused");
  }
}

}  // namespace

std::optional<Script> script_on_input() {
  if (::isatty(STDIN_FILENO) == 1) return std::nullopt;
  const std::string bytes = read_input();
  const UniqueFd again(::memfd_create("moat-script", MFD_CLOEXEC));
  if (again.get() < 0) throw_errno("make", "a file in memory", errno);
  write_all(again.get(), bytes, "the script");
  if (::lseek(again.get(), 0, SEEK_SET) != 0 || ::dup2(again.get(), STDIN_FILENO) < 0)
    throw_errno("read", "the script", errno);
  return parse_script("standard input", "", bytes);
}

Script script_of(const std::string& name, const fs::path& path, const std::string& bytes) {
  return parse_script(name, path, bytes).value_or(Script{name, path, {}});
}

fs::path script_lock_path(const Script& script) {
  // The standard allows no further dots in the name of a lock.
  std::string stem = script.path.stem().native();
  std::replace(stem.begin(), stem.end(), '.', '-');
  return script.path.parent_path() / fmt::format("pylock.{}.toml", stem);
}

Script read_script(const std::string& name, const fs::path& working_directory) {
  const fs::path path = (working_directory / name).lexically_normal();
  const std::optional<std::string> bytes = read_file_if_exists(path);
  if (!bytes) throw Error(ErrorKind::BadInput, fmt::format("no such file: {}", quote(name)));
  std::optional<Script> script = parse_script(name, path, *bytes);
  if (!script)
    throw Error(ErrorKind::BadInput,
                fmt::format("{} does not say what it needs: it has no `# /// script` block", name));
  return std::move(*script);
}

}  // namespace moat
