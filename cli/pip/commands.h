// pip's commands. Each: what was given in, exit status out (pip's); what goes wrong is thrown.
#pragma once

#include "cli/args/args.h"
#include "cli/session/session.h"

namespace moat {

int pip_install(const PipCommand& command, Session& session);
int pip_install_into_folder(const PipCommand& command, Session& session);  // --target, --prefix, --root
int pip_install_nowhere(const PipCommand& command, Session& session);      // --dry-run for another Python
int pip_uninstall(const PipCommand& command, Session& session);
int pip_list(const PipCommand& command, Session& session);
int pip_freeze(const PipCommand& command, Session& session);
int pip_show(const PipCommand& command, Session& session);
int pip_check(const PipCommand& command, Session& session);
int pip_download(const PipCommand& command, Session& session);
int pip_wheel(const PipCommand& command, Session& session);
int pip_cache(const PipCommand& command, Session& session);
int pip_index(const PipCommand& command, Session& session);
int pip_inspect(const PipCommand& command, Session& session);
int pip_hash(const PipCommand& command, Session& session);

}  // namespace moat
