// The files of an environment that no package owns and a change may renew besides the manifest: the list of
// its bytecode, and pyvenv.cfg where it is of an older format.
#pragma once

#include "envs/journal/bytecode_list.h"
#include "envs/journal/change.h"

#include <filesystem>
#include <string_view>
#include <vector>

namespace moat {

// The format of pyvenv.cfg and of what lies in .moat, as written. Environments of format 1 are read, and
// become of this one with their next change.
inline constexpr int kEnvironmentFormat = 2;

// Every change writes these itself where they change, and the launcher is not taken back either: going back
// does not bring the old ones in.
bool is_state_file(std::string_view path);

// Writes them into the stage and adds their moves, so that they come with the commit or not at all.
void renew_state_files(const Change& change, const std::filesystem::path& environment,
                       const std::vector<BytecodeEntry>& bytecode, std::vector<Move>& moves);

// The launcher of an environment of format 1 knows less of journals and marks than this one: it is replaced
// under all its names, by the change that makes the environment one of format 2. `before`: the present
// manifest; the lines of `manifest`, which is to come, are brought into line.
void renew_launcher(const Change& change, const Manifest& before, Manifest& manifest,
                    std::vector<Move>& moves);

}  // namespace moat
