#include "envs/environment/states.h"

#include "envs/journal/change.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

namespace moat {

// The change to a state displaced the manifest of the one before.
Manifest manifest_of_state(const Environment& environment, int state) {
  Manifest now = environment.manifest();
  if (state == now.state) return now;
  const auto text = read_file_if_exists(environment.private_folder() /
                                        fmt::format("history/{}/old/.moat/manifest", state + 1));
  auto manifest = text ? parse_manifest(*text) : Expected<Manifest>(tl::unexpected(ParseError{}));
  if (state < 0 || state > now.state)
    throw Error(ErrorKind::NotFound,
                fmt::format("{} has no state {}: the newest is {}", quote(environment.root().string()), state,
                            now.state),
                {"moat env history --env " + environment.root().string()});
  if (!text || !manifest || manifest->state != state)
    throw Error(ErrorKind::Refused,
                fmt::format("state {} of {} is no longer kept", state, quote(environment.root().string())),
                {"moat env history --env " + environment.root().string()});
  return *std::move(manifest);
}

}  // namespace moat
