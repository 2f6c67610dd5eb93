// moat pip download, moat pip wheel
#include "cli/pip/commands.h"
#include "cli/pip/place.h"
#include "cli/pip/sources.h"
#include "cli/session/tools.h"
#include "envs/install/source_builds.h"
#include "fetch/bytes/hasher.h"
#include "fetch/download/save_files.h"
#include "fetch/os/file.h"
#include "fetch/store/wheel_file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

fs::path make_folder(const PipCommand& command, std::string_view option, const Settings& settings) {
  const fs::path folder =
      (settings.working_directory / (command.has(option) ? command.value(option) : ".")).lexically_normal();
  make_directories(folder);
  return folder;
}

// "./six-1.16.0-py2.py3-none-any.whl", as pip shows paths below the working folder.
std::string shown(const fs::path& file, const Settings& settings) {
  const fs::path relative = file.lexically_relative(settings.working_directory);
  const bool below = !relative.empty() && *relative.begin() != "..";
  return below ? "./" + relative.native() : file.native();
}

std::string names_of(const std::vector<const Step*>& steps) {
  std::vector<std::string> names;
  for (const Step* step : steps) names.push_back(step->package->name.display());
  return join(names, " ");
}

// A folder is local already, and pip skips it as well. For a repository pip would make an archive.
bool is_file(const Step& step) {
  const SourceUrl* const source = step.package->file.direct.get();
  if (source && source->kind == SourceKind::Git)
    throw Error(ErrorKind::Refused,
                fmt::format("{} comes from a git repository, so there is no file to download",
                            step.package->name.display()),
                {"`moat pip wheel` builds a wheel of it"});
  return !source || source->kind != SourceKind::Directory;
}

void fetch_files(const std::vector<const Step*>& steps, const Goal& goal, const fs::path& folder,
                 Session& session) {
  std::vector<FileOrder> orders;
  for (const Step* step : steps) orders.push_back({step->package->file.artifact, step->hashes});
  const Tools with = tools_for(goal, session);
  const std::vector<Saved> came =
      save_files(orders, folder, with.http, with.workers, with.reporter, with.stop);
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const std::string file = shown(folder / orders[i].artifact.filename, session.settings());
    pip_say(session, came[i] == Saved::Now ? fmt::format("Saved {}", file)
                                           : fmt::format("File was already downloaded {}", file));
  }
}

// Wheels built from sources, kept in the folder until everything is there.
class WheelsToBe {
 public:
  WheelsToBe(const std::vector<const Step*>& sources, const fs::path& folder, Session& session)
      : folder_(folder), temp_(folder, ".moat-wheel") {
    std::vector<SourceToBuild> orders;
    for (const Step* step : sources) orders.push_back({step->package, step->hashes});
    if (orders.empty()) return;
    SourceBuilds builds(std::move(orders), *session.sources().sources, session.sources().policy,
                        session.stop());
    for (const BuiltWheel& built : builds.finish()) {
      files_.push_back(built.wheel.filename);
      write_wheel_file(built.wheel, temp_.path() / files_.back());
    }
  }

  void place(Session& session) const {
    for (const std::string& name : files_) {
      const fs::path file = folder_ / name;
      rename_over(temp_.path() / name, file);
      pip_say(session, fmt::format("Created {}  size={} sha256={}", shown(file, session.settings()),
                                   fs::file_size(file), hash_file(file).hex));
    }
  }

 private:
  fs::path folder_;
  TempDir temp_;
  std::vector<std::string> files_;
};

}  // namespace

int pip_download(const PipCommand& command, Session& session) {
  check_pip_sources(command);
  check_foreign_target(command, session.settings());
  const fs::path folder = make_folder(command, "dest", session.settings());
  const Interpreter interpreter = pip_interpreter(command, session);
  const Target target = pip_target(command, interpreter);
  const auto choice = choose_packages(command, interpreter, target, {}, session);
  std::vector<const Step*> steps;
  for (const Step& step : choice->plan.steps)
    if (is_file(step)) steps.push_back(&step);
  fetch_files(steps, choice->goal, folder, session);
  if (!steps.empty()) pip_say(session, fmt::format("Successfully downloaded {}", names_of(steps)));
  return 0;
}

int pip_wheel(const PipCommand& command, Session& session) {
  check_pip_sources(command);
  const fs::path folder = make_folder(command, "wheel-dir", session.settings());
  const Interpreter interpreter = pip_interpreter(command, session);
  const Target target = pip_target(command, interpreter);
  const auto choice = choose_packages(command, interpreter, target, {}, session);
  std::vector<const Step*> wheels, sources;
  for (const Step& step : choice->plan.steps) (step.package->file.wheel ? wheels : sources).push_back(&step);
  const WheelsToBe built(sources, folder, session);
  fetch_files(wheels, choice->goal, folder, session);
  built.place(session);
  if (!sources.empty()) pip_say(session, fmt::format("Successfully built {}", names_of(sources)));
  return 0;
}

}  // namespace moat
