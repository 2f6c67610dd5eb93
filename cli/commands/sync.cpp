// moat sync [LOCK]: the environment becomes what the lock says.
#include "cli/changes.h"
#include "cli/commands/commands.h"
#include "cli/install_pipeline.h"
#include "cli/open_env.h"
#include "cli/redact.h"
#include "cli/source_setup.h"
#include "fetch/os/file.h"
#include "fetch/wheels.h"
#include "resolver/base/text.h"
#include "resolver/lockfile.h"
#include "resolver/pep/metadata.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

fs::path lock_path(const SyncCommand& command, const Settings& settings) {
  if (command.lock) return (settings.working_directory / *command.lock).lexically_normal();
  const fs::path folder = settings.pyproject ? settings.pyproject->parent_path() : settings.working_directory;
  fs::path path = folder / "pylock.toml";
  if (std::error_code ignored; !fs::exists(path, ignored))
    throw Error(ErrorKind::Usage, fmt::format("there is no {}", path.native()),
                {"`moat lock` makes it, or `moat sync FILE` names another one"});
  return path;
}

// With nothing found, an environment beside the lock's project.
Environment environment_for(const SyncCommand& command, Session& session, bool& created) {
  const Settings& settings = session.settings();
  const std::optional<ChosenEnvironment> chosen = choose_environment(settings, ForProject::Yes);
  const fs::path root = chosen ? chosen->root : settings.working_directory / ".venv";
  const bool may_be_made = !chosen || chosen->by == ChosenBy::Project || chosen->by == ChosenBy::User;
  created = may_be_made && !Environment::exists_at(root) && !command.dry_run;
  return created ? create_and_say(root, session) : open_for_change(session, ForProject::Yes);
}

Pylock read_lock(const fs::path& path, Session& session) {
  std::vector<std::string> warnings;
  Expected<Pylock> lock = parse_pylock(read_named_file(path), path.filename().native(), &warnings);
  if (!lock) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", path.native(), lock.error().message));
  for (const std::string& warning : warnings) session.reporter().warn(warning);
  return std::move(*lock);
}

template <class Name>
std::set<Name> names_of(const std::vector<std::string>& texts, std::string_view option) {
  std::set<Name> out;
  for (const std::string& text : texts) {
    Expected<Name> name = Name::parse(text);
    if (!name)
      throw Error(ErrorKind::Usage, fmt::format("{}: {}: {}", option, quote(text), name.error().message));
    out.insert(std::move(*name));
  }
  return out;
}

std::vector<SelectedPackage> select(const Pylock& lock, const SyncCommand& command, const Target& target) {
  const auto groups = names_of<GroupName>(command.groups, "--group");
  return select_packages(lock, target, names_of<ExtraName>(command.extras, "--extra"),
                         groups.empty() ? std::nullopt : std::optional(groups));
}

// Where a file or a repository is got from: the path, as the specification has it. Where nothing lies there
// (any more) the URL may still have it; the hash or the commit says whether it is the same.
Expected<Url> place_of(const std::string& path, const std::string& url, const fs::path& lock_directory) {
  const fs::path local = (lock_directory / path).lexically_normal();
  std::error_code ignored;
  if (!path.empty() && (url.empty() || fs::exists(local, ignored))) return Url::from_path(local.native());
  return Url::parse(url);
}

Artifact artifact_of(const LockedFile& file, const fs::path& lock_directory) {
  const Expected<Url> url = place_of(file.path, file.url, lock_directory);
  if (!url)
    throw Error(ErrorKind::BadInput,
                fmt::format("{}: {}", quote(hide_credentials(file.url)), url.error().message));
  return {.filename = file.name,
          .url = *url,
          .digests = file.hashes,
          .size = file.size,
          .upload_time = file.upload_time};
}

Error bad_entry(const LockedPackage& package, const std::string& why) {
  return Error(ErrorKind::BadInput, fmt::format("{}: {}", quote(package.name.display()), why));
}

// What the entry names directly, if it does.
std::optional<SourceUrl> source_of(const LockedPackage& package, const fs::path& lock_directory) {
  if (!package.direct) return std::nullopt;
  const DirectSource& direct = *package.direct;
  SourceUrl out;
  out.subdirectory = direct.subdirectory;
  const std::string& path = direct.kind == DirectSourceKind::Archive ? direct.archive.path : direct.path;
  const std::string& url = direct.kind == DirectSourceKind::Archive ? direct.archive.url : direct.url;
  const Expected<Url> where = place_of(path, url, lock_directory);
  if (!where) throw bad_entry(package, where.error().message);
  out.url = *where;
  switch (direct.kind) {
    case DirectSourceKind::Vcs: {
      if (direct.vcs_type != "git")
        throw bad_entry(package,
                        fmt::format("moat takes sources from git only, not from {}", direct.vcs_type));
      out.kind = SourceKind::Git;
      out.commit = direct.commit_id;
      out.revision = direct.requested_revision;
      const Expected<SourceUrl> again = SourceUrl::parse(pinned_text(out));
      if (!again || again->revision != out.commit || out.commit.size() < 40)
        throw bad_entry(package, again ? "its commit-id is not one" : again.error().message);
      break;
    }
    case DirectSourceKind::Directory:
      out.kind = SourceKind::Directory;
      break;
    case DirectSourceKind::Archive:
      out.kind = direct.archive.name.ends_with(".whl") ? SourceKind::Wheel : SourceKind::Archive;
      break;
  }
  return out;
}

