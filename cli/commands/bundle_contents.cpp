// Collects a bundle: for each target the packages that its lock selects.
#include "cli/commands/bundle.h"
#include "cli/commands/sync.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/open_env.h"
#include "cli/session/source_setup.h"
#include "cli/session/tools.h"
#include "cli/settings/index_list.h"
#include "envs/deploy/bytecode_blob.h"
#include "envs/deploy/runtime_blob.h"
#include "envs/install/environment_lock.h"
#include "envs/project/project_files.h"
#include "envs/project/workspace.h"
#include "fetch/archive/archive.h"
#include "fetch/download/originals.h"
#include "fetch/store/wheel_file.h"
#include "resolver/base/text.h"
#include "resolver/files/pyproject.h"
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

// The project next to a lock, as far as its files describe it.
struct ProjectBeside {
  ProjectTable table;
  bool is_packaged =
      false;  // it has a build system: then it is a package, and not only a list of its requirements
};

std::optional<ProjectBeside> project_beside(const fs::path& lock) {
  const auto text = read_file_if_exists(lock.parent_path() / "pyproject.toml");
  if (!text) return std::nullopt;
  const auto file = PyProject::parse(*text);
  if (!file) return std::nullopt;
  auto table = file->project();
  if (!table || !*table) return std::nullopt;
  return ProjectBeside{std::move(**table), find_key(file->table(), "build-system") != nullptr};
}

// The project itself, if its pylock.toml does not list it: it is built like any folder in a lock.
std::optional<LockedPackage> own_package(const std::optional<ProjectBeside>& project, const fs::path& lock,
                                         const std::vector<SelectedPackage>& selected) {
  if (!project || !project->is_packaged || lock.filename() != "pylock.toml") return std::nullopt;
  for (const SelectedPackage& one : selected)
    if (one.package->name == project->table.name) return std::nullopt;
  LockedPackage own{.name = project->table.name};
  own.direct = DirectSource{.kind = DirectSourceKind::Directory};
  own.direct->path = lock.parent_path().native();
  return own;
}

// The packages of the lock's project, and of all members of its workspace, if their names are known and the
// lock does not list them; else the project next to the lock.
std::vector<LockedPackage> own_packages_of(const std::optional<ProjectBeside>& beside, const fs::path& lock,
                                           const std::vector<SelectedPackage>& selected,
                                           const Settings& settings) {
  std::vector<LockedPackage> out;
  if (lock.filename() == "pylock.toml" && project_folder(settings) == lock.parent_path()) {
    for (const OwnPackage& own : own_packages(settings)) {
      if (!own.name || std::any_of(selected.begin(), selected.end(), [&](const SelectedPackage& one) {
            return one.package->name == *own.name;
          }))
        continue;
      LockedPackage package{.name = *own.name};
      package.direct = DirectSource{.kind = DirectSourceKind::Directory};
      package.direct->path = own.folder.native();
      out.push_back(std::move(package));
    }
    return out;
  }
  if (std::optional<LockedPackage> own = own_package(beside, lock, selected)) out.push_back(std::move(*own));
  return out;
}

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

// Downloaded wheels are added as they were served; from here on they come from the store.
std::map<PackageName, Original> obtain_originals(Resolution& resolution, const Tools& with) {
  std::vector<FileOrder> orders;
  std::vector<ResolvedPackage*> packages;
  for (ResolvedPackage& package : resolution.packages) {
    if (!package.file.wheel) continue;
    orders.push_back({package.file.artifact, package.accepted});
    packages.push_back(&package);
  }
  const std::vector<Original> files =
      obtain_originals(orders, with.http, with.store, with.workers, with.reporter, with.stop);
  std::map<PackageName, Original> out;
  for (std::size_t i = 0; i < files.size(); ++i) {
    packages[i]->file.artifact.url = Url::from_path(files[i].file.native());
    out.emplace(packages[i]->name, files[i]);
  }
  return out;
}

// A path on this machine means nothing elsewhere.
std::optional<std::string> portable(const std::optional<std::string>& direct_url) {
  const auto from = direct_url ? DirectUrl::parse(*direct_url) : std::nullopt;
  return from && !from->url.starts_with("file:") ? direct_url : std::nullopt;
}

// Adds the packages to the contents. Wheels that were built are written into `folder`.
void add_packages(const std::vector<WantedPackage>& wanted, const std::map<PackageName, Original>& originals,
                  const fs::path& folder, BundleContents& contents) {
  for (const WantedPackage& package : wanted) {
    BundlePackage out{package.name, package.version, package.wheel.filename,      {}, 0, package.requested,
                      false,        package.index,   portable(package.direct_url)};
    const auto original = originals.find(package.name);
    if (original != originals.end()) {
      out.sha256 = original->second.sha256;
      out.size = original->second.size;
      contents.wheels.push_back(original->second.file);
    } else {
      const fs::path file = folder / package.wheel.filename;
      write_wheel_file(package.wheel, file);
      out.built = true;
      out.sha256 = hash_file(file);
      out.size = fs::file_size(file);
      contents.wheels.push_back(file);
    }
    contents.config.packages.push_back(std::move(out));
  }
}

