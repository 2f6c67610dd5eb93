// The command line → Invocation. Every option's name and help, and CLI11, live in cli/args/.
#pragma once

#include "cli/args/pip_command.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace moat {

// Understood by every command.
struct GlobalOptions {
  std::optional<std::string> project;
  int quiet = 0;
  int verbose = 0;
  std::optional<std::string> color;  // auto, always, never
  bool no_progress = false;
  bool json = false;
  bool offline = false;
  bool timings = false;
  std::optional<std::string> store_dir;
  std::optional<std::string> config;
  bool no_config = false;
};

// Groups of options that several commands share; empty if a command has no such group. As typed: settings
// parses the values, together with environment variables and files.
struct SharedOptions {
  // environment
  std::optional<std::string> env;
  bool user = false;
  std::optional<std::string> tool;  // an application of this user
  std::optional<std::string> python;
  // resolver
  bool pre = false;
  std::vector<std::string> all_releases, only_final;
  std::optional<std::string> resolution, exclude_newer, window;
  std::vector<std::string> overrides;
  bool refresh = false;
  std::vector<std::string> refresh_packages;
  bool no_vulnerable = false;
  std::optional<std::string> fork;  // of `lock`
  // index
  std::optional<std::string> index_url;
  std::vector<std::string> extra_index_urls, indexes, find_links, trusted_hosts;
  bool no_index = false, no_input = false;
  std::optional<std::string> index_strategy, cert, client_cert;
  // network: no options of moat's own commands, but of pip's
  std::optional<std::string> proxy, timeout, retries;
  // as pip does: requirements files may read every variable and include any file
  bool files_as_pip = false;
  // build: {"no-binary" | "only-binary", value} in the order given
  std::vector<std::pair<std::string, std::string>> binary;
  bool no_build = false, no_build_isolation = false, build_network = false;
  std::vector<std::string> config_settings, build_constraints, build_env;
  // link
  std::optional<std::string> link_mode;
  bool no_compile = false, strict_files = false, compile = false;
  std::vector<std::string> allow_bad_record;
  // audit
  std::vector<std::string> audit_ignore;
  std::optional<std::string> advisories;
};

struct CreateCommand {
  std::optional<std::string> path;  // ENV; absent with -n
  std::optional<std::string> name;
  std::vector<std::string> packages;
  std::vector<std::string> requirement_files, groups;
  std::string prompt;
  bool replace = false, share = false, pip = false;
};

struct InstallCommand {
  std::vector<std::string> packages, editables;
  std::vector<std::string> requirement_files, constraint_files, groups;
  bool upgrade = false;
  std::vector<std::string> upgrade_packages;
  bool reinstall = false, no_deps = false, dry_run = false, require_hashes = false;
  // pip's --upgrade: newest versions of the named packages, not of their dependencies
  bool upgrade_named = false;
  bool of_application = false;  // `moat tool install`: its environment is created if missing
  std::optional<int> fix;       // number of a suggested fix for a conflict
};

struct UpgradeCommand {
  std::vector<std::string> names;  // none: everything
  bool dry_run = false;
  bool keep_pins = false;  // `moat tool upgrade`: earlier requests stay in force, `==` too
};

struct UninstallCommand {
  std::vector<std::string> packages;
  bool orphans = false, dry_run = false;
};

struct ListCommand {
  bool outdated = false;
  std::string format = "columns";
};
struct FreezeCommand {};
struct ShowCommand {
  std::vector<std::string> names;
};
struct TreeCommand {
  bool invert = false;
  std::optional<int> depth;
  std::vector<std::string> names;
};
struct WhyCommand {
  std::vector<std::string> names;
};
struct WhichCommand {
  std::vector<std::string> names;
};

struct SyncCommand {
  std::optional<std::string> lock;
  std::vector<std::string> extras, groups, only_groups;
  bool all_extras = false, no_default_groups = false;
  bool no_project = false, no_editable = false;  // the project's own package
  bool locked = false, frozen = false;           // the lock must be up to date; is not checked
  bool inexact = false, dry_run = false;
  std::optional<std::string> package;  // a member of the workspace
};

struct RunCommand {
  bool pure = false;
  std::string matrix;                // "3.11,3.12": run in an environment for each
  bool no_sync = false;              // a project's environment is used as it is
  std::string about_project;         // a typed option that only works in a project's environment: "--extra"
  SyncCommand sync;                  // how to update it otherwise
  bool module = false;               // -m: `command` begins with a module
  bool from_input = false;           // `-`: Python reads its program from standard input
  std::string about_packages;        // a typed option that only --with and scripts obey: "--index-url"
  std::vector<std::string> with;     // PACKAGE
  std::vector<std::string> command;  // CMD ARG…, never empty
};
struct ShellCommand {};