// A folder's version is what it now says; a build may be needed to know.
Version learn_version(const LockedPackage& package, const SourceUrl& source, Session& session) {
  SourcePolicy& policy = session.source_policy();
  const ObtainedSource& obtained = session.sources().obtain(SourceOrder::of(source), session.stop());
  const auto core = CoreMetadata::parse(source_metadata(obtained, package.name, std::nullopt,
                                                        policy.settings_for(package.name),
                                                        policy.asker(package.name), session.stop()));
  if (!core || core->name != package.name)
    throw bad_entry(package, core ? "its source is " + quote(core->name.display()) : core.error().message);
  return core->version;
}

// What the lock installs, in terms of the pipeline; a lock holds no requirements, so what nothing else in it
// needs counts as asked for.
Resolution as_resolution(const std::vector<SelectedPackage>& selected, const fs::path& lock_directory,
                         Session& session) {
  Resolution resolution;
  for (const SelectedPackage& one : selected) {
    const LockedPackage& package = *one.package;
    ReleaseFile file;
    file.direct = source_of(package, lock_directory);
    if (one.file != nullptr)
      file.artifact = artifact_of(*one.file, lock_directory);
    else
      file.artifact = SourceOrder::of(*file.direct).artifact;
    std::optional<Version> version = package.version;
    if (one.file != nullptr && one.file->name.ends_with(".whl")) {
      Expected<WheelFilename> wheel = WheelFilename::parse(one.file->name);
      if (!wheel) throw bad_entry(package, wheel.error().message);
      if (!version) version = wheel->version;
      file.wheel = std::move(*wheel);
    } else if (!version) {
      version = file.direct ? learn_version(package, *file.direct, session)
                            : SdistFilename::parse(one.file->name, package.name)->version;
    }
    resolution.packages.push_back(
        {package.name, *version, nullptr, std::move(file), {}, {}, {}, package.index, {}});
    if (one.file != nullptr && resolution.packages.back().file.wheel)
      resolution.packages.back().accepted = one.file->hashes;
  }
  return resolution;
}

Goal as_goal(const std::vector<SelectedPackage>& selected) {
  std::set<PackageName> needed;
  for (const SelectedPackage& one : selected)
    for (const auto& [name, version] : one.package->dependencies) needed.insert(name);
  Goal goal;
  for (const SelectedPackage& one : selected) {
    const LockedPackage& package = *one.package;
    RootRequirement root{*Requirement::parse(package.name.display()), {}, {}};
    if (package.direct && package.direct->editable) goal.editables.insert(package.name);
    if (needed.count(package.name) == 0 || package.direct) goal.requirements.push_back(std::move(root));
  }
  return goal;
}

// A requirements file pins everything itself: nothing is looked for beyond it.
Goal pinned_goal(const fs::path& path, Session& session) {
  Goal goal = read_goal({}, {path.native()}, {}, session);
  // What has hashes and says that not all of it has is a lock of folders and commits, too.
  const bool says_so = goal.file_options.require_hashes == false &&
                       std::any_of(goal.requirements.begin(), goal.requirements.end(),
                                   [](const RootRequirement& root) { return !root.hashes.empty(); });
  if (!goal.require_hashes && !says_so)
    throw Error(
        ErrorKind::BadInput, fmt::format("{} has no hashes, so it is no lock", path.native()),
        {fmt::format("`moat lock -r {0}` makes one; `moat install -r {0}` installs without", path.native())});
  return goal;
}

}  // namespace

int execute(const SyncCommand& command, Session& session) {
  const fs::path path = lock_path(command, session.settings());
  const bool requirements = path.extension() != ".toml";
  std::optional<Pylock> lock;
  Goal goal;
  if (requirements)
    goal = pinned_goal(path, session);
  else
    lock = read_lock(path, session);

  bool created = false;
  const Environment environment = environment_for(command, session, created);
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const Present present = Present::of(environment, installed);
  const Target target = target_of(environment.interpreter());

  std::vector<SelectedPackage> selected;
  if (!requirements) {
    selected = select(*lock, command, target);
    goal = as_goal(selected);
  }
  NewFolders clones = prepare_sources(goal, environment.interpreter(), session, environment, command.dry_run);
  Resolution resolution;
  if (!requirements) {
    resolution = as_resolution(selected, path.parent_path(), session);
  } else {
    resolution = resolve_goal(goal, {.no_deps = true}, target, present.versions, session);
  }
  const InstallPlan plan = plan_install(goal, resolution, present, false);
  TransactionRequest request =
      command.dry_run ? without_wheels(plan)
                      : with_wheels(plan, present, false,
                                    runtime_inside(environment.root(), environment.interpreter()), session);
  if (!command.inexact)
    for (const InstalledDistribution& distribution : installed.all)
      if (std::none_of(resolution.packages.begin(), resolution.packages.end(),
                       [&](const ResolvedPackage& package) { return package.name == distribution.name; }))
        request.remove.insert(distribution.name);

  ChangeReport report{.environment = environment.root(),
                      .state = environment.manifest_without_files().state,
                      .dry_run = command.dry_run,
                      .created = created,
                      .nothing = "the environment is what the lock says"};
  report.take_files(plan);
  if (command.dry_run) {
    report.operations = plan_operations(installed, request);
  } else if (!request.install.empty() || !request.remove.empty() || !request.mark_requested.empty()) {
    report.take(apply(std::move(request), environment, session));
  }
  clones.keep();
  report_changes(report, session);
  return 0;
}

}  // namespace moat
