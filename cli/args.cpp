#include "cli/args.h"

#include "cli/nearest.h"
#include "cli/pip/options.h"
#include "cli/redact.h"
#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string_view>

namespace moat {
namespace {

// One command while its line is being read. CLI11 is slow to set up, so only the command that was named is.
struct Declaration {
  CLI::App app;
  Invocation& invocation;
  std::vector<std::string> words;             // positionals, where they need sorting out afterwards
  std::vector<std::function<void()>> finish;  // after a successful parse

  explicit Declaration(Invocation& target) : invocation(target) {}

  CLI::Option* flag(const std::string& names, bool& into, const std::string& help) {
    return app.add_flag(names, into, help)->group(group);
  }
  template <class T>
  CLI::Option* value(const std::string& names, T& into, const std::string& placeholder,
                     const std::string& help) {
    return app.add_option(names, into, help)->type_name(placeholder)->group(group);
  }
  // May be given several times, one value each.
  CLI::Option* values(const std::string& names, std::vector<std::string>& into,
                      const std::string& placeholder, const std::string& help) {
    return app.add_option(names, into, help)
        ->type_name(placeholder)
        ->group(group)
        ->allow_extra_args(false)
        ->take_all();
  }
  template <class T>
  CLI::Option* positional(const std::string& name, T& into, const std::string& help) {
    return app.add_option(name, into, help)->type_name("")->group("Arguments");
  }

