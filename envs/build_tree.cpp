#include "envs/build_tree.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/pep/requirement.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace moat {
namespace {

constexpr std::array<std::string_view, 10> kNoSource = {
    ".eggs", ".mypy_cache", ".nox",        ".pytest_cache", ".ruff_cache",
    ".tox",  ".venv",       "__pycache__", "node_modules",  ".hypothesis"};

// Whatever gives a project its version from the history of a repository.
constexpr std::array<std::string_view, 9> kAskGit = {
    "dunamai",        "hatch-vcs",      "pbr",        "setuptools-git-versioning",
    "setuptools-scm", "vcs-versioning", "versioneer", "versioneer-518",
    "versioningit"};

bool requires_one(const BuildSystem& system, const auto& is_one) {
  return std::any_of(system.requirements.begin(), system.requirements.end(), [&](const std::string& text) {
    const Expected<Requirement> requirement = Requirement::parse(text);
    return requirement && is_one(requirement->name.normalized());
  });
}

bool is_part_of_checkout(const fs::path& tree) {
  std::error_code unknown;
  if (fs::exists(tree / ".git", unknown)) return false;
  for (fs::path above = tree.parent_path(); above != above.root_path(); above = above.parent_path())
    if (fs::exists(above / ".git", unknown)) return true;
  return false;
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

void copy_folder(const fs::path& from, const fs::path& to, bool top) {
  make_directories(to);
  std::error_code failure;
  for (fs::directory_iterator it(from, failure), end; !failure && it != end; it.increment(failure)) {
    const fs::path target = to / it->path().filename();
    const fs::file_status status = it->symlink_status(failure);
    if (failure) break;
    if (fs::is_directory(status)) {
      if (is_no_source(it->path()) || (top && is_leftover_of_setuptools(it->path()))) continue;
      copy_folder(it->path(), target, false);
    } else if (fs::is_symlink(status)) {
      fs::copy_symlink(it->path(), target, failure);
    } else if (fs::is_regular_file(status)) {
      fs::copy_file(it->path(), target, failure);
      if (!failure) fs::last_write_time(target, it->last_write_time(), failure);
    }  // sockets, pipes and devices are no source
    if (failure) throw_errno("copy", it->path(), failure.value());
  }
  if (failure) throw_errno("read", from, failure.value());
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
  if (!requires_one(system, [](const std::string& name) { return name == "setuptools"; })) return false;
  const bool asks_git = requires_one(system, [](const std::string& name) {
    return std::find(kAskGit.begin(), kAskGit.end(), name) != kAskGit.end();
  });
  return !(asks_git && is_part_of_checkout(tree));
}

void copy_tree(const fs::path& from, const fs::path& to) { copy_folder(from, to, true); }

}  // namespace moat
