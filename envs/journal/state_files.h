// Files of an environment that no package owns and that a change may rewrite besides the manifest: the list
// of its bytecode, and pyvenv.cfg if it has an older format.
#pragma once

#include "envs/journal/bytecode_list.h"
#include "envs/journal/change.h"

#include <filesystem>
#include <string_view>
#include <vector>

namespace moat {

// The format of pyvenv.cfg and of the files in .moat, as written now. Environments of format 1 are read, and
// upgraded by their next change.
inline constexpr int kEnvironmentFormat = 2;

// Every change writes these itself when needed, and the launcher is not taken back either: a rollback does
// not restore the old ones.
bool is_state_file(std::string_view path);

// Writes them into the stage and adds their moves, so that they are committed with the change or not at all.
void renew_state_files(const Change& change, const std::filesystem::path& environment,
                       const std::vector<BytecodeEntry>& bytecode, std::vector<Move>& moves);

// The launcher of format 1 lacks rules for journals and marks that this one has: it is replaced under all its
// names, by the change that upgrades the environment to format 2. `before`: the current manifest; the lines
// of the new `manifest` are adjusted.
void renew_launcher(const Change& change, const Manifest& before, Manifest& manifest,
                    std::vector<Move>& moves);

}  // namespace moat