// Bytecode from this Python is valid for every one of its minor version.
void add_bytecode(const std::vector<WantedPackage>& packages, const Runtime& runtime,
                  const BundlePython& wanted, const fs::path& folder, BundleContents& contents,
                  Session& session) {
  if (!wanted.fits(runtime.interpreter))
    throw Error(ErrorKind::Usage,
                fmt::format("`--with-bytecode` requires {}, and this is {} {}", wanted.to_string(),
                            runtime.interpreter.implementation, runtime.interpreter.version),
                {fmt::format("name one that is here with `-p {}.{}`", wanted.major, wanted.minor)});
  std::vector<StoredWheel> wheels;
  for (const WantedPackage& package : packages) wheels.push_back(package.wheel);
  const std::vector<StoredBytecode> bytecode =
      obtain_bytecode(wheels, runtime, session.store(), session.workers(), session.reporter());
  contents.config.bytecode = bytecode_key(runtime.interpreter);
  contents.bytecode.resize(bytecode.size());
  session.workers().for_each(bytecode.size(), [&](std::size_t i) {
    if (bytecode[i].files.empty()) return;
    BundlePackage& package = contents.config.packages[i];
    const fs::path file = contents.bytecode[i] = folder / (package.filename + ".bytecode");
    write_bytecode_blob(bytecode[i], file);
    package.bytecode = BundleBlob{.sha256 = hash_file(file), .size = fs::file_size(file)};
  });
}

BundlePython python_of(const Interpreter& interpreter) {
  return {.implementation = interpreter.implementation,
          .version = interpreter.version,
          .major = interpreter.major,
          .minor = interpreter.minor,
          .free_threaded = interpreter.free_threaded};
}

// --- targets ---

// A machine and its Python.
struct BundleFor {
  Target target;
  BundlePython python;
  std::string architecture;
};

BundleFor here(const Interpreter& python) {
  return {target_of(python), python_of(python), python.markers.platform_machine};
}

// From tables: neither the machine nor its Python must be here.
BundleFor elsewhere(const std::string& version, const std::string& platform, const Interpreter& python) {
  std::vector<std::string> platforms;
  if (!platform.empty()) platforms.push_back(platform);
  Expected<Target> target = foreign_target(version, platforms, platform.empty() ? &python : nullptr);
  if (!target)
    throw Error(ErrorKind::Usage,
                fmt::format("target {} {}: {}", quote(platform), version, target.error().message));
  if (target->environment.sys_platform != "linux")
    throw Error(
        ErrorKind::Usage,
        fmt::format("--platform: {} is not Linux, which is what `moat deploy` runs on", quote(platform)),
        {"--platform linux-x86_64, --platform manylinux_2_28_aarch64"});
  const auto part = [&](std::size_t at) {
    return static_cast<unsigned>(target->python.release_at(at).as_uint64().value_or(0));
  };
  BundlePython wanted{.implementation = "cpython",
                      .version = target->python.to_string(),
                      .major = part(0),
                      .minor = part(1),
                      .free_threaded = false};
  std::string architecture = target->environment.platform_machine;
  return {std::move(*target), std::move(wanted), std::move(architecture)};
}

// Each platform with each Python; this machine if neither is named.
std::vector<BundleFor> targets_of(const BundleCommand& command, const Interpreter& python) {
  if (command.platforms.empty() && command.python_versions.empty()) return {here(python)};
  if (command.with_python)
    throw Error(ErrorKind::Usage,
                "`--with-python` cannot be used together with `--platform` or `--python-version`: the Python "
                "that is here does not run elsewhere",
                {"make that bundle on a machine of that kind"});
  const std::vector<std::string> none{""}, own{python.major_minor()};
  std::vector<BundleFor> out;
  for (const std::string& version : command.python_versions.empty() ? own : command.python_versions)
    for (const std::string& platform : command.platforms.empty() ? none : command.platforms)
      out.push_back(elsewhere(version, platform, python));
  return out;
}

// --- together ---

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
  return {read_pylock(path, session), read_named_file(path), path, {}};
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

// Built wheels must run on the target.
void check_built(const std::vector<WantedPackage>& packages, const BundleFor& wanted) {
  for (const WantedPackage& package : packages) {
    const auto wheel = WheelFilename::parse(package.wheel.filename);
    if (wheel && !wanted.target.tags.rank(wheel->tags))
      throw Error(ErrorKind::NoSolution,
                  fmt::format("{} was built here, and does not run on {}", quote(package.wheel.filename),
                              wanted.target.description),
                  {fmt::format("lock a version of {} that has wheels for it, or make the bundle there",
                               package.name.display())});
  }
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
    const std::map<PackageName, Original> originals = obtain_originals(resolution, tools_for(goal, session));
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
      if (with_bytecode) add_bytecode(request.install, runtime, wanted.python, folder, contents, session);
    }
    out.targets.push_back(std::move(contents));
  }
  for (BundleContents& contents : out.targets) contents.config.created = created;
  return out;
}

}  // namespace moat