  std::string group = "Options";
};

void declare_global(Declaration& d) {
  GlobalOptions& global = d.invocation.global;
  d.group = "Everywhere";
  d.value("--project", global.project, "DIR", "work as if started in this folder");
  d.app.add_flag("-q,--quiet", global.quiet, "say less; twice: errors only")->group(d.group);
  d.app.add_flag("-v,--verbose", global.verbose, "say more")->group(d.group);
  d.value("--color", global.color, "WHEN", "auto, always or never");
  d.flag("--no-progress", global.no_progress, "no live line while something takes time");
  d.flag("--json", global.json, "one JSON document on standard output; errors too");
  d.flag("--offline", global.offline, "never use the network: what was fetched once is enough");
  d.flag("--timings", global.timings, "how long each phase took");
  d.value("--store-dir", global.store_dir, "DIR", "the store of wheels, runtimes and index pages");
  d.value("--config", global.config, "FILE", "user settings from this file");
  d.flag("--no-config", global.no_config, "no settings from files");
}

void declare_environment(Declaration& d) {
  SharedOptions& shared = d.invocation.shared;
  d.group = "Environment";
  CLI::Option* env = d.value("--env", shared.env, "PATH|NAME", "the environment meant");
  CLI::Option* user = d.flag("--user", shared.user, "this user's own environment");
  env->excludes(user);
}

void declare_python(Declaration& d, const std::string& help) {
  d.value("-p,--python", d.invocation.shared.python, "SPEC", help);
}

void declare_resolver(Declaration& d) {
  SharedOptions& shared = d.invocation.shared;
  d.group = "Resolver";
  d.flag("--pre", shared.pre, "pre-releases may be chosen");
  d.values("--all-releases", shared.all_releases, "NAME",
           "pre-releases of this package may be chosen (:all: for all)");
  d.values("--only-final", shared.only_final, "NAME", "no pre-release of this package (:all: for all)");
  d.value("--resolution", shared.resolution, "MODE", "highest, lowest, or lowest-direct");
  d.value("--exclude-newer", shared.exclude_newer, "DATE|AGE",
          "as if nothing had been uploaded since: 2025-06-30, 2025-06-30T12:00:00Z, 14d");
  d.value("--window", shared.window, "AGE|off",
          "how far requests may fall behind for the sake of others before that is tried: 1y (default), 90d");
  d.values("--override", shared.overrides, "FILE",
           "requirements here replace what packages say of these names");
  d.flag("--refresh", shared.refresh, "ask the indexes again for every page");
  d.values("--refresh-package", shared.refresh_packages, "NAME", "ask the indexes again for this package");
}

void declare_index(Declaration& d) {
  SharedOptions& shared = d.invocation.shared;
  d.group = "Index";
  d.value("-i,--index-url", shared.index_url, "URL", "the index to ask last, in place of the default one");
  d.values("--extra-index-url", shared.extra_index_urls, "URL", "an index to ask before that one");
  d.values("--index", shared.indexes, "NAME=URL", "an index to ask first");
  d.values("-f,--find-links", shared.find_links, "PATH|URL",
           "a folder or page of files that join the index's");
  d.flag("--no-index", shared.no_index, "ask no index: --find-links only");
  d.flag("--no-input", shared.no_input, "never ask for a password");
  d.value("--index-strategy", shared.index_strategy, "HOW",
          "first-index: the first that has the project; best-match: the best of all");
  d.values("--trusted-host", shared.trusted_hosts, "HOST[:PORT]", "do not verify this host's certificate");
  d.value("--cert", shared.cert, "FILE", "certificates to trust instead of the system's");
  d.value("--client-cert", shared.client_cert, "FILE", "certificate and key to present to servers");
}

// The order between the two options counts, and CLI11 keeps each option's values apart.
void declare_binary(Declaration& d) {
  struct Values {
    std::vector<std::string> no, only;
  };
  const auto values = std::make_shared<Values>();
  d.group = "Build";
  CLI::Option* no = d.values("--no-binary", values->no, "NAME", "no wheels of this package (:all:, :none:)");
  CLI::Option* only =
      d.values("--only-binary", values->only, "NAME", "only wheels of this package (:all:, :none:)");
  SharedOptions& shared = d.invocation.shared;
  d.flag("--no-build", shared.no_build,
         "run nobody's build: wheels only, and sources that say what they need");
  d.flag("--no-build-isolation", shared.no_build_isolation,
         "build with what the environment holds, instead of an environment for each build");
  d.values("-C,--config-setting", shared.config_settings, "KEY=VALUE", "a setting for the build backends");
  d.values("--build-constraint", shared.build_constraints, "FILE", "limits versions of what builds need");
  d.flag("--build-network", shared.build_network, "let builds use the network");
  d.finish.emplace_back([&d, values, no, only] {
    std::size_t next_no = 0, next_only = 0;
    for (const CLI::Option* option : d.app.parse_order()) {
      if (option == no) d.invocation.shared.binary.emplace_back("no-binary", values->no.at(next_no++));
      if (option == only)
        d.invocation.shared.binary.emplace_back("only-binary", values->only.at(next_only++));
    }
  });
}

void declare_link(Declaration& d) {
  d.group = "Link";
  d.value("--link-mode", d.invocation.shared.link_mode, "MODE", "auto, clone, copy, hardlink or symlink");
  d.flag("--no-compile", d.invocation.shared.no_compile, "leave bytecode to the first import");
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
  declare_binary(d);
  declare_link(d);
  d.finish.emplace_back([&d, &create] {
    const bool first_is_env = !create.name && !d.words.empty();
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
  declare_binary(d);
  declare_link(d);
  d.finish.emplace_back([&install] {
    if (install.packages.empty() && install.editables.empty() && install.requirement_files.empty() &&
        install.groups.empty())
      throw Error(ErrorKind::Usage, "nothing to install was named",
                  {"`moat install PACKAGE…`, or `-r FILE`"});
  });
}

void declare_uninstall(Declaration& d) {
  UninstallCommand& uninstall = d.invocation.command.emplace<UninstallCommand>();
  d.positional("PACKAGE", uninstall.packages, "what to remove");
  d.flag("--orphans", uninstall.orphans, "and what only they needed");
  d.flag("--dry-run", uninstall.dry_run, "say what would change, and change nothing");
  declare_environment(d);
  d.finish.emplace_back([&uninstall] {
    if (uninstall.packages.empty() && !uninstall.orphans)
      throw Error(ErrorKind::Usage, "nothing to uninstall was named", {"`moat uninstall PACKAGE…`"});
  });
}

void declare_list(Declaration& d) {
  ListCommand& list = d.invocation.command.emplace<ListCommand>();
  d.flag("--outdated", list.outdated, "only what has a newer version, and which");
  d.value("--format", list.format, "FORM", "columns or freeze")->check([](const std::string& form) {
    return form == "columns" || form == "freeze" ? std::string() : "columns or freeze, not " + quote(form);
  });
  declare_environment(d);
  declare_index(d);
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

void declare_run(Declaration& d) {
  RunCommand& run = d.invocation.command.emplace<RunCommand>();
  d.flag("--pure", run.pure, "without PYTHON*, PIP_* and the rest of PATH");
  d.values("--with", run.with, "PACKAGE", "with this package, too, for this run only");
  d.flag("--refresh", d.invocation.shared.refresh, "choose versions anew for --with or a script");
  declare_environment(d);
  declare_python(d, "the Python for a script that says what it needs");
  declare_index(d);
}

void declare_shell(Declaration& d) {
  d.invocation.command.emplace<ShellCommand>();
  declare_environment(d);
}

void declare_doctor(Declaration& d) {
  DoctorCommand& doctor = d.invocation.command.emplace<DoctorCommand>();
  d.flag("--strict", doctor.strict, "notes count, too, but for the one about the system's libraries");
  declare_environment(d);
}

void declare_lock(Declaration& d) {
  LockCommand& lock = d.invocation.command.emplace<LockCommand>();
  d.values("-r,--requirement", lock.requirement_files, "FILE",
           "what this requirements file asks for (default: the project's dependencies)");
  d.values("-c,--constraint", lock.constraint_files, "FILE", "limits versions, asks for nothing");
  d.values("--group", lock.groups, "NAME",
           "also this dependency group of pyproject.toml (or PATH/pyproject.toml:NAME)");
  d.value("-o,--output", lock.output, "FILE", "default: pylock.toml beside pyproject.toml, or here");
  d.value("--format", lock.format, "FORM",
          "pylock or requirements (default: by FILE's name, pylock.toml or .txt)");
  declare_python(d, "the interpreter to lock for");
  d.value("--python-version", lock.python_version, "X.Y[.Z]", "lock for this Python, which need not be here");
  d.values("--platform", lock.platforms, "TAG",
           "lock for this platform: manylinux_2_28_x86_64, linux-x86_64, …");
  d.flag("-U,--upgrade", lock.upgrade, "forget the versions of the lock that is there");
  d.values("-P,--upgrade-package", lock.upgrade_packages, "NAME", "forget the version of this package");
  d.flag("--check", lock.check, "change nothing; exit 1 where the lock would change");
  d.value("--env", d.invocation.shared.env, "PATH|NAME", "lock for this environment's Python");
  declare_resolver(d);
  declare_index(d);
  declare_binary(d);
}

void declare_sync(Declaration& d) {
  SyncCommand& sync = d.invocation.command.emplace<SyncCommand>();
  d.positional("LOCK", sync.lock, "pylock*.toml, or requirements.txt with hashes (default: pylock.toml)");
  d.values("--extra", sync.extras, "NAME", "with this extra");
  d.values("--group", sync.groups, "NAME", "this dependency group instead of the default ones");
  d.flag("--inexact", sync.inexact, "leave what the lock does not name");
  d.flag("--dry-run", sync.dry_run, "say what would change, and change nothing");
  declare_environment(d);
  declare_python(d, "the Python of the environment, where it is made now");
  declare_index(d);
  declare_link(d);
}

void declare_env_list(Declaration& d) { d.invocation.command.emplace<EnvListCommand>(); }
void declare_env_info(Declaration& d) {
  d.invocation.command.emplace<EnvInfoCommand>();
  declare_environment(d);
}
void declare_env_history(Declaration& d) {
  d.invocation.command.emplace<EnvHistoryCommand>();
  declare_environment(d);
}
void declare_env_rollback(Declaration& d) {
  d.positional("N", d.invocation.command.emplace<EnvRollbackCommand>().state,
               "the state to go back to (default: the one before)");
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
  d.positional("ENV", d.invocation.command.emplace<EnvRemoveCommand>().env, "a path or name")->required();
}
void declare_env_rename(Declaration& d) {
  EnvRenameCommand& rename = d.invocation.command.emplace<EnvRenameCommand>();
  d.positional("NAME", rename.from, "a named environment")->required();
  d.positional("NEW", rename.to, "its new name")->required();
}

void declare_store_dir(Declaration& d) { d.invocation.command.emplace<StoreDirCommand>(); }
void declare_store_size(Declaration& d) { d.invocation.command.emplace<StoreSizeCommand>(); }
void declare_store_prune(Declaration& d) {
  d.value("--older-than", d.invocation.command.emplace<StorePruneCommand>().older_than, "AGE",
          "what was not used for so long: 30d (default), 12h, 0d for everything");
}
void declare_store_verify(Declaration& d) { d.invocation.command.emplace<StoreVerifyCommand>(); }

void declare_python_list(Declaration& d) { d.invocation.command.emplace<PythonListCommand>(); }
void declare_python_find(Declaration& d) {
  d.positional("SPEC", d.invocation.command.emplace<PythonFindCommand>().spec,
               "3.12, >=3.10, cpython@3.13, pypy@3.10, or a path (default: what `create` would take)");
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

void declare_eval(Declaration& d) {
  EvalCommand& eval = d.invocation.command.emplace<EvalCommand>();
  d.positional("SUBJECT", eval.subject,
               "version, specifier, marker, requirement, wheel, sdist, tags, name, metadata or lock")
      ->required();
}

void declare_pip(Declaration& d) { d.invocation.command.emplace<PipCommand>(); }

struct CommandEntry {
  std::string_view name;
  std::string_view usage;
  std::string_view summary;
  std::string_view example;
  void (*declare)(Declaration&);
};

// In the order of the overview; an entry without a name is an empty line there.
constexpr std::array kCommands = {
    CommandEntry{"create", "[ENV] [PACKAGE…]", "make a sealed environment",
                 "moat create                           # ./.venv\n"
                 "moat create -n lab -p 3.12 numpy      # a named one, for use with --env lab",
                 declare_create},
    CommandEntry{
        "install", "PACKAGE…", "resolve and install into an environment",
        "moat install 'flask>=3' ./dist/my_app-1.0-py3-none-any.whl\nmoat install -r requirements.txt",
        declare_install},
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
    CommandEntry{"doctor", "", "prove that the environment leaks nothing",
                 "moat doctor --strict         # exit 1 where something leaks or is damaged", declare_doctor},
    CommandEntry{"lock", "", "pin everything, with hashes", "moat lock -r requirements.txt -o pylock.toml",
                 declare_lock},
    CommandEntry{"sync", "[LOCK]", "make the environment equal to a lock", "moat sync pylock.toml",
                 declare_sync},
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
    CommandEntry{"store dir", "", "where wheels, runtimes and pages are kept", "moat store dir",
                 declare_store_dir},
    CommandEntry{"store size", "", "how much is kept there", "moat store size", declare_store_size},
    CommandEntry{"store prune", "", "remove what was not used for long", "moat store prune --older-than 7d",
                 declare_store_prune},
    CommandEntry{"store verify", "", "hash every wheel in it again", "moat store verify",
                 declare_store_verify},
    CommandEntry{"python list", "", "the interpreters that are here", "moat python list",
                 declare_python_list},
    CommandEntry{"python find", "[SPEC]", "which interpreter a SPEC means", "moat python find '>=3.10'",
                 declare_python_find},
    CommandEntry{"pip", "COMMAND …",
                 "pip's own spelling: install uninstall list freeze show check download wheel hash …",
                 "moat pip install -q -r requirements.txt", declare_pip},
    CommandEntry{"config list", "", "what variables and files set, and where", "moat config list",
                 declare_config_list},
    CommandEntry{"config get", "NAME", "one setting", "moat config get index-url", declare_config_get},
    CommandEntry{"config set", "NAME [VALUE…]", "change the user's settings file",
                 "moat config set link-mode copy\nmoat config set link-mode        # no more",
                 declare_config_set},
    CommandEntry{"eval", "SUBJECT", "the packaging standards as a service: JSON lines in, JSON lines out",
                 "moat eval version <<< '{\"version\": \"1.0-1\"}'", declare_eval},
};

constexpr std::array<std::string_view, 4> kFamilies = {"env", "store", "python", "config"};

constexpr std::array<std::string_view, 4> kGlobalsWithValue = {"--project", "--color", "--store-dir",
                                                               "--config"};

template <std::size_t N>
bool holds(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_option(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

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

std::string family_help(std::string_view family) {
  std::string out = fmt::format("Usage: moat {} COMMAND\n\nCommands:\n", family);
  for (const std::string& name : members_of(family))
    out += fmt::format("  {:<24} {}\n", fmt::format("moat {} {}", family, name),
                       find_command(fmt::format("{} {}", family, name))->summary);
  return out;
}

[[noreturn]] void throw_unknown_command(std::string_view typed, const std::vector<std::string>& known,
                                        std::string_view prefix) {
  std::vector<std::string> hints;
  if (const std::optional<std::string> near = nearest_name(typed, known))
    hints.push_back(fmt::format("did you mean `moat {}{}`?", prefix, *near));
  hints.push_back(fmt::format("`moat {}--help` lists the commands", prefix));
  throw Error(ErrorKind::Usage, fmt::format("there is no command `moat {}{}`", prefix, typed),
              std::move(hints));
}

// What was typed, taken apart as far as it can be without knowing the options of the command.
struct Words {
  const CommandEntry* command = nullptr;
  std::string_view family;             // `moat env` without a command
  std::vector<std::string> arguments;  // of the command, global options first
  std::vector<std::string> pip;        // what follows `pip`, whose options are its own
  bool help = false, version = false;
};

// Options before the command are the global ones.
Words take_apart(const std::vector<std::string>& words) {
  Words out;
  std::size_t i = 0;
  for (; i < words.size() && is_option(words[i]); ++i) {
    if (words[i] == "--help" || words[i] == "-h") return {.help = true};
    if (words[i] == "--version" || words[i] == "-V") return {.version = true};
    out.arguments.push_back(words[i]);
    if (holds(kGlobalsWithValue, words[i]) && i + 1 < words.size()) out.arguments.push_back(words[++i]);
  }
  if (i == words.size()) {
    if (!out.arguments.empty())
      throw Error(ErrorKind::Usage, "no command was named", {"`moat --help` lists the commands"});
    return {.help = true};
  }
  std::string name = words[i++];
  if (name == "help") {
    out.help = true;
    if (i == words.size()) return out;
    name = words[i++];
  }
  if (holds(kFamilies, name)) {
    const bool alone = i == words.size() || words[i] == "--help" || words[i] == "-h";
    if (alone) {
      out.family = *std::find(kFamilies.begin(), kFamilies.end(), name);
      out.help = out.help || i < words.size();
      return out;
    }
    if (!is_option(words[i]) && find_command(name + " " + words[i]) == nullptr)
      throw_unknown_command(words[i], members_of(name), name + " ");
    name += " " + words[i++];
  }
  out.command = find_command(name);
  if (out.command == nullptr) throw_unknown_command(name, first_words(), "");
  std::vector<std::string>& rest = name == "pip" ? out.pip : out.arguments;
  rest.insert(rest.end(), words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
  return out;
}

// Does this option take the next word as its value?
bool takes_next_word(const std::string& word, const CLI::App& app) {
  const bool is_long = word.compare(0, 2, "--") == 0;
  if (is_long ? word.find('=') != std::string::npos : word.size() > 2) return false;
  const CLI::Option* option = app.get_option_no_throw(word);
  return option != nullptr && option->get_expected_max() > 0;
}

// What belongs to `run` itself ends at the first word that is no option, or at `--`.
std::vector<std::string> split_off_program(std::vector<std::string>& arguments, const CLI::App& app) {
  std::size_t i = 0;
  while (i < arguments.size() && is_option(arguments[i]) && arguments[i] != "--")
    i += takes_next_word(arguments[i], app) ? 2U : 1U;
  i = std::min(i, arguments.size());
  const auto cut = arguments.begin() + static_cast<std::ptrdiff_t>(i);
  const bool dashes = cut != arguments.end() && *cut == "--";
  std::vector<std::string> program(cut + (dashes ? 1 : 0), arguments.end());
  arguments.erase(cut, arguments.end());
  return program;
}

std::string option_names(const CLI::Option& option) {
  std::string out;
  for (const std::string& name : option.get_snames()) out += "-" + name + ", ";
  if (option.get_snames().empty()) out += "    ";
  for (const std::string& name : option.get_lnames()) out += "--" + name;
  if (option.get_expected_max() > 0 && !option.get_type_name().empty()) out += " " + option.get_type_name();
  return out;
}

// `text` broken at spaces so that no line is longer than `width`; later lines are indented.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = indent;
  for (const std::string_view word : split(text, ' ')) {
    if (column > indent && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string help_line(const std::string& names, std::string_view text) {
  constexpr std::size_t kIndent = 34, kWidth = 110;
  std::string out = "  " + names;
  out += out.size() + 2 > kIndent ? "\n" + std::string(kIndent, ' ') : std::string(kIndent - out.size(), ' ');
  return out + wrapped(text, kIndent, kWidth) + "\n";
}

std::string command_help(const CommandEntry& command, const CLI::App& app) {
  std::string out = fmt::format("{}\n\nUsage: moat {} [OPTION…]{}{}\n", command.summary, command.name,
                                command.usage.empty() ? "" : " ", command.usage);
  std::vector<std::string> groups;
  for (const CLI::Option* option : app.get_options())
    if (std::find(groups.begin(), groups.end(), option->get_group()) == groups.end())
      groups.push_back(option->get_group());
  // "Everywhere" was declared first and is told last.
  std::stable_partition(groups.begin(), groups.end(),
                        [](const std::string& group) { return group != "Everywhere"; });
  std::stable_partition(groups.begin(), groups.end(),
                        [](const std::string& group) { return group == "Arguments"; });
  for (const std::string& group : groups) {
    out += "\n" + group + ":\n";
    for (const CLI::Option* option : app.get_options())
      if (option->get_group() == group)
        out += help_line(option->get_positional() ? option->get_name(true, false) : option_names(*option),
                         option->get_description());
  }
  out += "\nExample:\n";
  for (const std::string_view line : split_lines(command.example)) out += fmt::format("  {}\n", line);
  return out;
}

std::vector<std::string> long_options(const CLI::App& app) {
  std::vector<std::string> names{"--help"};
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

[[noreturn]] void throw_unexpected(const CommandEntry& command, std::string typed, const CLI::App& app) {
  typed = typed.substr(0, typed.find('='));
  const std::string see = fmt::format("`moat {} --help` lists the options", command.name);
  if (!is_option(typed))
    throw Error(ErrorKind::Usage, fmt::format("`moat {}` has no use for {}", command.name, quote(typed)),
                {see});
  std::vector<std::string> hints;
  if (const std::optional<std::string> near = nearest_name(typed, long_options(app)))
    hints.push_back(fmt::format("did you mean `{}`?", *near));
  hints.push_back(see);
  throw Error(ErrorKind::Usage, fmt::format("`moat {}` has no option {}", command.name, quote(typed)),
              std::move(hints));
}

// CLI11's own words, made ours.
[[noreturn]] void throw_usage(const CommandEntry& command, const CLI::ParseError& error) {
  const std::string see = fmt::format("`moat {} --help` lists the options", command.name);
  std::string text = error.what();
  const std::string option = text.substr(0, text.find(':'));
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
    text = fmt::format("`moat {}` needs {}", command.name, command.usage);
  else if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    text = text.find("required") != std::string::npos ? fmt::format("`{}` needs a value", option)
                                                      : fmt::format("`{}` takes one value, once", option);
  else if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr)
    text = fmt::format("{} is not a number",
                       text.substr(text.find("--") == std::string::npos ? 0 : text.find("--")));
  else if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr)
    text = "`--env` and `--user` exclude each other";
  throw Error(ErrorKind::Usage, text, {see});
}

void read_options(const CommandEntry& command, Declaration& d, std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // what CLI11 wants
  try {
    d.app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    throw_usage(command, error);
  }
  if (const std::vector<std::string> rest = d.app.remaining(); !rest.empty())
    throw_unexpected(command, rest.front(), d.app);
  for (const std::function<void()>& step : d.finish) step();
}

// -h among the command's own words.
bool asks_for_help(const std::vector<std::string>& arguments) {
  for (const std::string& word : arguments) {
    if (word == "--") return false;
    if (word == "--help" || word == "-h") return true;
  }
  return false;
}

std::string typed_line(const std::vector<std::string>& arguments) {
  std::string out = "moat";
  for (const std::string& word : arguments) out += " " + hide_credentials(word);
  return out;
}

}  // namespace

std::string overview() {
  std::string out = "moat: sealed Python environments\n\nUsage: moat [OPTION…] COMMAND …\n\nCommands:\n";
  for (const CommandEntry& entry : kCommands)
    out += fmt::format("  {:<30} {}\n", fmt::format("{} {}", entry.name, entry.usage), entry.summary);
  out +=
      "\nmoat COMMAND --help explains a command, with an example.\n"
      "Everywhere: --env or --user where an environment is meant, --json, -q, -v, --offline, --timings.\n";
  return out;
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const CommandEntry& entry : kCommands) names.emplace_back(entry.name);
  return names;
}

bool wants_json(const std::vector<std::string>& arguments) {
  for (const std::string& word : arguments) {
    if (word == "--" || word == "run" || word == "shell" || word == "pip") return false;
    if (word == "--json") return true;
  }
  return false;
}

std::variant<Invocation, HelpText> parse_arguments(const std::vector<std::string>& arguments) {
  Words words = take_apart(arguments);
  if (words.version) return HelpText{"moat " MOAT_VERSION "\n"};
  if (!words.family.empty()) {
    if (words.help) return HelpText{family_help(words.family)};
    throw Error(ErrorKind::Usage, fmt::format("`moat {}` needs a command", words.family),
                {fmt::format("`moat {} --help` lists them", words.family)});
  }
  if (words.command == nullptr) return HelpText{overview()};

  Invocation invocation{.name = std::string(words.command->name), .line = typed_line(arguments)};
  Declaration declaration(invocation);
  declaration.app.set_help_flag();
  declaration.app.allow_extras();
  declare_global(declaration);
  declaration.group = "Options";
  words.command->declare(declaration);
  std::vector<std::string> program;
  if (words.command->name == "run") program = split_off_program(words.arguments, declaration.app);

  if (words.command->name == "pip") {
    PipCommand pip = parse_pip(words.pip);
    if (words.help || pip.help) return HelpText{pip_help(pip.command)};
    if (pip.version) return HelpText{"moat-pip " MOAT_VERSION "\n"};
    read_options(*words.command, declaration, std::move(words.arguments));
    invocation.name = "pip " + pip.command;
    invocation.command = std::move(pip);
    return invocation;
  }
  if (words.help || asks_for_help(words.arguments))
    return HelpText{command_help(*words.command, declaration.app)};
  read_options(*words.command, declaration, std::move(words.arguments));
  if (auto* run = std::get_if<RunCommand>(&invocation.command)) {
    if (program.empty())
      throw Error(ErrorKind::Usage, "no command to run was named", {"`moat run python` starts Python"});
    run->command = std::move(program);
  }
  return invocation;
}

}  // namespace moat
