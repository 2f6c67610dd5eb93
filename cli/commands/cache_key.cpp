// moat cache-key: a name for what a lock installs here, to be used as a key in CI caches.
#include "cli/commands/commands.h"
#include "cli/session/goal.h"
#include "cli/session/open_env.h"
#include "envs/project/project_files.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {
namespace {

fs::path lock_of(const CacheKeyCommand& command, const Settings& settings) {
  if (command.lock) return (settings.working_directory / *command.lock).lexically_normal();
  const fs::path path = project_folder(settings).value_or(settings.working_directory) / "pylock.toml";
  if (std::error_code ignored; !fs::is_regular_file(path, ignored))
    throw Error(ErrorKind::Usage, fmt::format("there is no {}", path.native()),
                {"`moat lock` makes it, or `moat cache-key FILE` names another one"});
  return path;
}

}  // namespace

int execute(const CacheKeyCommand& command, Session& session) {
  const std::string lock = read_named_file(lock_of(command, session.settings()));
  const Interpreter python = project_python(session);
  const MarkerEnvironment& here = python.markers;
  const std::string facts =
      fmt::format("{} {} {} {} {} {}", lock.size(), python.implementation, python.version, here.sys_platform,
                  here.platform_machine, python.libc);
  const std::string key =
      fmt::format("moat-{}-{}-{}-{}-{}", python.implementation, python.version, here.sys_platform,
                  here.platform_machine, hash_bytes(facts + "\n" + lock).hex.substr(0, 16));
  if (session.output().json())
    session.output().document({{"schema", 1}, {"key", key}});
  else
    session.output().result(key);
  return 0;
}

}  // namespace moat
