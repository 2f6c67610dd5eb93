#include "cli/args/commands.h"

#include "cli/args/commands_declared.h"

#include <algorithm>
#include <array>

namespace moat {
namespace {

constexpr std::array kCommands = {
    CommandEntry{"create", "[ENV] [PACKAGE…]", "make a sealed environment",
                 "moat create                           # ./.venv\n"
                 "moat create -n lab -p 3.12 numpy      # a named one, for use with --env lab",
                 declare_create},
    CommandEntry{
        "install", "PACKAGE…", "resolve and install into an environment",
        "moat install 'flask>=3' ./dist/my_app-1.0-py3-none-any.whl\nmoat install -r requirements.txt",
        declare_install},
    CommandEntry{"upgrade", "[NAME…]", "the newest versions allowed; of a project also in its lock",
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
                 "moat doctor --strict         # exit 1 if something leaks or is damaged", declare_doctor},
    CommandEntry{"audit", "[LOCK|BUNDLE]",
                 "report known vulnerabilities, yanked releases and licence problems",
                 "moat audit                           # exit 1 if something is found\n"
                 "moat audit pylock.toml --ignore GHSA-xxxx-yyyy-zzzz@2026-12-31",
                 declare_audit},
    CommandEntry{"report", "[LOCK]", "one HTML page about an environment, or a lock",
                 "moat report --env lab -o lab.html", declare_report},
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
                 "moat sync --locked           # CI: exit 1 if the lock is not up to date\n"
                 "moat sync pylock.toml",
                 declare_sync},
    CommandEntry{"bundle", "[LOCK] -o FILE",
                 "everything a lock installs, in one file for a machine without network",
                 "moat bundle pylock.toml -o shop.moat --sign deploy.key", declare_bundle},
    CommandEntry{"bundle show", "FILE", "what is in a bundle", "moat bundle show shop.moat",
                 declare_bundle_show},
    CommandEntry{"bundle verify", "FILE", "check every hash in a bundle, and its signature",
                 "moat bundle verify shop.moat --key deploy.pub", declare_bundle_verify},
    CommandEntry{"push", "FILE REFERENCE", "put a bundle into a registry: only what it lacks is sent",
                 "moat push shop.moat oci://registry.example/team/shop:2.1", declare_push},
    CommandEntry{"pull", "REFERENCE -o FILE", "get a bundle out of a registry",
                 "moat pull oci://registry.example/team/shop:2.1 -o shop.moat --key deploy.pub",
                 declare_pull},
    CommandEntry{"image", "[SOURCE] -o FILE", "a container image, made without a daemon",
                 "moat image pylock.toml -o shop.tar --entrypoint 'gunicorn shop:app' --user 1000\n"
                 "skopeo copy oci-archive:shop.tar docker://registry.example/team/shop:2.1",
                 declare_image},
    CommandEntry{"deploy", "SOURCE DEST",
                 "deploy a bundle: check it, switch to it, and switch back if it fails",
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
    CommandEntry{"import", "FILE", "take over a project of another tool, at its locked versions",
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
    CommandEntry{"env diff", "A [B]", "the differences between two environments, or two states of one",
                 "moat env diff lab lab-next\nmoat env diff 3 7        # two states of the environment here",
                 declare_env_diff},
    CommandEntry{
        "env upgrade-python", "", "another Python for an environment: packages chosen again, in one switch",
        "moat env upgrade-python -p 3.13      # `moat env rollback` goes back", declare_env_upgrade_python},
    CommandEntry{"store dir", "", "where wheels, runtimes and pages are kept", "moat store dir",
                 declare_store_dir},
    CommandEntry{"store size", "", "how much is kept there", "moat store size", declare_store_size},
    CommandEntry{"store prune", "", "remove entries not used for long", "moat store prune --older-than 7d",
                 declare_store_prune},
    CommandEntry{"store verify", "", "hash every wheel in it again", "moat store verify",
                 declare_store_verify},
    CommandEntry{"store repair", "", "remove damaged entries, and unpack them again if possible",
                 "moat store repair", declare_store_repair},
    CommandEntry{"store export", "DIR", "every wheel in it as a file, for other tools: --find-links DIR",
                 "moat store export ./wheelhouse", declare_store_export},
    CommandEntry{"store jobs", "", "environments whose bytecode is being made in the background",
                 "moat store jobs --wait", declare_store_jobs},
    CommandEntry{"python list", "", "the interpreters that are here", "moat python list",
                 declare_python_list},
    CommandEntry{"python find", "[SPEC]", "which interpreter a SPEC means", "moat python find '>=3.10'",
                 declare_python_find},
    CommandEntry{"python pin", "[SPEC]", "write the Python for this folder into .python-version",
                 "moat python pin 3.12", declare_python_pin},
    CommandEntry{"python install", "SPEC…", "download a Python, for this user alone",
                 "moat python install 3.13", declare_python_install},
    CommandEntry{"python uninstall", "SPEC…", "remove a downloaded Python; environments made from it go on",
                 "moat python uninstall 3.12", declare_python_uninstall},
    CommandEntry{"pip", "COMMAND …",
                 "pip's own spelling: install, uninstall, list, freeze, show, check, wheel, …",
                 "moat pip install -q -r requirements.txt", declare_pip},
    CommandEntry{"config list", "", "what variables and files set, and where", "moat config list",
                 declare_config_list},
    CommandEntry{"config get", "NAME", "one setting", "moat config get index-url", declare_config_get},
    CommandEntry{"config set", "NAME [VALUE…]", "change the user's settings file",
                 "moat config set link-mode copy\nmoat config set link-mode        # removes it",
                 declare_config_set},
    CommandEntry{"config import-pip", "", "take over what pip's configuration says",
                 "moat config import-pip --dry-run", declare_config_import_pip},
    CommandEntry{"completion", "SHELL", "the script that completes moat's words in bash, zsh or fish",
                 "moat completion fish > ~/.config/fish/completions/moat.fish\n"
                 "eval \"$(moat completion bash)\"      # in ~/.bashrc; zsh: the same in ~/.zshrc",
                 declare_completion},
    CommandEntry{"hook", "SHELL", "the script that activates the environment of a folder on `cd`",
                 "moat hook fish | source     # in ~/.config/fish/config.fish\n"
                 "eval \"$(moat hook bash)\"    # in ~/.bashrc; zsh: the same in ~/.zshrc",
                 declare_hook},
    CommandEntry{"eval", "SUBJECT", "the packaging standards as a service: JSON lines in, JSON lines out",
                 "moat eval version <<< '{\"version\": \"1.0-1\"}'", declare_eval},
};

constexpr std::array<std::string_view, 7> kFamilies = {"env",    "tool",   "store", "python",
                                                       "config", "bundle", "deploy"};

}  // namespace

std::span<const CommandEntry> commands() { return kCommands; }

const CommandEntry* command_named(std::string_view name) {
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
