// The command line of this user's applications and Pythons.
#include "cli/args/commands_declared.h"
#include "cli/args/declaration.h"

namespace moat {

void declare_tool_install(Declaration& d) {
  ToolInstallCommand& install = d.invocation.command.emplace<ToolInstallCommand>();
  d.positional("APP", install.app,
               "`ruff`, `ruff@0.4`, `ruff@latest`, a requirement, or the path or URL of a package")
      ->required();
  d.values("--with", install.with, "PACKAGE", "this package as well: a plugin, for example");
  d.flag("-U,--upgrade", install.upgrade, "newest versions allowed, of everything involved");
  declare_python(d, "the Python of its environment, if it is created now");
  declare_resolver(d);
  declare_index(d);
  declare_build(d);
  declare_link(d);
}

void declare_tool_run(Declaration& d) {
  ToolRunCommand& run = d.invocation.command.emplace<ToolRunCommand>();
  d.value("--from", run.from, "PACKAGE", "the package that has the command, if its name differs");
  d.values("--with", run.with, "PACKAGE", "with this package as well, for this run only");
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
  ToolUninstallCommand& uninstall = d.invocation.command.emplace<ToolUninstallCommand>();
  d.positional("APP", uninstall.names, "what to remove")->required();
  d.flag("--dry-run", uninstall.dry_run, "say what would be removed, and remove nothing");
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
  PythonUninstallCommand& uninstall = d.invocation.command.emplace<PythonUninstallCommand>();
  d.positional("SPEC", uninstall.specs, "every installed one that this means, or the name of one")
      ->required();
  d.flag("--dry-run", uninstall.dry_run, "say what would be removed, and remove nothing");
}

}  // namespace moat