// Applications. APP: a requirement, a path or URL, or NAME@VERSION.
struct ToolInstallCommand {
  std::string app;
  std::vector<std::string> with;
  bool upgrade = false;
};
struct ToolRunCommand {
  std::optional<std::string> from;  // the package, if its name differs from the command's
  std::vector<std::string> with;
  bool as_installed = true;          // no typed option rules out an installed application
  std::vector<std::string> command;  // APP ARG…, never empty
};
struct ToolListCommand {};
struct ToolUpgradeCommand {
  std::vector<std::string> names;  // none: all
  bool dry_run = false;
};
struct ToolUninstallCommand {
  std::vector<std::string> names;
  bool dry_run = false;
};

struct DoctorCommand {
  bool strict = false, repair = false, prove = false;
};

struct AuditCommand {
  std::optional<std::string> lock;  // none: the environment
};
struct ReportCommand {
  std::optional<std::string> lock;  // none: the environment
  std::optional<std::string> output;
  bool outdated = false;
};

struct LockCommand {
  std::vector<std::string> requirement_files, constraint_files, groups;
  bool no_groups = false;  // not those of the existing lock either
  std::optional<std::string> output, format;
  std::vector<std::string> python_versions, platforms;
  bool universal = false;
  bool upgrade = false;
  std::vector<std::string> upgrade_packages;
  bool check = false, dry_run = false;
  std::optional<std::string> script;     // lock the metadata of this script instead of the project's
  bool merge = false;                    // a lock that git could not merge
  std::vector<std::string> merge_files;  // as git's merge driver has them: base, ours, theirs
};

struct AddCommand {
  std::vector<std::string> requirements, editables;
  std::optional<std::string> passing_index;  // the option that sets an index for this command only
  bool dev = false, raw = false;
  std::optional<std::string> group, optional, bounds;
  bool no_sync = false, dry_run = false;
  std::optional<std::string> script, package;
};
struct RemoveCommand {
  std::vector<std::string> names;
  bool dev = false;
  std::optional<std::string> group, optional;
  bool no_sync = false, dry_run = false;
  std::optional<std::string> script, package;
};
struct ExportCommand {
  SyncCommand choice;  // its LOCK, extras and groups
  std::optional<std::string> format, output;
};
struct BuildCommand {
  bool sdist = false, wheel = false;  // neither: both
  std::optional<std::string> output;
};
struct ImportCommand {
  std::string file;
  bool dry_run = false;
};
struct CacheKeyCommand {
  std::optional<std::string> lock;
};
struct InitCommand {
  std::optional<std::string> path, name;
  bool package = false;
};

struct BundleCommand {
  std::optional<std::string> lock;
  std::string output;
  std::optional<std::string> name, sign;
  bool with_python = false, no_project = false;
  bool with_bytecode = false, without_bytecode = false;  // neither: as with_python
  std::vector<std::string> extras, groups;
  std::vector<std::string> platforms, python_versions;  // targets other than this machine
};
struct BundleShowCommand {
  std::string file;
  bool sbom = false;
};
struct BundleVerifyCommand {
  std::string file;
  std::vector<std::string> keys;
};

struct PushCommand {
  std::string file, reference;
};
struct PullCommand {
  std::string reference, output;
  std::vector<std::string> keys;
};
// A container image of what a bundle, or a lock, holds.
struct ImageCommand {
  std::optional<std::string> source;  // LOCK, BUNDLE or oci://…
  std::string output;
  std::string base = "none", format = "oci", place = "/app";
  std::optional<std::string> name, user, entrypoint, working_directory;
  std::vector<std::string> command;  // arguments of the entry point
  std::vector<std::string> variables, labels, ports, extras, groups, keys;
  bool no_project = false;
};

// Commands that a deploy and a rollback run in addition.
struct HookOptions {
  std::string check_timeout = "60s", probe_timeout = "30s";
  std::string check, after, probe;
};
struct DeployCommand {
  std::string source, dest;
  std::vector<std::string> keys;
  bool insecure = false, not_older = false;
  HookOptions hooks;
  int keep = 3;
};
struct DeployRollbackCommand {
  std::string dest;
  std::optional<int> release;
  HookOptions hooks;
};
struct DeployHistoryCommand {
  std::string dest;
  std::optional<int> limit;
};
struct DeployVerifyCommand {
  std::string dest;
};
struct DeployStatusCommand {
  std::string dest;
};

struct ConfigListCommand {};
struct ConfigGetCommand {
  std::string name;
};
struct ConfigSetCommand {
  std::string name;
  std::vector<std::string> values;
};

