#include "envs/python/python_mirror.h"

#include "envs/python/discovery.h"
#include "envs/python/managed_pythons.h"
#include "fetch/download/save_files.h"
#include "fetch/os/file.h"
#include "fetch/os/leftovers.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <string_view>
#include <utility>

namespace moat {
namespace {

constexpr std::string_view kSums = "SHA256SUMS";

// The C library moat itself was built for.
#ifdef __GLIBC__
constexpr std::string_view kSystem = "linux-gnu";
#else
constexpr std::string_view kSystem = "linux-musl";
#endif

std::string machine() {
  struct utsname names {};
  return ::uname(&names) == 0 ? names.machine : "";
}

Url file_at(const Url& mirror, std::string_view name) {
  return Url::parse(mirror.to_string() + "/" + percent_encode_path(name)).value();
}

std::string read_sums(const PythonMirror& mirror) {
  const std::string hint =
      "the setting `python-mirror` names a folder or URL with Pythons and their SHA256SUMS";
  const Url url = file_at(mirror.url, kSums);
  if (url.scheme() == "file") {
    if (auto text = read_file_if_exists(url.file_path())) return std::move(*text);
    throw Error(ErrorKind::BadInput, fmt::format("{} not found", quote(url.file_path())), {hint});
  }
  HttpResponse response = mirror.client().get({.url = url});
  if (response.status != 200)
    throw Error(ErrorKind::Network,
                fmt::format("cannot get {}: HTTP status {}", quote(url.display()), response.status), {hint});
  return std::move(response.body);
}

bool is_meant(const PythonBuild& build, const std::string& spec) {
  return !build.debug && spec_admits(spec, build.implementation, build.version, build.free_threaded);
}

[[noreturn]] void none_meets(const std::string& spec, const std::vector<PythonBuild>& builds,
                             const Url& mirror) {
  std::vector<std::string> names;
  for (const PythonBuild& build : builds)
    if (!build.debug) names.push_back(build.install_name());
  throw Error(ErrorKind::NoInterpreter,
              names.empty()
                  ? fmt::format("{} has no Python for this machine", mirror.display())
                  : fmt::format("no Python {} to install; available: {}", quote(spec), join(names, ", ")),
              {"`moat python list --available` lists what can be installed"});
}

}  // namespace

std::vector<PythonBuild> offered_pythons(const PythonMirror& mirror) {
  return usable_builds(parse_python_list(read_sums(mirror)), machine(), kSystem);
}

const PythonBuild* newest_build(const std::vector<PythonBuild>& builds, const std::string& spec) {
  const PythonBuild* found = nullptr;
  for (const PythonBuild& build : builds)
    if (is_meant(build, spec) &&
        (found == nullptr || (found->implementation != "cpython" && build.implementation == "cpython")))
      found = &build;
  return found;
}

InstalledPython install_python(const PythonBuild& build, const PythonMirror& mirror) {
  const fs::path& folder = mirror.folder;
  const Tools tools = mirror.tools();
  for (const ManagedPython& there : managed_pythons(folder))
    if (there.name == build.install_name())
      return {probe_interpreter(there.executable(), tools.store), there.name, true};
  make_directories(folder);
  const StagingFolder downloads(folder, ".python");
  Artifact artifact;
  artifact.filename = build.filename;
  artifact.url = file_at(mirror.url, build.filename);
  artifact.digests = {build.sha256};
  {
    const Phase phase(tools.reporter, "download");
    save_files({FileOrder{artifact, {build.sha256}}}, downloads.path(), tools.http, tools.workers,
               tools.reporter, tools.stop);
  }
  const Phase phase(tools.reporter, "install");
  return {install_python(build, downloads.path() / build.filename, folder, tools.store),
          build.install_name()};
}

InstalledPython install_python(const std::string& spec, const PythonMirror& mirror) {
  if (!names_version(spec))
    throw Error(ErrorKind::Usage, fmt::format("{} is not a version of Python", quote(spec)),
                {"for example 3.13, '>=3.11', 3.13t or pypy@3.10"});
  const std::vector<PythonBuild> offered = offered_pythons(mirror);
  const PythonBuild* build = newest_build(offered, spec);
  if (build == nullptr) none_meets(spec, offered, mirror.url);
  return install_python(*build, mirror);
}

}  // namespace moat
