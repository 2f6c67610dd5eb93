// Where each file of a wheel goes in an environment (binary distribution format, "Installing a wheel"). Pure.
#pragma once

#include "envs/journal/scheme.h"
#include "fetch/store/store.h"
#include "resolver/pep/name.h"

#include <string>
#include <string_view>
#include <vector>

namespace moat {

// One file: store path → environment path.
struct Placement {
  std::string path;        // relative to the environment
  StoredFile file;         // its path is relative to the wheel's (or the bytecode's) tree
  bool is_script = false;  // of NAME.data/scripts: executable, its first line may have to be rewritten
};

// RECORD, INSTALLER, REQUESTED and direct_url.json are left out: the installer writes its own.
// Error(BadArchive) for an unknown key in NAME.data, a file directly in it, two files with the same
// destination. Error(Refused) for a file at a path that belongs to the environment itself.
std::vector<Placement> lay_out(const StoredWheel& wheel, const PackageName& name, const Scheme& scheme);

// The same for bytecode of that wheel, whose files are named next to their sources.
std::vector<Placement> lay_out_bytecode(const StoredWheel& wheel, const PackageName& name,
                                        const Scheme& scheme, const std::vector<StoredFile>& bytecode);

// Is a file of this name in bin/ started as a Python? python, python3.11, pythonw, pypy3.10, python3.13t.
bool is_interpreter_name(std::string_view name);

// May no package place a file there? pyvenv.cfg, .moat, bin/python3, bin/activate, …; `path` is relative to
// the environment and normalised.
bool is_reserved(std::string_view path, const Scheme& scheme);

// Is the file, relative to the wheel's root, a Python source that will be importable?
bool is_importable_source(std::string_view wheel_path, std::string_view dist_info);
// Does it lie in a folder `tests` or `test`?
bool is_of_tests(std::string_view wheel_path);

}  // namespace moat
