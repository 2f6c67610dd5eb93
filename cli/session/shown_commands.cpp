#include "cli/session/shown_commands.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {

void show_new_commands(const Environment& environment, Session& session,
                       const std::function<void()>& take_back) {
  const Settings& settings = session.settings();
  const bool placed = show_or_take_back(environment, settings.command_places(), take_back);
  const std::string path = variable(settings.variables, "PATH");
  const std::vector<std::string_view> folders = split(path, ':');
  if (placed && std::find(folders.begin(), folders.end(), settings.bin_dir.native()) == folders.end())
    session.output().warn(
        fmt::format("{0} is not on PATH; this line in ~/.profile adds it: export PATH=\"{0}:$PATH\"",
                    settings.bin_dir.native()));
}

}  // namespace moat
