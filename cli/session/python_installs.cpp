#include "cli/session/python_installs.h"

#include "cli/session/tools.h"
#include "cli/settings/index_list.h"
#include "envs/python/discovery.h"
#include "fetch/os/terminal.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <utility>

namespace moat {
namespace {

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

bool may_ask(Session& session) {
  return !session.settings().no_input && !session.output().json() && someone_is_there();
}

bool is_wanted(const std::string& name, Session& session) {
  return session.settings().python_downloads == PythonDownloads::Auto ||
         session.confirms(fmt::format("{} is not here. Download it?", name));
}

}  // namespace

PythonMirror python_mirror(Session& session) {
  return {mirror_of(session.settings()), session.settings().pythons_dir(),
          [&session]() -> HttpClient& { return session.http(index_list(session.settings())); },
          [&session] { return tools_for(index_list(session.settings()), session); }};
}

std::optional<Interpreter> offer_python(const std::string& spec, Session& session) {
  const Settings& settings = session.settings();
  if (settings.python_downloads == PythonDownloads::Never || settings.offline || !names_version(spec))
    return std::nullopt;
  if (settings.python_downloads == PythonDownloads::Ask && !may_ask(session)) return std::nullopt;
  const PythonMirror mirror = python_mirror(session);
  const std::vector<PythonBuild> offered = offered_pythons(mirror);
  const PythonBuild* build = newest_build(offered, spec);
  if (build == nullptr || !is_wanted(build->install_name(), session)) return std::nullopt;
  InstalledPython installed = install_python(*build, mirror);
  session.output().say(fmt::format("installed {}", installed.name));
  return std::move(installed.interpreter);
}

}  // namespace moat
