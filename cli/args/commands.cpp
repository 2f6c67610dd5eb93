#include "cli/args/commands.h"

#include "cli/args/declaration.h"
#include "cli/shell_word.h"
#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace moat {
namespace {

// `moat create six click`: is six a folder? One word alone is.
void check_is_folder(const std::vector<std::string>& words) {
  const std::string& first = words.front();
  if (words.size() == 1 || first.starts_with('.') || first.find('/') != std::string::npos) return;
  std::string all, rest;
  for (const std::string& word : words) {
    all += " " + shell_word(word);
    if (&word != &first) rest += " " + shell_word(word);
  }
  throw Error(ErrorKind::Usage, fmt::format("{} may be a folder or a package", quote(first)),
              {fmt::format("`moat create ./{}{}` makes an environment in that folder", first, rest),
               fmt::format("`moat create .venv{}` makes ./.venv with all of these", all)});
}

void declare_create(Declaration& d) {
  CreateCommand& create = d.invocation.command.emplace<CreateCommand>();
  d.positional("ENV", d.words,
               "where (default: ./.venv), then packages to install; with -n all are packages");
  d.value("-n,--name", create.name, "NAME", "a named environment, found by this name from everywhere");
  declare_python(d, "3.12, >=3.10, cpython@3.13, pypy@3.10, or a path");
  d.values("-r,--requirement", create.requirement_files, "FILE",
           "install what this requirements file asks for");
  d.values("--group", create.groups, "NAME",
           "install this dependency group of pyproject.toml (or PATH/pyproject.toml:NAME)");
  d.value("--prompt", create.prompt, "TEXT", "what the shell's prompt shows");
  d.flag("--replace", create.replace, "make way for the new one where an environment is there already");
  d.flag("--share", create.share, "hard-link the runtime: quicker, but not isolated");
  d.flag("--pip", create.pip, "put pip inside, too");
  declare_resolver(d);
  declare_index(d);
  declare_build(d);
  declare_link(d);
  d.finish.emplace_back([&d, &create] {
    const bool first_is_env = !create.name && !d.words.empty();
    if (first_is_env) check_is_folder(d.words);
    if (create.share && d.invocation.shared.link_mode)
      throw Error(ErrorKind::Usage,
                  "`--share` and `--link-mode` cannot be used together: both say how files are placed");
    if (first_is_env) create.path = d.words.front();
    create.packages.assign(d.words.begin() + (first_is_env ? 1 : 0), d.words.end());
  });
}

void declare_install(Declaration& d) {
  InstallCommand& install = d.invocation.command.emplace<InstallCommand>();
  d.positional(
      "PACKAGE", install.packages,
      "a requirement (`flask>=3`), or the path or URL of a wheel, sdist, folder or git+… repository");
  d.values("-e,--editable", install.editables, "FOLDER",
           "a folder (or git+ URL, cloned into ENV/src), installed so that edits count");
  d.values("-r,--requirement", install.requirement_files, "FILE", "what this requirements file asks for");
  d.values("-c,--constraint", install.constraint_files, "FILE", "limits versions, asks for nothing");
  d.values("--group", install.groups, "NAME",
           "what is in this dependency group of pyproject.toml (or PATH/pyproject.toml:NAME)");
  d.flag("-U,--upgrade", install.upgrade, "newest versions allowed, of everything involved");
  d.values("-P,--upgrade-package", install.upgrade_packages, "NAME",
           "newest version allowed, of this package");
  d.flag("--reinstall", install.reinstall, "place the files again, whatever is there");
  d.flag("--no-deps", install.no_deps, "only what is named");
  d.flag("--dry-run", install.dry_run, "say what would change, and change nothing");
  d.flag("--require-hashes", install.require_hashes, "every requirement must be pinned with a hash");
  d.value("--fix", install.fix, "N", "loosen a line as the conflict's fix N says");
  declare_environment(d);
  declare_python(d, "the Python of --user's environment, where it is made now");
  declare_resolver(d);
  declare_index(d);
  declare_build(d);
  declare_link(d);
  d.finish.emplace_back([&install] {
    if (install.packages.empty() && install.editables.empty() && install.requirement_files.empty() &&
        install.groups.empty())
      throw Error(ErrorKind::Usage, "nothing to install", {"`moat install PACKAGE…`, or `-r FILE`"});
  });
}

void declare_upgrade(Declaration& d) {
  UpgradeCommand& upgrade = d.invocation.command.emplace<UpgradeCommand>();
  d.positional("NAME", upgrade.names, "these packages (default: everything that is installed)");
  d.flag("--dry-run", upgrade.dry_run, "say what would change, and change nothing");
  declare_environment(d);
  declare_resolver(d);
  declare_index(d);
  declare_build(d);
  declare_link(d);
}

void declare_uninstall(Declaration& d) {
  UninstallCommand& uninstall = d.invocation.command.emplace<UninstallCommand>();
  d.positional("PACKAGE", uninstall.packages, "what to remove");
  d.flag("--orphans", uninstall.orphans, "and what only they needed");
  d.flag("--dry-run", uninstall.dry_run, "say what would change, and change nothing");
  declare_environment(d);
  d.finish.emplace_back([&uninstall] {
    if (uninstall.packages.empty() && !uninstall.orphans)
      throw Error(ErrorKind::Usage, "nothing to uninstall", {"`moat uninstall PACKAGE…`"});
  });
}

void declare_list(Declaration& d) {
  ListCommand& list = d.invocation.command.emplace<ListCommand>();
  d.flag("--outdated", list.outdated, "only what has a newer version, and which");
  d.one_of("--format", list.format, "FORM", {"columns", "freeze"}, "columns or freeze")
      ->check([](const std::string& form) {
        return form == "columns" || form == "freeze" ? std::string()
                                                     : "expected columns or freeze, not " + quote(form);
      });
  declare_environment(d);
  declare_index(d);
  d.finish.emplace_back([&d, &list] {
    if (const auto typed = typed_in_group(d, "Index"); typed && !list.outdated)
      throw Error(ErrorKind::Usage,
                  fmt::format("`{}` requires `--outdated`: nothing else uses an index", *typed));
  });
}

void declare_freeze(Declaration& d) {
  d.invocation.command.emplace<FreezeCommand>();
  declare_environment(d);
}

void declare_show(Declaration& d) {
  d.positional("NAME", d.invocation.command.emplace<ShowCommand>().names, "a package")->required();
  declare_environment(d);
}

void declare_tree(Declaration& d) {
  TreeCommand& tree = d.invocation.command.emplace<TreeCommand>();
  d.positional("NAME", tree.names, "begin at these (default: what was asked for by name)");
  d.flag("--invert", tree.invert, "who needs it, instead of what it needs");
  d.value("--depth", tree.depth, "N", "no deeper than this");
  declare_environment(d);
}

void declare_why(Declaration& d) {
  d.positional("NAME", d.invocation.command.emplace<WhyCommand>().names, "a package")->required();
  declare_environment(d);
}

void declare_which(Declaration& d) {
  d.positional("NAME", d.invocation.command.emplace<WhichCommand>().names,
               "a command, a module (`os.path`), or a package")
      ->required();
  declare_environment(d);
}

// What of a project's lock is installed, and whether the lock may change.
void declare_choice(Declaration& d, SyncCommand& sync) {
  d.values("--extra", sync.extras, "NAME", "with this extra");
  d.flag("--all-extras", sync.all_extras, "with every extra of the project");
  d.values("--group", sync.groups, "NAME",
           "with this dependency group; of a lock that is named: instead of its default ones");
  d.flag("--no-default-groups", sync.no_default_groups, "without the default groups");
  d.values("--only-group", sync.only_groups, "NAME", "this dependency group and nothing else");
  d.flag("--no-project", sync.no_project, "without the project itself");
  d.flag("--no-editable", sync.no_editable, "the project itself as a wheel, not editable");
  d.flag("--locked", sync.locked, "exit 1 where the lock is not up to date");
  d.flag("--frozen", sync.frozen, "take the lock as it is");
  d.finish.emplace_back([&sync] {
    if (sync.locked && sync.frozen)
      throw Error(ErrorKind::Usage, "`--locked` and `--frozen` cannot be used together");
  });
}

void declare_run(Declaration& d) {
  RunCommand& run = d.invocation.command.emplace<RunCommand>();
  d.flag("--pure", run.pure, "without PYTHON*, PIP_* and the rest of PATH");
  d.values("--with", run.with, "PACKAGE", "with this package, too, for this run only");
  d.flag("--refresh", d.invocation.shared.refresh, "choose versions anew for --with or a script");
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

void declare_shell(Declaration& d) {
  d.invocation.command.emplace<ShellCommand>();
  declare_environment(d);
}

void declare_tool_install(Declaration& d) {
  ToolInstallCommand& install = d.invocation.command.emplace<ToolInstallCommand>();
  d.positional("APP", install.app,
               "`ruff`, `ruff@0.4`, `ruff@latest`, a requirement, or the path or URL of a package")
      ->required();
  d.values("--with", install.with, "PACKAGE", "this package, too: a plugin, for example");
  d.flag("-U,--upgrade", install.upgrade, "newest versions allowed, of everything involved");
  declare_python(d, "the Python of its environment, where it is made now");
  declare_resolver(d);
  declare_index(d);
  declare_build(d);
  declare_link(d);
}

void declare_tool_run(Declaration& d) {
  ToolRunCommand& run = d.invocation.command.emplace<ToolRunCommand>();
  d.value("--from", run.from, "PACKAGE", "the package that has the command, where it is called otherwise");
  d.values("--with", run.with, "PACKAGE", "with this package, too, for this run only");
  d.flag("--refresh", d.invocation.shared.refresh, "choose versions again");
  declare_python(d, "the Python to run it with");
  declare_index(d);
  d.finish.emplace_back([&d, &run] {
    run.as_installed = !run.from && run.with.empty() && !d.invocation.shared.python &&
                       !d.invocation.shared.refresh && !typed_in_group(d, "Index");
  });
}

void declare_tool_list(Declaration& d) { d.invocation.command.emplace<ToolListCommand>(); }

void declare_tool_upgrade(Declaration& d) {
  ToolUpgradeCommand& upgrade = d.invocation.command.emplace<ToolUpgradeCommand>();
  d.positional("APP", upgrade.names, "these applications (default: all)");
  d.flag("--dry-run", upgrade.dry_run, "say what would change, and change nothing");
  declare_resolver(d);
  declare_index(d);
  declare_build(d);
  declare_link(d);
}

void declare_tool_uninstall(Declaration& d) {
  d.positional("APP", d.invocation.command.emplace<ToolUninstallCommand>().names, "what to remove")
      ->required();
}

void declare_doctor(Declaration& d) {
  DoctorCommand& doctor = d.invocation.command.emplace<DoctorCommand>();
  d.flag("--strict", doctor.strict, "notes count, too, but for the one about the system's libraries");
  d.flag("--repair", doctor.repair, "place again what is damaged, from the store or by fetching it");
  declare_environment(d);
}

void declare_audit(Declaration& d) {
  AuditCommand& audit = d.invocation.command.emplace<AuditCommand>();
  d.positional("LOCK", audit.lock, "pylock*.toml, or a requirements file of pins (default: the environment)");
  d.values("--ignore", d.invocation.shared.audit_ignore, "ID[@DATE]",
           "not this vulnerability; with a date, until that day");
  d.value("--advisories", d.invocation.shared.advisories, "FOLDER",
          "take vulnerabilities from the OSV records in this folder, instead of asking the indexes");
  declare_environment(d);
  declare_index(d);
  d.finish.emplace_back([&d, &audit] {
    if (const auto typed = typed_in_group(d, "Environment"); audit.lock && typed)
      throw Error(ErrorKind::Usage, fmt::format("LOCK and `{}` exclude each other", *typed));
  });
}

void declare_report(Declaration& d) {
  ReportCommand& report = d.invocation.command.emplace<ReportCommand>();
  d.value("-o,--output", report.output, "FILE", "default: ENV-report.html here");
  declare_environment(d);
}

void declare_lock(Declaration& d) {
  LockCommand& lock = d.invocation.command.emplace<LockCommand>();
  d.values("-r,--requirement", lock.requirement_files, "FILE",
           "what this requirements file asks for (default: the project's dependencies)");
  d.values("-c,--constraint", lock.constraint_files, "FILE", "limits versions, asks for nothing");
  d.values("--group", lock.groups, "NAME",
           "also this dependency group of pyproject.toml (or PATH/pyproject.toml:NAME)");
  d.flag("--no-groups", lock.no_groups, "without the groups of the lock that is there");
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
  d.flag("-U,--upgrade", lock.upgrade, "forget the versions of the lock that is there");
  d.values("-P,--upgrade-package", lock.upgrade_packages, "NAME", "forget the version of this package");
  d.flag("--check", lock.check, "change nothing; exit 1 where the lock would change");
  d.flag("--dry-run", lock.dry_run, "say what would change, and change nothing");
  d.value("--env", d.invocation.shared.env, "PATH|NAME", "lock for this environment's Python");
  d.finish.emplace_back([&lock] {
    if (lock.no_groups && !lock.groups.empty())
      throw Error(ErrorKind::Usage, "`--group` and `--no-groups` cannot be used together");
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

void check_one_list(bool dev, bool group, bool optional) {
  if (int{dev} + int{group} + int{optional} > 1)
    throw Error(ErrorKind::Usage, "`--dev`, `--group` and `--optional` cannot be used together");
}

void declare_add(Declaration& d) {
  AddCommand& add = d.invocation.command.emplace<AddCommand>();
  d.positional("REQ", add.requirements, "a requirement, or the path or URL of a package");
  d.values("--editable", add.editables, "FOLDER", "a folder, installed so that edits count");
  d.flag("--dev", add.dev, "to the dependency group `dev`");
  d.value("--group", add.group, "NAME", "to this dependency group");
  d.value("--optional", add.optional, "EXTRA", "to this extra");
  d.value("--bounds", add.bounds, "KIND",
          "of a REQ without a version: lower (default), exact, compatible or none");
  d.flag("--raw", add.raw, "write REQ as it is typed");
  d.flag("--no-sync", add.no_sync, "leave the environment alone");
  d.flag("--dry-run", add.dry_run, "say what would change, and change nothing");
  declare_environment(d);
  declare_python(d, "the Python of the environment, where it is made now");
  declare_resolver(d);
  declare_index(d);
  declare_build(d);
  declare_link(d);
  d.finish.emplace_back([&add] {
    check_one_list(add.dev, add.group.has_value(), add.optional.has_value());
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
  d.flag("--no-sync", remove.no_sync, "leave the environment alone");
  d.flag("--dry-run", remove.dry_run, "say what would change, and change nothing");
  declare_environment(d);
  d.finish.emplace_back(
      [&remove] { check_one_list(remove.dev, remove.group.has_value(), remove.optional.has_value()); });
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
  d.positional("FILE", import.file, "poetry.lock, uv.lock, pdm.lock, Pipfile.lock or a requirements file")
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
  declare_python(d, "the Python of the environment, where it is made now");
  declare_resolver(d);
  declare_index(d);
  declare_build(d);
  declare_link(d);
}

void declare_bundle(Declaration& d) {
  BundleCommand& bundle = d.invocation.command.emplace<BundleCommand>();
  d.positional("LOCK", bundle.lock, "pylock*.toml (default: the project's pylock.toml)");
  d.value("-o,--output", bundle.output, "FILE", "where to write the bundle; - for standard output")
      ->required();
  d.value("--name", bundle.name, "NAME", "name of the program (default: the project's)");
  d.flag("--with-python", bundle.with_python, "with the Python itself: the machine it goes to needs none");
  d.flag("--no-project", bundle.no_project, "what the project needs, without the project itself");
  d.value("--sign", bundle.sign, "KEYFILE", "sign with this private key (Ed25519, PEM)");
  d.values("--extra", bundle.extras, "NAME", "with this extra");
  d.values("--group", bundle.groups, "NAME", "this dependency group instead of the default ones");
  declare_python(d, "the Python that the bundle is for");
  declare_index(d);
}
void declare_bundle_show(Declaration& d) {
  d.positional("FILE", d.invocation.command.emplace<BundleShowCommand>().file, "a bundle")->required();
}
void declare_bundle_verify(Declaration& d) {
  BundleVerifyCommand& verify = d.invocation.command.emplace<BundleVerifyCommand>();
  d.positional("FILE", verify.file, "a bundle")->required();
  d.values("--key", verify.keys, "PUB",
           "a public key, or a folder of them, one of which must have signed it");
}

void declare_hooks(Declaration& d, HookOptions& hooks) {
  d.value("--after", hooks.after, "CMD",
          "run once it is live, to restart what runs; where it fails, switch back");
  d.value("--probe", hooks.probe, "CMD", "run then until it succeeds; where it never does, switch back");
  d.value("--probe-timeout", hooks.probe_timeout, "TIME", "how long --probe may take (default: 30s)");
}
void declare_deploy(Declaration& d) {
  DeployCommand& deploy = d.invocation.command.emplace<DeployCommand>();
  d.positional("SOURCE", deploy.source, "a bundle; - for standard input")->required();
  d.positional("DEST", deploy.dest, "the folder that the program is deployed to")->required();
  d.values("--key", deploy.keys, "PUB",
           "a public key, or a folder of them, one of which must have signed the bundle");
  d.flag("--insecure", deploy.insecure, "take a bundle that nobody signed");
  d.flag("--not-older", deploy.not_older, "refuse a bundle that was made before the one that is live");
  d.value("--check", deploy.hooks.check, "CMD",
          "run in the new release before it is live; where it fails, nothing changes");
  d.value("--check-timeout", deploy.hooks.check_timeout, "TIME", "how long --check may take (default: 60s)");
  declare_hooks(d, deploy.hooks);
  d.value("--keep", deploy.keep, "N", "how many releases stay (default: 3)");
  declare_python(d, "the Python to deploy with (default: the newest that fits the bundle)");
  d.finish.emplace_back([&deploy] {
    if (deploy.insecure && !deploy.keys.empty())
      throw Error(ErrorKind::Usage, "`--key` and `--insecure` exclude each other");
    if (deploy.keep < 1) throw Error(ErrorKind::Usage, "--keep must be at least 1");
  });
}
void declare_deploy_rollback(Declaration& d) {
  DeployRollbackCommand& rollback = d.invocation.command.emplace<DeployRollbackCommand>();
  d.positional("DEST", rollback.dest, "the folder that the program is deployed to")->required();
  d.positional("N", rollback.release, "the release to go back to (default: the one before)");
  declare_hooks(d, rollback.hooks);
}
void declare_deploy_history(Declaration& d) {
  DeployHistoryCommand& history = d.invocation.command.emplace<DeployHistoryCommand>();
  d.positional("DEST", history.dest, "the folder that the program is deployed to")->required();
  d.value("--limit", history.limit, "N", "the newest N only");
}
void declare_deploy_verify(Declaration& d) {
  d.positional("DEST", d.invocation.command.emplace<DeployVerifyCommand>().dest,
               "the folder that the program is deployed to")
      ->required();
}
void declare_deploy_status(Declaration& d) {
  d.positional("DEST", d.invocation.command.emplace<DeployStatusCommand>().dest,
               "the folder that the program is deployed to")
      ->required();
}

void declare_env_list(Declaration& d) { d.invocation.command.emplace<EnvListCommand>(); }
void declare_env_info(Declaration& d) {
  d.invocation.command.emplace<EnvInfoCommand>();
  declare_environment(d);
}
void declare_env_history(Declaration& d) {
  d.value("--limit", d.invocation.command.emplace<EnvHistoryCommand>().limit, "N", "the newest N only");
  declare_environment(d);
}
void declare_env_rollback(Declaration& d) {
  EnvRollbackCommand& rollback = d.invocation.command.emplace<EnvRollbackCommand>();
  d.positional("N", rollback.state, "the state to go back to (default: the one before)");
  d.flag("--force", rollback.force,
         "give up an unfinished change that can neither be completed nor taken back");
  declare_environment(d);
}
void declare_env_adopt(Declaration& d) {
  d.positional("ENV", d.invocation.command.emplace<EnvAdoptCommand>().env,
               "a path (default: the one found here)");
  declare_resolver(d);
  declare_index(d);
  declare_link(d);
}
void declare_env_remove(Declaration& d) {
  EnvRemoveCommand& remove = d.invocation.command.emplace<EnvRemoveCommand>();
  d.positional("ENV", remove.env, "a path or name")->required();
  d.flag("-y,--yes", remove.yes, "do not ask");
  d.flag("--dry-run", remove.dry_run, "say what would be deleted, and delete nothing");
}
void declare_env_rename(Declaration& d) {
  EnvRenameCommand& rename = d.invocation.command.emplace<EnvRenameCommand>();
  d.positional("NAME", rename.from, "a named environment")->required();
  d.positional("NEW", rename.to, "its new name")->required();
}
void declare_env_clone(Declaration& d) {
  EnvCloneCommand& clone = d.invocation.command.emplace<EnvCloneCommand>();
  d.positional("ENV", clone.from, "a path or name")->required();
  d.positional("NEW", clone.to, "a path or name that is free")->required();
}
void declare_env_move(Declaration& d) {
  EnvMoveCommand& move = d.invocation.command.emplace<EnvMoveCommand>();
  d.positional("ENV", move.from, "a path or name")->required();
  d.positional("NEW", move.to, "a path or name that is free")->required();
}
void declare_env_diff(Declaration& d) {
  EnvDiffCommand& diff = d.invocation.command.emplace<EnvDiffCommand>();
  d.positional("A", diff.from, "an environment, or the number of a state")->required();
  d.positional("B", diff.to, "another one (default: the environment as it is now)");
  declare_environment(d);
}

void declare_env_upgrade_python(Declaration& d) {
  d.invocation.command.emplace<EnvUpgradePythonCommand>();
  declare_python(d, "the Python to change to (default: the newest of the same line, 3.12.1 to 3.12.9)");
  declare_environment(d);
  declare_resolver(d);
  declare_index(d);
  declare_build(d);
  declare_link(d);
}

void declare_store_dir(Declaration& d) { d.invocation.command.emplace<StoreDirCommand>(); }
void declare_store_size(Declaration& d) { d.invocation.command.emplace<StoreSizeCommand>(); }
void declare_store_prune(Declaration& d) {
  StorePruneCommand& prune = d.invocation.command.emplace<StorePruneCommand>();
  d.value("--older-than", prune.older_than, "AGE",
          "what was not used for so long: 30d (default), 12h, 0d for everything");
  d.flag("--dry-run", prune.dry_run, "say what would be removed, and remove nothing");
}
void declare_store_verify(Declaration& d) { d.invocation.command.emplace<StoreVerifyCommand>(); }
void declare_store_jobs(Declaration& d) {
  StoreJobsCommand& jobs = d.invocation.command.emplace<StoreJobsCommand>();
  d.flag("--wait", jobs.wait, "return when none is left");
  d.flag("--work", jobs.work, "what runs in the background")->group("");
}

void declare_python_list(Declaration& d) {
  d.flag("--available", d.invocation.command.emplace<PythonListCommand>().available,
         "those that `moat python install` can download");
}
void declare_python_find(Declaration& d) {
  d.positional("SPEC", d.invocation.command.emplace<PythonFindCommand>().spec,
               "3.12, >=3.10, cpython@3.13, pypy@3.10, or a path (default: what `create` would take)");
}

void declare_python_pin(Declaration& d) {
  d.positional("SPEC", d.invocation.command.emplace<PythonPinCommand>().spec,
               "a version: 3.12, >=3.10, pypy@3.10 (default: say what is pinned)");
}
void declare_python_install(Declaration& d) {
  d.positional("SPEC", d.invocation.command.emplace<PythonInstallCommand>().specs,
               "a version: 3.13, 3.13.1, >=3.11, 3.13t (free-threaded), pypy@3.10")
      ->required();
}
void declare_python_uninstall(Declaration& d) {
  d.positional("SPEC", d.invocation.command.emplace<PythonUninstallCommand>().specs,
               "every installed one that this means, or the name of one")
      ->required();
}

void declare_config_list(Declaration& d) { d.invocation.command.emplace<ConfigListCommand>(); }
void declare_config_get(Declaration& d) {
  d.positional("NAME", d.invocation.command.emplace<ConfigGetCommand>().name,
               "a setting: index-url, link-mode, …")
      ->required();
}
void declare_config_set(Declaration& d) {
  ConfigSetCommand& set = d.invocation.command.emplace<ConfigSetCommand>();
  d.positional("NAME", set.name, "a setting: index-url, link-mode, …")->required();
  d.positional("VALUE", set.values, "its value, several for a list; without one it is set no more");
}

void declare_config_import_pip(Declaration& d) {
  ConfigImportPipCommand& import = d.invocation.command.emplace<ConfigImportPipCommand>();
  d.flag("--dry-run", import.dry_run, "say what would be taken, and change nothing");
  d.flag("--replace", import.replace, "in place of settings that are there already");
}

void declare_completion(Declaration& d) {
  CompletionCommand& completion = d.invocation.command.emplace<CompletionCommand>();
  d.positional("SHELL", completion.shell, "bash, zsh or fish")->required();
  d.positional("WORD", completion.words,
               "behind --: what may stand in place of the last of these words (what the script asks)");
  d.finish.emplace_back([&completion] {
    const std::string& shell = completion.shell;
    if (shell != "bash" && shell != "zsh" && shell != "fish")
      throw Error(ErrorKind::Usage,
                  fmt::format("SHELL must be one of: bash, zsh, fish (got {})", quote(shell)),
                  {"`moat completion bash` prints the script for bash"});
  });
}

void declare_eval(Declaration& d) {
  EvalCommand& eval = d.invocation.command.emplace<EvalCommand>();
  d.positional("SUBJECT", eval.subject,
               "version, specifier, marker, requirement, wheel, sdist, tags, name, metadata or lock")
      ->required();
}

void declare_pip(Declaration& d) { d.invocation.command.emplace<PipCommand>(); }

constexpr std::array kCommands = {
    CommandEntry{"create", "[ENV] [PACKAGE…]", "make a sealed environment",
                 "moat create                           # ./.venv\n"
                 "moat create -n lab -p 3.12 numpy      # a named one, for use with --env lab",
                 declare_create},
    CommandEntry{
        "install", "PACKAGE…", "resolve and install into an environment",
        "moat install 'flask>=3' ./dist/my_app-1.0-py3-none-any.whl\nmoat install -r requirements.txt",
        declare_install},
    CommandEntry{"upgrade", "[NAME…]",
                 "the newest versions allowed, of everything or of these; of a project, in its lock, too",
                 "moat upgrade --dry-run\nmoat upgrade flask", declare_upgrade},
    CommandEntry{"uninstall", "PACKAGE…", "remove packages, and with --orphans what only they needed",
                 "moat uninstall --orphans flask", declare_uninstall},
    CommandEntry{"list", "", "what is installed", "moat list --outdated", declare_list},
    CommandEntry{"freeze", "", "what is installed, as a requirements file", "moat freeze > requirements.txt",
                 declare_freeze},
    CommandEntry{"show", "NAME…", "what is known of a package", "moat show flask", declare_show},
    CommandEntry{"tree", "[NAME…]", "what needs what", "moat tree --depth 1\nmoat tree --invert markupsafe",
                 declare_tree},
    CommandEntry{"why", "NAME…", "who asked for a package", "moat why markupsafe", declare_why},
    CommandEntry{"which", "NAME…", "which file, version and environment a name comes from",
                 "moat which flask            # a command, a module or a package", declare_which},
    CommandEntry{"run", "[--] CMD [ARG…]", "run a command inside the environment",
                 "moat run python script.py\nmoat run --pure -- flask run --debug\n"
                 "moat run report.py           # with what its `# /// script` block asks for\n"
                 "moat run --with rich python",
                 declare_run},
    CommandEntry{"shell", "", "a shell inside the environment", "moat shell --env lab", declare_shell},
    CommandEntry{"tool install", "APP", "install an application for this user, in an environment of its own",
                 "moat tool install ruff\nmoat tool install ansible-core --with ansible",
                 declare_tool_install},
    CommandEntry{"tool run", "APP [ARG…]", "run an application, installed or not (also: moatx APP)",
                 "moat tool run ruff@0.4 check .\nmoat tool run --from httpie http --version\n"
                 "moatx -p 3.12 black --check src",
                 declare_tool_run},
    CommandEntry{"tool list", "", "the applications that are installed, and their commands", "moat tool list",
                 declare_tool_list},
    CommandEntry{"tool upgrade", "[APP…]", "the newest versions that were asked for, of all or of these",
                 "moat tool upgrade\nmoat env rollback --tool ruff      # the version before",
                 declare_tool_upgrade},
    CommandEntry{"tool uninstall", "APP…", "remove applications, with their environments and commands",
                 "moat tool uninstall ruff", declare_tool_uninstall},
    CommandEntry{"doctor", "", "prove that the environment leaks nothing",
                 "moat doctor --strict         # exit 1 where something leaks or is damaged", declare_doctor},
    CommandEntry{"audit", "[LOCK]", "what is known against what is installed, or locked",
                 "moat audit                           # exit 1 where something is found\n"
                 "moat audit pylock.toml --ignore GHSA-xxxx-yyyy-zzzz@2026-12-31",
                 declare_audit},
    CommandEntry{"report", "", "one HTML page about an environment", "moat report --env lab -o lab.html",
                 declare_report},
    CommandEntry{"init", "[PATH]", "begin a project: write its pyproject.toml",
                 "moat init                    # in this folder\nmoat init --package ./my-lib -p '>=3.10'",
                 declare_init},
    CommandEntry{"add", "REQ…", "add requirements to the project, its lock and its environment",
                 "moat add flask 'httpx[http2]>=0.27'\nmoat add --dev pytest", declare_add},
    CommandEntry{"remove", "NAME…", "remove requirements from the project, its lock and its environment",
                 "moat remove flask\nmoat remove --dev pytest", declare_remove},
    CommandEntry{"lock", "", "pin everything, with hashes", "moat lock -r requirements.txt -o pylock.toml",
                 declare_lock},
    CommandEntry{"sync", "[LOCK]", "make the environment equal to a lock",
                 "moat sync                    # lock and environment of the project\n"
                 "moat sync --locked           # CI: exit 1 where the lock is not up to date\n"
                 "moat sync pylock.toml",
                 declare_sync},
    CommandEntry{"bundle", "[LOCK] -o FILE",
                 "everything a lock installs, in one file for a machine without network",
                 "moat bundle pylock.toml -o shop.moat --sign deploy.key", declare_bundle},
    CommandEntry{"bundle show", "FILE", "what is in a bundle", "moat bundle show shop.moat",
                 declare_bundle_show},
    CommandEntry{"bundle verify", "FILE", "check every hash in a bundle, and its signature",
                 "moat bundle verify shop.moat --key deploy.pub", declare_bundle_verify},
    CommandEntry{"deploy", "SOURCE DEST",
                 "put a bundle into production: check, switch, and back where it fails",
                 "moat deploy shop.moat /srv/shop --key deploy.pub --check 'python -m shop --self-test' \\\n"
                 "     --after 'systemctl restart shop' --probe 'curl -fsS localhost:8000/health'",
                 declare_deploy},
    CommandEntry{"deploy rollback", "DEST [N]", "back to an earlier release",
                 "moat deploy rollback /srv/shop --after 'systemctl restart shop'", declare_deploy_rollback},
    CommandEntry{"deploy history", "DEST", "every deploy, newest first", "moat deploy history /srv/shop",
                 declare_deploy_history},
    CommandEntry{"deploy verify", "DEST", "hash every file of every release again",
                 "moat deploy verify /srv/shop", declare_deploy_verify},
    CommandEntry{"deploy status", "DEST", "what is live", "moat deploy status /srv/shop --json",
                 declare_deploy_status},
    CommandEntry{"export", "[LOCK]", "the lock in the form of another tool",
                 "moat export -o requirements.txt\nmoat export --format cyclonedx -o sbom.json",
                 declare_export},
    CommandEntry{"import", "FILE", "go on with what another tool locked: the same versions",
                 "moat import poetry.lock\nmoat import requirements.txt", declare_import},
    CommandEntry{"build", "", "the project's source distribution and wheel",
                 "moat build                   # both, into dist/\nmoat build --wheel -o out",
                 declare_build_command},
    CommandEntry{"cache-key", "[LOCK]", "a key for CI's caches: lock, Python and platform", "moat cache-key",
                 declare_cache_key},
    CommandEntry{"env list", "", "this user's environments", "moat env list", declare_env_list},
    CommandEntry{"env info", "", "what an environment is made of", "moat env info --env lab",
                 declare_env_info},
    CommandEntry{"env history", "", "its states, newest first", "moat env history", declare_env_history},
    CommandEntry{"env rollback", "[N]", "back to an earlier state",
                 "moat env rollback      # undo the last change", declare_env_rollback},
    CommandEntry{"env adopt", "[ENV]",
                 "make another tool's environment moat's own: same Python, same versions",
                 "moat env adopt ./venv", declare_env_adopt},
    CommandEntry{"env remove", "ENV", "delete an environment", "moat env remove lab", declare_env_remove},
    CommandEntry{"env rename", "NAME NEW", "another name for a named environment",
                 "moat env rename lab lab-old", declare_env_rename},
    CommandEntry{"env clone", "ENV NEW", "an independent copy of an environment",
                 "moat env clone lab lab-next", declare_env_clone},
    CommandEntry{"env move", "ENV NEW", "move an environment to another folder",
                 "moat env move ./.venv /srv/app", declare_env_move},
    CommandEntry{"env diff", "A [B]", "which packages two environments, or two states of one, do not share",
                 "moat env diff lab lab-next\nmoat env diff 3 7        # two states of the environment here",
                 declare_env_diff},
    CommandEntry{
        "env upgrade-python", "", "another Python for an environment: packages chosen again, in one switch",
        "moat env upgrade-python -p 3.13      # `moat env rollback` goes back", declare_env_upgrade_python},
    CommandEntry{"store dir", "", "where wheels, runtimes and pages are kept", "moat store dir",
                 declare_store_dir},
    CommandEntry{"store size", "", "how much is kept there", "moat store size", declare_store_size},
    CommandEntry{"store prune", "", "remove what was not used for long", "moat store prune --older-than 7d",
                 declare_store_prune},
    CommandEntry{"store verify", "", "hash every wheel in it again", "moat store verify",
                 declare_store_verify},
    CommandEntry{"store jobs", "", "environments whose bytecode is being made in the background",
                 "moat store jobs --wait", declare_store_jobs},
    CommandEntry{"python list", "", "the interpreters that are here", "moat python list",
                 declare_python_list},
    CommandEntry{"python find", "[SPEC]", "which interpreter a SPEC means", "moat python find '>=3.10'",
                 declare_python_find},
    CommandEntry{"python pin", "[SPEC]", "say in .python-version which Python is meant here",
                 "moat python pin 3.12", declare_python_pin},
    CommandEntry{"python install", "SPEC…", "download a Python, for this user alone",
                 "moat python install 3.13", declare_python_install},
    CommandEntry{"python uninstall", "SPEC…", "remove a downloaded Python; environments made from it go on",
                 "moat python uninstall 3.12", declare_python_uninstall},
    CommandEntry{"pip", "COMMAND …",
                 "pip's own spelling: install uninstall list freeze show check download wheel hash …",
                 "moat pip install -q -r requirements.txt", declare_pip},
    CommandEntry{"config list", "", "what variables and files set, and where", "moat config list",
                 declare_config_list},
    CommandEntry{"config get", "NAME", "one setting", "moat config get index-url", declare_config_get},
    CommandEntry{"config set", "NAME [VALUE…]", "change the user's settings file",
                 "moat config set link-mode copy\nmoat config set link-mode        # no more",
                 declare_config_set},
    CommandEntry{"config import-pip", "", "take over what pip's configuration says",
                 "moat config import-pip --dry-run", declare_config_import_pip},
    CommandEntry{"completion", "SHELL", "the script that completes moat's words in bash, zsh or fish",
                 "moat completion fish > ~/.config/fish/completions/moat.fish\n"
                 "eval \"$(moat completion bash)\"      # in ~/.bashrc; zsh: the same in ~/.zshrc",
                 declare_completion},
    CommandEntry{"eval", "SUBJECT", "the packaging standards as a service: JSON lines in, JSON lines out",
                 "moat eval version <<< '{\"version\": \"1.0-1\"}'", declare_eval},
};

constexpr std::array<std::string_view, 7> kFamilies = {"env",    "tool",   "store", "python",
                                                       "config", "bundle", "deploy"};

}  // namespace

std::span<const CommandEntry> commands() { return kCommands; }

const CommandEntry* find_command(std::string_view name) {
  const auto* found = std::find_if(kCommands.begin(), kCommands.end(),
                                   [&](const CommandEntry& entry) { return entry.name == name; });
  return found == kCommands.end() ? nullptr : found;
}

// The words one may type first.
std::vector<std::string> first_words() {
  std::vector<std::string> names;
  for (const CommandEntry& entry : kCommands) {
    const std::string word(entry.name.substr(0, entry.name.find(' ')));
    if (names.empty() || names.back() != word) names.push_back(word);
  }
  return names;
}

std::vector<std::string> members_of(std::string_view family) {
  std::vector<std::string> names;
  for (const CommandEntry& entry : kCommands)
    if (entry.name.size() > family.size() && entry.name.substr(0, family.size()) == family &&
        entry.name[family.size()] == ' ')
      names.emplace_back(entry.name.substr(family.size() + 1));
  return names;
}

bool is_family(std::string_view word) {
  return std::find(kFamilies.begin(), kFamilies.end(), word) != kFamilies.end();
}

}  // namespace moat
