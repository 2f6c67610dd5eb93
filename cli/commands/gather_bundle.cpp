// Collects a bundle: for each target the packages that its lock selects.
#include "cli/commands/bundle.h"
#include "cli/commands/sync.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/open_env.h"
#include "cli/session/source_setup.h"
#include "cli/session/tools.h"
#include "cli/settings/index_list.h"
#include "envs/deploy/bundle_contents.h"
#include "envs/deploy/runtime_blob.h"
#include "envs/install/environment_lock.h"
#include "fetch/archive/archive.h"
#include "resolver/base/text.h"
#include "resolver/lock/exports.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>

namespace moat {
namespace {

// pylock.NAME.toml
std::string name_of_lock(const fs::path& lock) {
  const std::string stem = lock.stem().native();
  constexpr std::string_view kBefore = "pylock.";
  const std::string name = stem.starts_with(kBefore) ? stem.substr(kBefore.size()) : "";
  return is_valid_name(name) ? name : "bundle";
}

void name_program(BundleConfig& config, const BundleCommand& command,
                  const std::optional<ProjectBeside>& project, const fs::path& lock) {
  const bool of_project = project && lock.filename() == "pylock.toml";
  config.name = of_project ? project->table.name.display() : name_of_lock(lock);
  if (of_project && project->table.version) config.version = project->table.version->to_string();
  if (!command.name) return;
  if (!is_valid_name(*command.name))
    throw Error(ErrorKind::Usage, fmt::format("--name: {} is not a valid name", quote(*command.name)),
                {"letters, digits, `.`, `_` and `-`, beginning and ending with a letter or digit"});
  config.name = *command.name;
}

// SOURCE_DATE_EPOCH, else the upload time of the newest file: never the present, so that the same lock gives
// the same bytes.
std::int64_t time_of(const std::vector<SelectedPackage>& selected, const Settings& settings) {
  std::int64_t time = kEarliestTime;
  for (const SelectedPackage& one : selected)
    if (one.file != nullptr && one.file->upload_time) time = std::max(time, *one.file->upload_time);
  const auto given = settings.variables.find("SOURCE_DATE_EPOCH");
  if (given == settings.variables.end()) return time;
  const std::string& text = given->second;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0)
    throw Error(ErrorKind::Usage,
                fmt::format("SOURCE_DATE_EPOCH: {} is not a number of seconds", quote(text)));
  return seconds;
}

// Each platform with each Python; this machine if neither is named.
std::vector<BundleFor> targets_of(const BundleCommand& command, const Interpreter& python) {
  if (command.platforms.empty() && command.python_versions.empty()) return {bundle_for_here(python)};
  if (command.with_python)
    throw Error(ErrorKind::Usage,
                "`--with-python` cannot be used together with `--platform` or `--python-version`: the Python "
                "that is here does not run elsewhere",
                {"make that bundle on a machine of that kind"});
  const std::vector<std::string> none{""}, own{python.major_minor()};
  std::vector<BundleFor> out;
  for (const std::string& version : command.python_versions.empty() ? own : command.python_versions)
    for (const std::string& platform : command.platforms.empty() ? none : command.platforms)
      out.push_back(bundle_for(version, platform, python));
  return out;
}

struct BundleLock {
  Pylock lock;
  std::string text;
  std::filesystem::path path;       // "" of an environment
  std::set<PackageName> requested;  // of an environment
};

BundleLock named_lock(const BundleCommand& command, Session& session) {
  const fs::path path = lock_path(command.lock, session.settings());
  if (path.extension() != ".toml")
    throw Error(ErrorKind::Usage, fmt::format("{} is not a pylock.toml", quote(path.native())),
                {fmt::format("moat lock -r {} -o pylock.toml", path.filename().native())});
  return {read_pylock(path, session.reporter()), read_named_file(path), path, {}};
}

BundleLock lock_of_environment(const BundleCommand& command, const Environment& environment,
                               Session& session) {
  if (command.lock || !command.extras.empty() || !command.groups.empty() || !command.platforms.empty() ||
      !command.python_versions.empty())
    throw Error(ErrorKind::Usage,
                "`--env` takes an environment as it is: without LOCK, --extra, --group, --platform and "
                "--python-version");
  check_has_hashes(environment);  // before an index is asked
  EnvironmentLock found =
      environment_lock(environment, *session.index_source(index_list(session.settings())));
  std::string text = format_pylock(found.lock);
  return {std::move(found.lock), std::move(text), {}, std::move(found.requested)};
}

}  // namespace

