// The command line of each command: its words, its options and the checks before it runs. By family, one file
// each; kCommands in commands.cpp lists them.
#pragma once

namespace moat {

struct Declaration;

// environment_commands.cpp
void declare_create(Declaration& d);
void declare_install(Declaration& d);
void declare_upgrade(Declaration& d);
void declare_uninstall(Declaration& d);
void declare_list(Declaration& d);
void declare_freeze(Declaration& d);
void declare_show(Declaration& d);
void declare_tree(Declaration& d);
void declare_why(Declaration& d);
void declare_which(Declaration& d);
void declare_shell(Declaration& d);
void declare_doctor(Declaration& d);
void declare_audit(Declaration& d);
void declare_report(Declaration& d);
void declare_env_list(Declaration& d);
void declare_env_info(Declaration& d);
void declare_env_history(Declaration& d);
void declare_env_rollback(Declaration& d);
void declare_env_adopt(Declaration& d);
void declare_env_remove(Declaration& d);
void declare_env_rename(Declaration& d);
void declare_env_clone(Declaration& d);
void declare_env_move(Declaration& d);
void declare_env_diff(Declaration& d);
void declare_env_upgrade_python(Declaration& d);

// project_commands.cpp
void declare_run(Declaration& d);
void declare_lock(Declaration& d);
void declare_init(Declaration& d);
void declare_add(Declaration& d);
void declare_remove(Declaration& d);
void declare_export(Declaration& d);
void declare_build_command(Declaration& d);
void declare_import(Declaration& d);
void declare_cache_key(Declaration& d);
void declare_sync(Declaration& d);

// deploy_commands.cpp
void declare_bundle(Declaration& d);
void declare_bundle_show(Declaration& d);
void declare_bundle_verify(Declaration& d);
void declare_push(Declaration& d);
void declare_pull(Declaration& d);
void declare_image(Declaration& d);
void declare_deploy(Declaration& d);
void declare_deploy_rollback(Declaration& d);
void declare_deploy_history(Declaration& d);
void declare_deploy_verify(Declaration& d);
void declare_deploy_status(Declaration& d);

// tool_commands.cpp
void declare_tool_install(Declaration& d);
void declare_tool_run(Declaration& d);
void declare_tool_list(Declaration& d);
void declare_tool_upgrade(Declaration& d);
void declare_tool_uninstall(Declaration& d);
void declare_python_list(Declaration& d);
void declare_python_find(Declaration& d);
void declare_python_pin(Declaration& d);
void declare_python_install(Declaration& d);
void declare_python_uninstall(Declaration& d);

// other_commands.cpp
void declare_store_dir(Declaration& d);
void declare_store_size(Declaration& d);
void declare_store_prune(Declaration& d);
void declare_store_verify(Declaration& d);
void declare_store_repair(Declaration& d);
void declare_store_export(Declaration& d);
void declare_store_jobs(Declaration& d);
void declare_config_list(Declaration& d);
void declare_config_get(Declaration& d);
void declare_config_set(Declaration& d);
void declare_config_import_pip(Declaration& d);
void declare_completion(Declaration& d);
void declare_hook(Declaration& d);
void declare_eval(Declaration& d);
void declare_pip(Declaration& d);

}  // namespace moat
