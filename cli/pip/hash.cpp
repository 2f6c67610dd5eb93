// moat pip hash
#include "cli/args/pip_options.h"
#include "cli/pip/commands.h"
#include "cli/pip/place.h"
#include "fetch/bytes/hasher.h"

#include <fmt/format.h>

namespace moat {

int pip_hash(const PipCommand& command, Session& session) {
  if (command.arguments.empty())
    throw Error(ErrorKind::Usage, "no file given to hash", {"moat pip hash dist/foo-1.0-py3-none-any.whl"});
  const std::string algorithm = command.has("algorithm") ? command.value("algorithm") : "sha256";
  for (const std::string& path : command.arguments) {
    const Digest digest = hash_file(session.settings().working_directory / path, algorithm);
    pip_say(session, fmt::format("{}:\n--hash={}:{}", path, algorithm, digest.hex));
  }
  return 0;
}

}  // namespace moat
