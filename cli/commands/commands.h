// Every command: a parsed command in, exit status out. One file each (families in one), named like the
// command. Failures are thrown.
#pragma once

#include "cli/args/args.h"
#include "cli/session/session.h"

namespace moat {

int execute(const CreateCommand& command, Session& session);
int execute(const InstallCommand& command, Session& session);
int execute(const UpgradeCommand& command, Session& session);
int execute(const UninstallCommand& command, Session& session);
int execute(const ListCommand& command, Session& session);
int execute(const FreezeCommand& command, Session& session);
int execute(const ShowCommand& command, Session& session);
int execute(const TreeCommand& command, Session& session);
int execute(const WhyCommand& command, Session& session);
int execute(const WhichCommand& command, Session& session);
int execute(const RunCommand& command, Session& session);
int execute(const ShellCommand& command, Session& session);
int execute(const ToolInstallCommand& command, Session& session);
int execute(const ToolRunCommand& command, Session& session);
int execute(const ToolListCommand& command, Session& session);
int execute(const ToolUpgradeCommand& command, Session& session);
int execute(const ToolUninstallCommand& command, Session& session);
int execute(const DoctorCommand& command, Session& session);
int execute(const AuditCommand& command, Session& session);
int execute(const ReportCommand& command, Session& session);
int execute(const InitCommand& command, Session& session);
int execute(const AddCommand& command, Session& session);
int execute(const RemoveCommand& command, Session& session);
int execute(const ExportCommand& command, Session& session);
int execute(const BuildCommand& command, Session& session);
int execute(const CacheKeyCommand& command, Session& session);
int execute(const ImportCommand& command, Session& session);
int execute(const LockCommand& command, Session& session);
int execute(const SyncCommand& command, Session& session);
int execute(const BundleCommand& command, Session& session);
int execute(const BundleShowCommand& command, Session& session);
int execute(const BundleVerifyCommand& command, Session& session);
int execute(const PushCommand& command, Session& session);
int execute(const PullCommand& command, Session& session);
int execute(const ImageCommand& command, Session& session);
int execute(const DeployCommand& command, Session& session);
int execute(const DeployRollbackCommand& command, Session& session);
int execute(const DeployHistoryCommand& command, Session& session);
int execute(const DeployVerifyCommand& command, Session& session);
int execute(const DeployStatusCommand& command, Session& session);
int execute(const ConfigListCommand& command, Session& session);
int execute(const ConfigGetCommand& command, Session& session);
int execute(const ConfigSetCommand& command, Session& session);
int execute(const ConfigImportPipCommand& command, Session& session);
int execute(const EnvListCommand& command, Session& session);
int execute(const EnvInfoCommand& command, Session& session);
int execute(const EnvHistoryCommand& command, Session& session);
int execute(const EnvRollbackCommand& command, Session& session);
int execute(const EnvAdoptCommand& command, Session& session);
int execute(const EnvRemoveCommand& command, Session& session);
int execute(const EnvRenameCommand& command, Session& session);
int execute(const EnvCloneCommand& command, Session& session);
int execute(const EnvMoveCommand& command, Session& session);
int execute(const EnvDiffCommand& command, Session& session);
int execute(const EnvUpgradePythonCommand& command, Session& session);
int execute(const StoreDirCommand& command, Session& session);
int execute(const StoreSizeCommand& command, Session& session);
int execute(const StorePruneCommand& command, Session& session);
int execute(const StoreVerifyCommand& command, Session& session);
int execute(const StoreRepairCommand& command, Session& session);
int execute(const StoreExportCommand& command, Session& session);
int execute(const StoreJobsCommand& command, Session& session);
int execute(const PythonListCommand& command, Session& session);
int execute(const PythonFindCommand& command, Session& session);
int execute(const PythonPinCommand& command, Session& session);
int execute(const PythonInstallCommand& command, Session& session);
int execute(const PythonUninstallCommand& command, Session& session);
int execute(const CompletionCommand& command, Session& session);
int execute(const HookCommand& command, Session& session);
int execute(const EvalCommand& command, Session& session);
int execute(const PipCommand& command, Session& session);

}  // namespace moat
