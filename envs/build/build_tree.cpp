#include "envs/build/build_tree.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/pep/requirement.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace moat {
namespace {

constexpr std::array<std::string_view, 10> kNoSource = {
    ".eggs", ".mypy_cache", ".nox",        ".pytest_cache", ".ruff_cache",
    ".tox",  ".venv",       "__pycache__", "node_modules",  ".hypothesis"};

bool requires_setuptools(const BuildSystem& system) {
  return std::any_of(system.requirements.begin(), system.requirements.end(), [](const std::string& text) {
    const Expected<Requirement> requirement = Requirement::parse(text);
    return requirement && requirement->name.normalized() == "setuptools";
  });
}

// build/lib, build/temp.linux-x86_64-3.11: setuptools' own, unless it is a package of that name.
bool is_leftover_of_setuptools(const fs::path& folder) {
  std::error_code unknown;
  if (folder.filename() != "build" || fs::exists(folder / "__init__.py", unknown)) return false;
  for (fs::directory_iterator it(folder, unknown), end; !unknown && it != end; it.increment(unknown)) {
    const std::string name = it->path().filename().string();
    if (name == "lib" || name.starts_with("lib.") || name.starts_with("temp.") || name.starts_with("bdist."))
      return true;
  }
  return false;
}

bool is_no_source(const fs::path& folder) {
  std::error_code unknown;
  return std::find(kNoSource.begin(), kNoSource.end(), folder.filename().string()) != kNoSource.end() ||
         fs::exists(folder / "pyvenv.cfg", unknown);
}

// An unreadable file or folder beside the sources is not a source.
bool is_forbidden(const std::error_code& failure) {
  return failure == std::errc::permission_denied || failure == std::errc::operation_not_permitted;
}

void copy_entry(const fs::directory_entry& entry, const fs::path& to, bool top);

void copy_folder(const fs::path& from, const fs::path& to, bool top) {
  make_directories(to);
  std::error_code failure;
  for (fs::directory_iterator it(from, failure), end; !failure && it != end; it.increment(failure))
    copy_entry(*it, to / it->path().filename(), top);
  if (failure && !is_forbidden(failure)) throw_errno("read", from, failure.value());
}

void copy_entry(const fs::directory_entry& entry, const fs::path& to, bool top) {
  std::error_code failure;
  const fs::file_status status = entry.symlink_status(failure);
  if (fs::is_directory(status)) {
    if (!is_no_source(entry.path()) && !(top && is_leftover_of_setuptools(entry.path())))
      copy_folder(entry.path(), to, false);
  } else if (fs::is_symlink(status)) {
    fs::copy_symlink(entry.path(), to, failure);
  } else if (fs::is_regular_file(status)) {
    if (::access(entry.path().c_str(), R_OK) != 0) return;
    fs::copy_file(entry.path(), to, failure);
    if (!failure) fs::last_write_time(to, entry.last_write_time(), failure);
  }  // sockets, pipes and devices are not sources
  if (failure) throw_errno("copy", entry.path(), failure.value());
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code unknown;
  for (fs::directory_iterator it(folder, unknown), end; !unknown && it != end; it.increment(unknown))
    out.push_back(it->path());
  return out;
}

bool is_gathered_for_wheel(const std::string& name) {
  return name == "lib" || name.starts_with("lib.") || name.starts_with("bdist.") ||
         name.starts_with("scripts-");
}

bool is_folder(const fs::path& path) {
  std::error_code unknown;
  return fs::is_directory(fs::symlink_status(path, unknown));
}

// In the folder itself and in those right below it: `src/NAME.egg-info`.
std::set<fs::path> traces_in(const fs::path& tree) {
  std::set<fs::path> out;
  const auto collect = [&](const fs::path& folder) {
    for (const fs::path& entry : entries_of(folder))
      if (entry.extension() == ".egg-info") out.insert(entry);
  };
  collect(tree);
  for (const fs::path& entry : entries_of(tree))
    if (is_folder(entry) && !is_no_source(entry)) collect(entry);
  for (const fs::path& entry : entries_of(tree / "build"))
    if (is_gathered_for_wheel(entry.filename().string())) out.insert(entry);
  if (is_folder(tree / "build")) out.insert(tree / "build");
  return out;
}

}  // namespace

Expected<BuildSystem> read_build_system(const fs::path& tree) {
  const std::optional<std::string> text = read_file_if_exists(tree / "pyproject.toml");
  if (!text) {
    std::error_code unknown;
    if (!fs::exists(tree / "setup.py", unknown))
      return parse_error("there is neither a pyproject.toml nor a setup.py");
    return BuildSystem::legacy();
  }
  const Expected<PyProject> project = PyProject::parse(*text);
  Expected<BuildSystem> system =
      project ? project->build_system() : Expected<BuildSystem>(tl::unexpected(project.error()));
  if (!system) return parse_error(fmt::format("pyproject.toml: {}", system.error().message));
  return system;
}

bool wants_copy(const BuildSystem& system, const fs::path& tree) {
  return requires_setuptools(system) && ::access(tree.c_str(), W_OK) != 0;
}

BuildTraces::BuildTraces(fs::path tree) : tree_(std::move(tree)), before_(traces_in(tree_)) {}

BuildTraces::~BuildTraces() {
  for (const fs::path& trace : traces_in(tree_)) {
    if (before_.contains(trace)) continue;
    if (trace != tree_ / "build") remove_tree_quietly(trace);
  }
  std::error_code not_empty;
  if (!before_.contains(tree_ / "build")) fs::remove(tree_ / "build", not_empty);
}

void copy_tree(const fs::path& from, const fs::path& to) { copy_folder(from, to, true); }

}  // namespace moat