GatheredBundle gather_bundle(const BundleCommand& command, Session& session) {
  const bool of_environment = session.settings().env.has_value();
  const std::optional<Environment> environment =
      of_environment ? std::optional(open_for_reading(session)) : std::nullopt;
  const BundleLock from =
      environment ? lock_of_environment(command, *environment, session) : named_lock(command, session);
  const Interpreter python =
      environment ? environment->interpreter() : project_python(session, from.lock.requires_python);
  const std::vector<BundleFor> targets = targets_of(command, python);
  // The target does not need the groups that developers get by default.
  SyncCommand chosen;
  chosen.extras = command.extras;
  chosen.groups = command.groups;
  const LockChoice choice = choice_of(chosen);
  const std::set<GroupName> groups = choice.all_groups(from.lock);
  const std::optional<ProjectBeside> project = of_environment ? std::nullopt : project_beside(from.path);

  GatheredBundle out{{}, session.store().make_temp("bundle")};
  std::int64_t created = kEarliestTime;
  for (const BundleFor& wanted : targets) {
    std::vector<SelectedPackage> selected = select_packages(from.lock, wanted.target, choice.extras, groups);
    std::vector<LockedPackage> own;
    if (!command.no_project && !of_environment)
      own = own_packages_of(project, from.path, selected, session.settings());
    for (const LockedPackage& package : own) selected.push_back({&package, nullptr});
    created = std::max(created, time_of(selected, session.settings()));
    BundleContents contents{.config = {.name = "",
                                       .version = "",
                                       .created = 0,
                                       .moat = MOAT_VERSION,
                                       .architecture = wanted.architecture,
                                       .python = wanted.python,
                                       .packages = {}},
                            .lock = from.text,
                            .sbom = {},
                            .wheels = {}};
    name_program(contents.config, command, project, from.path);
    contents.sbom = export_cyclonedx(target_lock(from.lock, wanted.target, choice.extras, groups),
                                     ProjectName{contents.config.name, contents.config.version});

    Goal goal = locked_goal(selected);
    goal.editables.clear();  // an editable folder does not exist on the target
    prepare_sources(goal, python, session);
    Resolution resolution = locked_resolution(selected, from.path.parent_path(), session);
    const Tools with = tools_for(goal, session);
    const std::map<PackageName, Original> originals = obtain_originals(resolution, with);
    TransactionRequest request =
        with_wheels(plan_install(goal, resolution, {}, false), {}, false, {}, goal, session);
    std::sort(request.install.begin(), request.install.end(),
              [](const WantedPackage& a, const WantedPackage& b) { return a.name < b.name; });
    check_built(request.install, wanted);
    const fs::path folder = out.folder.path() / std::to_string(out.targets.size());
    make_directories(folder);
    add_packages(request.install, originals, folder, contents);
    if (of_environment)
      for (BundlePackage& package : contents.config.packages)
        package.requested = from.requested.count(package.name) != 0;
    const bool with_bytecode = command.with_bytecode || (command.with_python && !command.without_bytecode);
    if (command.with_python || with_bytecode) {
      const Runtime runtime = obtain_runtime(python, session.store(), session.workers(), session.reporter());
      if (command.with_python) {
        contents.runtime = folder / "runtime.tar.gz";
        write_runtime_blob(runtime, *contents.runtime);
      }
      if (with_bytecode) add_bytecode(request.install, runtime, wanted.python, folder, contents, with);
    }
    out.targets.push_back(std::move(contents));
  }
  for (BundleContents& contents : out.targets) contents.config.created = created;
  return out;
}

}  // namespace moat