struct ConfigImportPipCommand {
  bool dry_run = false, replace = false;
};

struct EnvListCommand {};
struct EnvInfoCommand {};
struct EnvHistoryCommand {
  std::optional<int> limit;
};
struct EnvRollbackCommand {
  std::optional<int> state;
  bool force = false;
};
struct EnvAdoptCommand {
  std::optional<std::string> env;
};
struct EnvRemoveCommand {
  std::string env;
  bool yes = false, dry_run = false;
};
struct EnvRenameCommand {
  std::string from, to;
};
struct EnvCloneCommand {
  std::string from, to;
};
struct EnvMoveCommand {
  std::string from, to;
};
struct EnvUpgradePythonCommand {};
struct EnvDiffCommand {
  std::string from;  // an environment, or the number of a state of this one
  std::optional<std::string> to;
};

struct StoreDirCommand {};
struct StoreSizeCommand {};
struct StorePruneCommand {
  std::string older_than = "30d";
  std::optional<std::string> max_size;
  bool ci = false, dry_run = false;
};
struct StoreVerifyCommand {};
struct StoreRepairCommand {};
struct StoreExportCommand {
  std::string folder;
};
struct StoreJobsCommand {
  bool wait = false;
  bool work = false;  // run by the background process
};

struct CompletionCommand {
  std::string shell;
  std::vector<std::string> words;  // to complete the last of; none: print the script
};

struct HookCommand {
  std::string shell;
  std::optional<std::string> folder;  // print commands for this folder; none: print the script
};

struct EvalCommand {
  std::string subject;
};

struct PythonListCommand {
  bool available = false;  // those to install, instead of those that are here
};
struct PythonFindCommand {
  std::optional<std::string> spec;
};
struct PythonPinCommand {
  std::optional<std::string> spec;  // none: the pinned one
};
struct PythonInstallCommand {
  std::vector<std::string> specs;
};
struct PythonUninstallCommand {
  std::vector<std::string> specs;
  bool dry_run = false;
};

using CommandOptions = std::variant<
    CreateCommand, InstallCommand, UpgradeCommand, UninstallCommand, ListCommand, FreezeCommand, ShowCommand,
    TreeCommand, WhyCommand, WhichCommand, RunCommand, ShellCommand, ToolInstallCommand, ToolRunCommand,
    ToolListCommand, ToolUpgradeCommand, ToolUninstallCommand, DoctorCommand, AuditCommand, ReportCommand,
    InitCommand, AddCommand, RemoveCommand, ExportCommand, BuildCommand, ImportCommand, CacheKeyCommand,
    LockCommand, SyncCommand, BundleCommand, BundleShowCommand, BundleVerifyCommand, DeployCommand,
    DeployRollbackCommand, DeployHistoryCommand, DeployVerifyCommand, DeployStatusCommand, EnvListCommand,
    EnvInfoCommand, EnvHistoryCommand, EnvRollbackCommand, EnvAdoptCommand, EnvRemoveCommand,
    EnvRenameCommand, EnvCloneCommand, EnvMoveCommand, EnvDiffCommand, EnvUpgradePythonCommand,
    StoreDirCommand, StoreSizeCommand, StorePruneCommand, StoreVerifyCommand, StoreRepairCommand,
    StoreExportCommand, ConfigListCommand, ConfigGetCommand, ConfigSetCommand, ConfigImportPipCommand,
    PythonListCommand, PythonFindCommand, PythonPinCommand, PythonInstallCommand, PythonUninstallCommand,
    CompletionCommand, HookCommand, EvalCommand, PipCommand, StoreJobsCommand, PushCommand, PullCommand,
    ImageCommand>;

struct Invocation {
  std::string name;  // "install", "env history"
  std::string line;  // the typed command, for history and lock files: "moat install flask"; no credentials
  GlobalOptions global;
  SharedOptions shared;
  CommandOptions command;
  std::vector<std::string> warnings = {};  // about the command line, or about pip's configuration
};

// A text to print instead of doing anything: help, or the version.
struct HelpText {
  std::string text;
};

// Without argv[0]. Throws Error(Usage) for anything unknown, with the nearest name as a hint.
std::variant<Invocation, HelpText> parse_arguments(const std::vector<std::string>& arguments);

// The help of `moat` itself.
std::string overview();

// Every command's name, in the order of the overview: "create", …, "env list", ….
std::vector<std::string> command_names();

// Was --json given? Decided without a full parse, so that even a usage error can be a document.
bool wants_json(const std::vector<std::string>& arguments);

}  // namespace moat
