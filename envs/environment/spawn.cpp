#include "envs/environment/spawn.h"

#include "envs/environment/staged_environment.h"
#include "fetch/os/file.h"
#include "fetch/os/paths.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

namespace moat {
namespace {

constexpr std::size_t kHeadSize = 2048;

std::string head_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string head(kHeadSize, '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  return head;
}

// python, python3, python3.11, python3.13t, pypy3; but not python3-config.
bool is_python_name(std::string_view name) {
  for (const std::string_view stem : {"python", "pypy"}) {
    if (name.substr(0, stem.size()) != stem) continue;
    const std::string_view rest = name.substr(stem.size());
    return std::all_of(rest.begin(), rest.end(),
                       [](char c) { return is_ascii_digit(c) || c == '.' || c == 't' || c == 'd'; });
  }
  return false;
}

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// "#!/usr/bin/env -S python3 -u": the program that the kernel starts, and the rest.
bool names_a_python(std::string_view first_line) {
  const std::string_view line = trim(first_line.substr(2));
  const std::string_view interpreter = line.substr(0, line.find_first_of(" \t"));
  return is_python_name(file_name(interpreter));
}

// `#!/bin/sh` and then, for Python an innocent string: '''exec' /path/python "$0" "$@" (installers, for long
// paths), ''':' (environments of moat).
bool is_trampoline(std::string_view head) {
  const std::size_t second = head.find('\n');
  if (second == std::string_view::npos) return false;
  const std::string_view rest = head.substr(second + 1);
  return rest.substr(0, 4) == "''':" || rest.substr(0, 8) == "'''exec'" || rest.substr(0, 8) == "''''exec";
}

bool is_pyenv_shim(std::string_view head) {
  return head.find("pyenv\" exec") != std::string_view::npos ||
         head.find("pyenv exec") != std::string_view::npos;
}

bool is_executable_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() > end.size() && text.substr(text.size() - end.size()) == end;
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  const fs::path normal = path.lexically_normal();
  return is_below(normal, folder);
}

}  // namespace

std::string path_without(const std::string& path, const std::string& folder) {
  std::string out;
  for (const std::string_view part : split(path, ':'))
    if (!part.empty() && (folder.empty() || part != folder))
      out += (out.empty() ? "" : ":") + std::string(part);
  return out;
}

ProgramKind program_kind(const fs::path& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return ProgramKind::Other;
  if (is_python_name(path.filename().native()) || is_python_name(real.filename().native()))
    return ProgramKind::ForeignPython;
  const std::string head = head_of(real);
  if (head.substr(0, 2) != "#!") return ProgramKind::Other;
  const std::string_view first_line = split_lines(head).front();
  const bool tied = names_a_python(first_line) || is_trampoline(head) || is_pyenv_shim(head);
  return tied ? ProgramKind::ForeignPython : ProgramKind::Other;
}

std::variant<Program, ProgramRefused, ProgramNotFound> find_command(const std::vector<std::string>& command,
                                                                    const fs::path& environment,
                                                                    const fs::path& working_directory,
                                                                    const std::string& path_variable,
                                                                    bool pure) {
  const std::string& name = command.front();
  const fs::path bin = environment / "bin";
  const auto with = [&](const fs::path& program) {
    Program out{{program.native()}};
    out.argv.insert(out.argv.end(), command.begin() + 1, command.end());
    return out;
  };
  const fs::path as_path = working_directory / name;
  std::error_code ignored;
  if (ends_with(name, ".py") && fs::is_regular_file(as_path, ignored)) {
    Program out = with(bin / "python");
    out.argv.insert(out.argv.begin() + 1, name);
    return out;
  }
  if (name.find('/') != std::string::npos) {
    if (!is_executable_file(as_path)) return ProgramNotFound{};
    if (!is_inside(as_path, environment) && program_kind(as_path) == ProgramKind::ForeignPython)
      return ProgramRefused{as_path.lexically_normal()};
    return with(as_path);
  }
  if (!name.empty() && is_executable_file(bin / name)) return with(bin / name);
  if (pure || name.empty()) return ProgramNotFound{};
  const std::optional<fs::path> found = find_program(name, path_variable);
  if (!found) return ProgramNotFound{};
  if (program_kind(*found) == ProgramKind::ForeignPython) return ProgramRefused{*found};
  return with(*found);
}

namespace {

// As `activate` shows it. venv writes the value of --prompt in quotes.
std::string prompt_of(const fs::path& environment) {
  const fs::path file = environment / "pyvenv.cfg";
  std::error_code ignored;
  if (fs::is_regular_file(file, ignored)) {
    std::string prompt = read_venv_settings(file)["prompt"];
    const bool is_quoted = prompt.size() > 1 && (prompt.front() == '\'' || prompt.front() == '"') &&
                           prompt.front() == prompt.back();
    if (is_quoted) prompt = prompt.substr(1, prompt.size() - 2);
    if (!prompt.empty()) return prompt;
  }
  return environment.filename().native();
}

}  // namespace

Variables program_variables(const Variables& variables, const fs::path& environment, bool pure) {
  Variables out = variables;
  const std::string active = variable(variables, "VIRTUAL_ENV");
  const std::string rest =
      pure ? "" : path_without(variable(variables, "PATH"), active.empty() ? "" : active + "/bin");
  const std::string bin = (environment / "bin").native();
  out["PATH"] = rest.empty() ? bin : bin + ":" + path_without(rest, bin);
  out.erase("MOAT_HOOKED");  // the hook leaves this one alone
  out["VIRTUAL_ENV"] = environment.native();
  out["VIRTUAL_ENV_PROMPT"] = prompt_of(environment);
  out.erase("PYTHONHOME");
  if (pure)
    std::erase_if(out, [](const auto& entry) {
      return entry.first.substr(0, 6) == "PYTHON" || entry.first.substr(0, 4) == "PIP_";
    });
  return out;
}

}  // namespace moat
