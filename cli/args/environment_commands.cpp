// The command line of environments and of the packages in them.
#include "cli/args/commands_declared.h"
#include "cli/args/declaration.h"
#include "envs/environment/shell_words.h"
#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

namespace moat {
namespace {

// `moat create six click`: is six a folder? A single word always is one.
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

}  // namespace

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
  d.flag("--replace", create.replace, "replace an existing environment");
  d.flag("--share", create.share, "hard-link the runtime: quicker, but not isolated");
  d.flag("--pip", create.pip, "also put pip inside");
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
  d.flag("--reinstall", install.reinstall, "place the files again, even if they are installed");
  d.flag("--no-deps", install.no_deps, "only what is named");
  d.flag("--dry-run", install.dry_run, "say what would change, and change nothing");
  d.flag("--require-hashes", install.require_hashes, "every requirement must be pinned with a hash");
  d.value("--fix", install.fix, "N", "loosen a line as the conflict's fix N says");
  declare_environment(d);
  declare_python(d, "the Python of --user's environment, if it is created now");
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

void declare_shell(Declaration& d) {
  d.invocation.command.emplace<ShellCommand>();
  declare_environment(d);
}

void declare_doctor(Declaration& d) {
  DoctorCommand& doctor = d.invocation.command.emplace<DoctorCommand>();
  d.flag("--strict", doctor.strict, "notes count as well, except the one about the system's libraries");
  d.flag("--prove", doctor.prove,
         "hide all other Pythons, import every module, start every command, and list what is opened");
  d.flag("--repair", doctor.repair, "place again what is damaged, from the store or by fetching it");
  declare_environment(d);
}

void declare_audit(Declaration& d) {
  AuditCommand& audit = d.invocation.command.emplace<AuditCommand>();
  d.positional("LOCK", audit.lock,
               "pylock*.toml, a requirements file of pins, or a bundle (default: the environment)");
  d.values("--ignore", d.invocation.shared.audit_ignore, "ID[@DATE]",
           "not this vulnerability; with a date, until that day");
  d.value("--advisories", d.invocation.shared.advisories, "FOLDER",
          "take vulnerabilities from the OSV records in this folder, instead of asking the indexes");
  declare_environment(d);
  declare_index(d);
  d.finish.emplace_back([&d, &audit] {
    if (const auto typed = typed_in_group(d, "Environment"); audit.lock && typed)
      throw Error(ErrorKind::Usage, fmt::format("a lock or bundle and `{}` exclude each other", *typed));
  });
}

void declare_report(Declaration& d) {
  ReportCommand& report = d.invocation.command.emplace<ReportCommand>();
  d.positional("LOCK", report.lock, "a pylock*.toml (default: the environment)");
  d.value("-o,--output", report.output, "FILE", "default: ENV-report.html here");
  d.flag("--outdated", report.outdated, "also show the newest version that the indexes have");
  declare_environment(d);
  declare_index(d);
  d.finish.emplace_back([&d, &report] {
    if (const auto typed = typed_in_group(d, "Environment"); report.lock && typed)
      throw Error(ErrorKind::Usage, fmt::format("LOCK and `{}` exclude each other", *typed));
  });
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

}  // namespace moat
