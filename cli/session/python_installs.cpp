#include "cli/session/python_installs.h"

#include "envs/python/managed_pythons.h"
#include "fetch/download/save_files.h"
#include "fetch/os/file.h"
#include "fetch/os/leftovers.h"
#include "fetch/os/terminal.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>

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

Url mirror_of(const Settings& settings) {
  std::string text = settings.python_mirror.empty() ? MOAT_DEFAULT_PYTHON_MIRROR : settings.python_mirror;
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  if (text.find("://") == std::string::npos)
    return Url::from_path((settings.working_directory / text).lexically_normal().native());
  Expected<Url> url = Url::parse(text);
  if (!url)
    throw Error(ErrorKind::Usage,
                fmt::format("python-mirror: {} is not a URL: {}", quote(text), url.error().message));
  return std::move(*url);
}

Url file_at(const Url& mirror, std::string_view name) {
  return Url::parse(mirror.to_string() + "/" + percent_encode_path(name)).value();
}

std::string read_sums(const Url& mirror, Session& session) {
  const std::string hint =
      "the setting `python-mirror` names a folder or URL with Pythons and their SHA256SUMS";
  const Url url = file_at(mirror, kSums);
  if (url.scheme() == "file") {
    if (auto text = read_file_if_exists(url.file_path())) return std::move(*text);
    throw Error(ErrorKind::BadInput, fmt::format("{} not found", quote(url.file_path())), {hint});
  }
  HttpResponse response = session.http().get({.url = url});
  if (response.status != 200)
    throw Error(ErrorKind::Network,
                fmt::format("cannot get {}: HTTP status {}", quote(url.display()), response.status), {hint});
  return std::move(response.body);
}

bool is_meant(const PythonBuild& build, const std::string& spec) {
  return !build.debug && spec_admits(spec, build.implementation, build.version, build.free_threaded);
}

// CPython unless another is asked for; the list is newest first.
const PythonBuild* newest(const std::vector<PythonBuild>& builds, const std::string& spec) {
  const PythonBuild* found = nullptr;
  for (const PythonBuild& build : builds)
    if (is_meant(build, spec) &&
        (found == nullptr || (found->implementation != "cpython" && build.implementation == "cpython")))
      found = &build;
  return found;
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

InstalledPython bring(const PythonBuild& build, const Url& mirror, Session& session) {
  const fs::path folder = session.settings().pythons_dir();
  for (const ManagedPython& there : managed_pythons(folder))
    if (there.name == build.install_name())
      return {probe_interpreter(there.executable(), session.store()), there.name, true};
  make_directories(folder);
  const StagingFolder downloads(folder, ".python");
  Artifact artifact;
  artifact.filename = build.filename;
  artifact.url = file_at(mirror, build.filename);
  artifact.digests = {build.sha256};
  {
    const Phase phase(session.reporter(), "download");
    save_files({FileOrder{artifact, {build.sha256}}}, downloads.path(), session.http(), session.workers(),
               session.reporter(), session.stop());
  }
  const Phase phase(session.reporter(), "install");
  return {install_python(build, downloads.path() / build.filename, folder, session.store()),
          build.install_name()};
}

bool may_ask(Session& session) {
  return !session.settings().no_input && !session.output().json() && someone_is_there();
}

bool is_wanted(const std::string& name, Session& session) {
  return session.settings().python_downloads == PythonDownloads::Auto ||
         session.confirms(fmt::format("{} is not here. Download it?", name));
}

}  // namespace

std::vector<PythonBuild> offered_pythons(Session& session) {
  return usable_builds(parse_python_list(read_sums(mirror_of(session.settings()), session)), machine(),
                       kSystem);
}

InstalledPython install_python(const std::string& spec, Session& session) {
  if (!names_version(spec))
    throw Error(ErrorKind::Usage, fmt::format("{} is not a version of Python", quote(spec)),
                {"for example 3.13, '>=3.11', 3.13t or pypy@3.10"});
  const Url mirror = mirror_of(session.settings());
  const std::vector<PythonBuild> offered = offered_pythons(session);
  const PythonBuild* build = newest(offered, spec);
  if (build == nullptr) none_meets(spec, offered, mirror);
  return bring(*build, mirror, session);
}

std::optional<Interpreter> offer_python(const std::string& spec, Session& session) {
  const Settings& settings = session.settings();
  if (settings.python_downloads == PythonDownloads::Never || settings.offline || !names_version(spec))
    return std::nullopt;
  if (settings.python_downloads == PythonDownloads::Ask && !may_ask(session)) return std::nullopt;
  const std::vector<PythonBuild> offered = offered_pythons(session);
  const PythonBuild* build = newest(offered, spec);
  if (build == nullptr || !is_wanted(build->install_name(), session)) return std::nullopt;
  InstalledPython installed = bring(*build, mirror_of(settings), session);
  session.output().say(fmt::format("installed {}", installed.name));
  return std::move(installed.interpreter);
}

}  // namespace moat
