// `add --script` and `remove --script`: the metadata of a script, and its lock if it has one, change together
// or not at all.
#pragma once

#include "cli/commands/project_change.h"

namespace moat {

// The metadata of the script that --script names, opened for a change; it may have none yet. Error(BadInput).
ProjectEdit open_script_edit(Session& session);

// Resolves, then writes and reports. The environment is created when the script runs.
void change_script(ProjectChange change, Session& session);

}  // namespace moat
