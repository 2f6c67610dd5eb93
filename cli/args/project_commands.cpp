// The command line of a project, its lock and its environment.
#include "cli/args/commands_declared.h"
#include "cli/args/declaration.h"
#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <utility>

namespace moat {
namespace {

// Which part of a project's lock is installed, and whether the lock may change.
void declare_choice(Declaration& d, SyncCommand& sync) {
  d.values("--extra", sync.extras, "NAME", "with this extra");
  d.flag("--all-extras", sync.all_extras, "with every extra of the project");
  d.values("--group", sync.groups, "NAME",
           "with this dependency group; of a lock that is named: instead of its default ones");
  d.flag("--no-default-groups", sync.no_default_groups, "without the default groups");
  d.values("--only-group", sync.only_groups, "NAME", "this dependency group and nothing else");
  d.flag("--no-project", sync.no_project, "without the project itself");
  d.flag("--no-editable", sync.no_editable, "the project itself as a wheel, not editable");
  d.value("--package", sync.package, "NAME", "this member of the workspace, and what it requires");
  d.flag("--locked", sync.locked, "exit 1 if the lock is not up to date");
  d.flag("--frozen", sync.frozen, "take the lock as it is");
  d.finish.emplace_back([&sync] {
    if (sync.locked && sync.frozen)
      throw Error(ErrorKind::Usage, "`--locked` and `--frozen` cannot be used together");
  });
}

void check_one_list(bool dev, bool group, bool optional) {
  if (int{dev} + int{group} + int{optional} > 1)
    throw Error(ErrorKind::Usage, "`--dev`, `--group` and `--optional` cannot be used together");
}

template <class Command>
void check_script(const Command& command) {
  if (command.script && (command.dev || command.group || command.optional || command.package))
    throw Error(ErrorKind::Usage, "a script has no groups and no extras: `--script` stands alone");
}

}  // namespace

void declare_run(Declaration& d) {
  RunCommand& run = d.invocation.command.emplace<RunCommand>();
  d.flag("--pure", run.pure, "without PYTHON*, PIP_* and the rest of PATH");
  d.values("--with", run.with, "PACKAGE", "with this package as well, for this run only");
  d.flag("--refresh", d.invocation.shared.refresh, "choose versions again for --with or a script");
  const std::string group = std::exchange(d.group, "Project");
  declare_choice(d, run.sync);
  run.sync.inexact = true;
  d.flag("--no-sync", run.no_sync, "leave lock and environment as they are");
  d.value("--matrix", run.matrix, "X.Y,…",
          "run CMD once with each of these Pythons, in an environment of its own");
  d.group = group;
  declare_environment(d);
  declare_python(d, "the Python that a script is run with; the environment's must be this one");
  d.flag("-m", run.module, "run the module that follows, as `python -m` does");
  declare_index(d);
  d.finish.emplace_back([&d, &run] {
    if (const auto typed = typed_in_group(d, "Index")) run.about_packages = *typed;
    if (const auto typed = typed_in_group(d, "Project")) run.about_project = *typed;
    if (d.invocation.shared.refresh) run.about_packages = "--refresh";
  });
}

void declare_lock(Declaration& d) {
  LockCommand& lock = d.invocation.command.emplace<LockCommand>();
  d.values("-r,--requirement", lock.requirement_files, "FILE",
           "what this requirements file asks for (default: the project's dependencies)");
  d.values("-c,--constraint", lock.constraint_files, "FILE", "limits versions, asks for nothing");
  d.value("--script", lock.script, "FILE",
          "what this script asks for in its own metadata; the lock goes beside it");
  d.values("--group", lock.groups, "NAME",
           "also this dependency group of pyproject.toml (or PATH/pyproject.toml:NAME)");
  d.flag("--no-groups", lock.no_groups, "without the groups of the existing lock of requirements files");
  d.value("-o,--output", lock.output, "FILE", "default: pylock.toml beside pyproject.toml, or here");
  d.one_of("--format", lock.format, "FORM", {"pylock", "requirements"},
           "pylock or requirements (default: by FILE's name, pylock.toml or .txt)");
  declare_python(d, "the interpreter to lock for");
  d.values("--python-version", lock.python_versions, "X.Y[.Z]",
           "lock for this Python, which need not be here; several: for each of them");
  d.values("--platform", lock.platforms, "TARGET",
           "lock for this platform: linux-x86_64, manylinux_2_28_x86_64, …; several: for each of them");
  d.flag("--universal", lock.universal,
         "lock for every platform, and for the Pythons that requires-python admits");
  d.one_of(
      "--fork", d.invocation.shared.fork, "MODE", {"requires-python", "fewest"},
      "where new versions drop a Python: requires-python (the newest for each), or fewest (one for all)");
  d.flag("-U,--upgrade", lock.upgrade, "ignore the locked versions");
  d.values("-P,--upgrade-package", lock.upgrade_packages, "NAME",
           "ignore the locked version of this package");
  d.flag("--merge", lock.merge, "merge two locks, as git's merge driver: `moat lock --merge %O %A %B`");
  d.positional("FILE", lock.merge_files, "`--merge`: the common base, our lock, and their lock");
  d.flag("--check", lock.check, "change nothing; exit 1 if the lock would change");
  d.flag("--dry-run", lock.dry_run, "say what would change, and change nothing");
  d.value("--env", d.invocation.shared.env, "PATH|NAME", "lock for this environment's Python");
  d.finish.emplace_back([&lock] {
    if (lock.no_groups && !lock.groups.empty())
      throw Error(ErrorKind::Usage, "`--group` and `--no-groups` cannot be used together");
    constexpr std::size_t kSides = 3;
    if (lock.merge ? lock.merge_files.size() != kSides : !lock.merge_files.empty())
      throw Error(
          ErrorKind::Usage,
          lock.merge ? "`--merge` takes three files: the common base, our lock, and their lock"
                     : fmt::format("moat lock takes no arguments (got {})", lock.merge_files.front()),
          {lock.merge ? "moat lock --merge %O %A %B" : "`moat lock -r FILE` locks what a file asks for"});
    if (lock.script && !(lock.requirement_files.empty() && lock.groups.empty()))
      throw Error(ErrorKind::Usage,
                  "`--script` cannot be used together with `-r` or `--group`: a script says "
                  "everything itself");
  });
  declare_resolver(d);
  declare_index(d);
  declare_build(d);
}

void declare_init(Declaration& d) {
  InitCommand& init = d.invocation.command.emplace<InitCommand>();
  d.positional("PATH", init.path, "the project's folder (default: here)");
  d.value("--name", init.name, "NAME", "its name (default: the folder's)");
  d.flag("--package", init.package, "with a [build-system], a module below src and a command");
  declare_python(d, "the Python it is for: `requires-python`");
}

void declare_add(Declaration& d) {
  AddCommand& add = d.invocation.command.emplace<AddCommand>();
  d.positional("REQ", add.requirements, "a requirement, or the path or URL of a package");
  d.values("--editable", add.editables, "FOLDER", "a folder, installed so that edits count");
  d.flag("--dev", add.dev, "to the dependency group `dev`");
  d.value("--group", add.group, "NAME", "to this dependency group");
  d.value("--optional", add.optional, "EXTRA", "to this extra");
  d.value("--package", add.package, "NAME", "to this member of the workspace");
  d.value("--script", add.script, "FILE", "to the metadata of this script, and to its lock if it has one");
  d.value("--bounds", add.bounds, "KIND",
          "of a REQ without a version: lower (default), exact, compatible or none");
  d.flag("--raw", add.raw, "write REQ as it is typed");
  d.flag("--no-sync", add.no_sync, "leave the environment alone");
  d.flag("--dry-run", add.dry_run, "say what would change, and change nothing");
  declare_environment(d);
  declare_python(d, "the Python of the environment, if it is created now");
  declare_resolver(d);
  declare_index(d);
  declare_build(d);
  declare_link(d);
  d.finish.emplace_back([&d, &add] {
    const SharedOptions& shared = d.invocation.shared;
    if (shared.index_url) add.passing_index = "--index-url";
    if (!shared.find_links.empty()) add.passing_index = "--find-links";
    if (!shared.extra_index_urls.empty()) add.passing_index = "--extra-index-url";
    if (!shared.indexes.empty()) add.passing_index = "--index";
    check_one_list(add.dev, add.group.has_value(), add.optional.has_value());
    check_script(add);
    if (add.requirements.empty() && add.editables.empty())
      throw Error(ErrorKind::Usage, "missing argument: REQ", {"moat add flask"});
  });
}

void declare_remove(Declaration& d) {
  RemoveCommand& remove = d.invocation.command.emplace<RemoveCommand>();
  d.positional("NAME", remove.names, "a package that pyproject.toml names")->required();
  d.flag("--dev", remove.dev, "from the dependency group `dev`");
  d.value("--group", remove.group, "NAME", "from this dependency group");
  d.value("--optional", remove.optional, "EXTRA", "from this extra");
  d.value("--package", remove.package, "NAME", "from this member of the workspace");
  d.value("--script", remove.script, "FILE", "from the metadata of this script");
  d.flag("--no-sync", remove.no_sync, "leave the environment alone");
  d.flag("--dry-run", remove.dry_run, "say what would change, and change nothing");
  declare_environment(d);
  d.finish.emplace_back([&remove] {
    check_one_list(remove.dev, remove.group.has_value(), remove.optional.has_value());
    check_script(remove);
  });
}

void declare_export(Declaration& d) {
  ExportCommand& command = d.invocation.command.emplace<ExportCommand>();
  d.positional("LOCK", command.choice.lock,
               "a pylock.toml (default: the project's, which has to be up to date)");
  d.value("--format", command.format, "FORM",
          "requirements (default: with hashes), constraints, pylock (for one target) or cyclonedx")
      ->check([](const std::string& form) {
        const bool is_known =
            form == "requirements" || form == "constraints" || form == "pylock" || form == "cyclonedx";
        return is_known ? std::string()
                        : "requirements, constraints, pylock or cyclonedx, not " + quote(form);
      });
  d.value("-o,--output", command.output, "FILE", "write this file, instead of standard output");
  d.values("--extra", command.choice.extras, "NAME", "with this extra");
  d.flag("--all-extras", command.choice.all_extras, "with every extra of the project");
  d.values("--group", command.choice.groups, "NAME", "with this dependency group");
  d.flag("--no-default-groups", command.choice.no_default_groups, "without the default groups");
  d.values("--only-group", command.choice.only_groups, "NAME", "this dependency group and no other");
  d.flag("--frozen", command.choice.frozen, "take the project's lock as it is");
  d.value("--env", d.invocation.shared.env, "PATH|NAME", "`pylock`: for this environment's Python");
  declare_python(d, "`pylock`: for this Python");
}

void declare_build_command(Declaration& d) {
  BuildCommand& build = d.invocation.command.emplace<BuildCommand>();
  d.flag("--sdist", build.sdist, "the source distribution only");
  d.flag("--wheel", build.wheel, "the wheel only, from the folder as it is");
  d.value("-o,--output", build.output, "DIR", "where to (default: dist)");
  declare_python(d, "the Python that builds");
  declare_index(d);
  declare_build(d);
}

void declare_import(Declaration& d) {
  ImportCommand& import = d.invocation.command.emplace<ImportCommand>();
  d.positional("FILE", import.file,
               "poetry.lock, uv.lock, pdm.lock, Pipfile.lock, environment.yml or a requirements file")
      ->required();
  d.flag("--dry-run", import.dry_run, "say what would change, and change nothing");
  declare_resolver(d);
  declare_index(d);
  declare_build(d);
}

void declare_cache_key(Declaration& d) {
  d.positional("LOCK", d.invocation.command.emplace<CacheKeyCommand>().lock,
               "a lock (default: pylock.toml of the project)");
  declare_python(d, "the Python that it is installed for");
}

void declare_sync(Declaration& d) {
  SyncCommand& sync = d.invocation.command.emplace<SyncCommand>();
  d.positional("LOCK", sync.lock, "pylock*.toml, or requirements.txt with hashes (default: pylock.toml)");
  declare_choice(d, sync);
  d.flag("--inexact", sync.inexact, "leave what the lock does not name");
  d.flag("--dry-run", sync.dry_run, "say what would change, and change nothing");
  declare_environment(d);
  declare_python(d, "the Python of the environment, if it is created now");
  declare_resolver(d);
  declare_index(d);
  declare_build(d);
  declare_link(d);
}

}  // namespace moat
