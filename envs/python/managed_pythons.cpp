#include "envs/python/managed_pythons.h"

#include "fetch/archive/archive.h"
#include "fetch/os/file.h"
#include "fetch/os/leftovers.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

// bin/python3, or bin/pypy3; "" where there is none.
fs::path python_in(const fs::path& root) {
  std::error_code ignored;
  for (const char* name : {"bin/python3", "bin/pypy3", "bin/python"})
    if (fs::exists(root / name, ignored)) return root / name;
  return {};
}

[[noreturn]] void refuse(const PythonBuild& build, std::string_view why) {
  throw Error(ErrorKind::BadArchive, fmt::format("{} {}", quote(build.filename), why));
}

// Archives with all files of the build keep the installable ones in install/.
fs::path root_in(const fs::path& unpacked, const PythonBuild& build) {
  std::error_code ignored;
  const fs::path root = fs::is_directory(unpacked / "install", ignored) ? unpacked / "install" : unpacked;
  if (python_in(root).empty()) refuse(build, "holds no Python: there is no bin/python3 in it");
  return root;
}

void check_is_promised(const Interpreter& python, const PythonBuild& build) {
  const std::string promised = build.version.to_string();
  const bool same_version = python.version == promised ||
                            (build.implementation == "pypy" && python.major_minor() == promised) ||
                            python.version.starts_with(promised + "+");
  if (python.implementation != build.implementation || !same_version ||
      python.free_threaded != build.free_threaded || python.debug != build.debug)
    refuse(build,
           fmt::format("holds {} {}{}{}, not what its name says", python.implementation, python.version,
                       python.free_threaded ? " free-threaded" : "", python.debug ? " debug" : ""));
}

// PEP 668: tells pip to leave it alone.
void mark_managed(const Interpreter& python) {
  write_file_atomically(python.stdlib / "EXTERNALLY-MANAGED",
                        "[externally-managed]\nError=This Python is managed by moat: packages belong into "
                        "environments.\n `moat create` makes one.\n");
}

}  // namespace

fs::path ManagedPython::executable() const { return python_in(root); }

std::vector<ManagedPython> managed_pythons(const fs::path& folder) {
  std::vector<ManagedPython> out;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
    if (const std::string name = entry.path().filename();
        !name.starts_with('.') && !python_in(entry.path()).empty())
      out.push_back({name, entry.path()});
  std::sort(out.begin(), out.end(),
            [](const ManagedPython& a, const ManagedPython& b) { return a.name < b.name; });
  return out;
}

Interpreter install_python(const PythonBuild& build, const fs::path& archive, const fs::path& folder,
                           const Store& store) {
  make_directories(folder);
  const StagingFolder staging(folder, ".python");
  const fs::path root = root_in(unpack_tar(archive, build.filter, staging.path()), build);
  const Interpreter python = probe_interpreter(python_in(root), store);
  check_is_promised(python, build);
  mark_managed(python);
  const fs::path place = folder / build.install_name();
  if (!rename_if_absent(root, place)) return probe_interpreter(python_in(place), store);
  try {
    return probe_interpreter(python_in(place), store);
  } catch (...) {
    remove_tree_quietly(place);  // a failure changes nothing
    throw;
  }
}

}  // namespace moat
