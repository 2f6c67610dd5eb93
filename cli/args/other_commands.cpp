// The command line of the store, settings, completion and other tools.
#include "cli/args/commands_declared.h"
#include "cli/args/declaration.h"
#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

namespace moat {

void declare_store_dir(Declaration& d) { d.invocation.command.emplace<StoreDirCommand>(); }
void declare_store_size(Declaration& d) { d.invocation.command.emplace<StoreSizeCommand>(); }
void declare_store_prune(Declaration& d) {
  StorePruneCommand& prune = d.invocation.command.emplace<StorePruneCommand>();
  d.value("--older-than", prune.older_than, "AGE",
          "entries not used for that long: 30d (default), 12h, 0d for everything");
  d.value("--max-size", prune.max_size, "SIZE",
          "then the least recently used, until at most this much is left: 5GB, 500MB");
  d.flag("--ci", prune.ci, "only what indexes can provide again: for CI caches, which keep what was built");
  d.flag("--dry-run", prune.dry_run, "say what would be removed, and remove nothing");
}
void declare_store_verify(Declaration& d) { d.invocation.command.emplace<StoreVerifyCommand>(); }
void declare_store_repair(Declaration& d) { d.invocation.command.emplace<StoreRepairCommand>(); }
void declare_store_export(Declaration& d) {
  d.positional("DIR", d.invocation.command.emplace<StoreExportCommand>().folder, "where to write the wheels")
      ->required();
}
void declare_store_jobs(Declaration& d) {
  StoreJobsCommand& jobs = d.invocation.command.emplace<StoreJobsCommand>();
  d.flag("--wait", jobs.wait, "return when none is left");
  d.flag("--work", jobs.work, "what runs in the background")->group("");
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
  d.positional("VALUE", set.values, "its value, several for a list; without VALUE, removes the setting");
}

void declare_config_import_pip(Declaration& d) {
  ConfigImportPipCommand& import = d.invocation.command.emplace<ConfigImportPipCommand>();
  d.flag("--dry-run", import.dry_run, "say what would be taken, and change nothing");
  d.flag("--replace", import.replace, "replace existing settings");
}

namespace {

void check_shell(const std::string& shell, std::string hint) {
  if (shell == "bash" || shell == "zsh" || shell == "fish") return;
  throw Error(ErrorKind::Usage, fmt::format("SHELL must be one of: bash, zsh, fish (got {})", quote(shell)),
              {std::move(hint)});
}

}  // namespace

void declare_completion(Declaration& d) {
  CompletionCommand& completion = d.invocation.command.emplace<CompletionCommand>();
  d.positional("SHELL", completion.shell, "bash, zsh or fish")->required();
  d.positional("WORD", completion.words,
               "after --: completions of the last of these words (used by the script)");
  d.finish.emplace_back(
      [&completion] { check_shell(completion.shell, "`moat completion bash` prints the script for bash"); });
}

void declare_hook(Declaration& d) {
  HookCommand& hook = d.invocation.command.emplace<HookCommand>();
  d.positional("SHELL", hook.shell, "bash, zsh or fish")->required();
  d.positional("FOLDER", hook.folder, "commands for this folder (used by the script)");
  d.finish.emplace_back([&hook] { check_shell(hook.shell, "`moat hook bash` prints the script for bash"); });
}

void declare_eval(Declaration& d) {
  EvalCommand& eval = d.invocation.command.emplace<EvalCommand>();
  d.positional("SUBJECT", eval.subject,
               "version, specifier, marker, requirement, wheel, sdist, tags, name, metadata or lock")
      ->required();
}

void declare_pip(Declaration& d) { d.invocation.command.emplace<PipCommand>(); }

}  // namespace moat
