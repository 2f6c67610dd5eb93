// moat build: the project's source distribution and wheel, in sealed environments.
#include "cli/commands/commands.h"
#include "cli/session/required_python.h"
#include "cli/session/source_setup.h"
#include "envs/project/project_files.h"
#include "envs/project/workspace.h"
#include "fetch/os/file.h"
#include "fetch/os/leftovers.h"
#include "fetch/store/wheel_file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {
namespace {

// A folder of the user's, or the sdist just made from it: then the wheel contains what others would build
// from the sdist.
SourceTree tree_of(const fs::path& place, Session& session) {
  const Expected<SourceUrl> source = SourceUrl::parse(Url::from_path(place.native()).to_string());
  if (!source)
    throw Error(ErrorKind::BadInput, fmt::format("{}: {}", place.native(), source.error().message));
  SourceOrder order = SourceOrder::of(*source);
  order.label = place.native();
  return session.sources().sources->obtain(order, session.stop()).tree;
}

fs::path write_wheel(const StoredWheel& wheel, const fs::path& folder) {
  const StagingFolder aside(folder, ".moat-wheel");
  write_wheel_file(wheel, aside.path() / wheel.filename);
  rename_over(aside.path() / wheel.filename, folder / wheel.filename);
  return folder / wheel.filename;
}

}  // namespace

int execute(const BuildCommand& command, Session& session) {
  const Settings& settings = session.settings();
  const std::optional<fs::path> project =
      settings.member ? settings.member->parent_path() : project_folder(settings);
  if (!project || !describes_project(settings))
    throw Error(ErrorKind::Usage,
                "there is no project here to build: no pyproject.toml, setup.py or setup.cfg",
                {"`moat init --package` begins one"});
  if (!settings.member && !has_project_table(settings))
    if (const std::vector<WorkspaceMember> members = workspace_members(settings); !members.empty()) {
      std::vector<std::string> names;
      for (const WorkspaceMember& member : members) names.push_back(member.folder.native());
      throw Error(ErrorKind::Usage, "the root of this workspace is not a project",
                  {fmt::format("`moat build` in one of its members: {}", join(names, ", "))});
    }
  const Interpreter python =
      settings.python_is_option ? session.chosen_interpreter() : interpreter_here(session);
  Goal nothing;
  prepare_sources(nothing, python, session, std::nullopt, true);
  const std::unique_ptr<BuildFrontend> builder = project_builder(python, session);

  const fs::path folder = (settings.working_directory / command.output.value_or("dist")).lexically_normal();
  make_directories(folder);
  std::vector<fs::path> made;
  if (command.sdist || !command.wheel)
    made.push_back(builder->build_sdist(
        {.tree = tree_of(*project, session), .name = {}, .version = {}, .settings = settings.config_settings},
        folder, session.stop()));
  if (command.wheel || !command.sdist) {
    const fs::path from = made.empty() ? *project : made.front();
    made.push_back(write_wheel(
        builder->build_wheel(
            {.tree = tree_of(from, session), .name = {}, .version = {}, .settings = settings.config_settings},
            session.stop()),
        folder));
  }
  Output& output = session.output();
  if (output.json()) {
    nlohmann::ordered_json files = nlohmann::ordered_json::array();
    for (const fs::path& file : made) files.push_back(file.native());
    output.document({{"schema", 1}, {"files", std::move(files)}});
    return 0;
  }
  for (const fs::path& file : made)
    output.result(file.lexically_proximate(settings.working_directory).native());
  return 0;
}

}  // namespace moat
