// moat pip download, moat pip wheel

#include "cli/pip/commands.h"
#include "cli/pip/place.h"
#include "cli/pip/sources.h"
#include "fetch/os/file.h"
#include "fetch/save_files.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

std::vector<FileOrder> orders_of(const PipChoice& choice) {
  std::vector<FileOrder> orders;
  for (const Step& step : choice.plan.steps) orders.push_back({step.package->file.artifact, step.hashes});
  return orders;
}

fs::path make_folder(const PipCommand& command, std::string_view option, Session& session) {
  const fs::path folder =
      (session.settings().working_directory / (command.has(option) ? command.value(option) : "."))
          .lexically_normal();
  make_directories(folder);
  return folder;
}

// "./six-1.16.0-py2.py3-none-any.whl", as pip shows paths below the working folder.
std::string shown(const fs::path& file, const Session& session) {
  const fs::path relative = file.lexically_relative(session.settings().working_directory);
  const bool below = !relative.empty() && *relative.begin() != "..";
  return below ? "./" + relative.native() : file.native();
}

std::string names_of(const PipChoice& choice) {
  std::vector<std::string> names;
  for (const Step& step : choice.plan.steps) names.push_back(step.package->name.display());
  return join(names, " ");
}

void fetch_files(const PipChoice& choice, const fs::path& folder, Session& session) {
  const std::vector<FileOrder> orders = orders_of(choice);
  const std::vector<Saved> came =
      save_files(orders, folder, session.http(), session.workers(), session.reporter(), session.stop());
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const std::string file = shown(folder / orders[i].artifact.filename, session);
    pip_say(session, came[i] == Saved::Now ? fmt::format("Saved {}", file)
                                           : fmt::format("File was already downloaded {}", file));
  }
}

}  // namespace

int pip_download(const PipCommand& command, Session& session) {
  check_pip_sources(command);
  check_foreign_target(command, session.settings());
  const fs::path folder = make_folder(command, "dest", session);
  const Interpreter interpreter = pip_interpreter(command, session);
  const Target target = pip_target(command, interpreter);
  const auto choice = choose_packages(command, interpreter, target, {}, session);
  fetch_files(*choice, folder, session);
  if (!choice->plan.steps.empty())
    pip_say(session, fmt::format("Successfully downloaded {}", names_of(*choice)));
  return 0;
}

int pip_wheel(const PipCommand& command, Session& session) {
  check_pip_sources(command);
  const fs::path folder = make_folder(command, "wheel-dir", session);
  const Interpreter interpreter = pip_interpreter(command, session);
  const Target target = pip_target(command, interpreter);
  const auto choice = choose_packages(command, interpreter, target, {}, session);
  for (const Step& step : choice->plan.steps)
    if (!step.package->file.wheel)
      throw Error(
          ErrorKind::Refused,
          fmt::format("{} is there as source only, and `moat pip wheel` cannot write wheels of sources yet",
                      quote(step.package->file.artifact.filename)),
          {"`moat pip install` builds and installs it"});
  fetch_files(*choice, folder, session);
  return 0;
}

}  // namespace moat
