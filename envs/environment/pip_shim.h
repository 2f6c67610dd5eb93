// The pip of every environment: `pip` there is `moat pip` for this environment, so that a typed command or a
// program's call never reaches another Python. It is not a distribution, and is not listed. The real pip
// replaces it when it is installed, by any installer; moat restores it when that is removed.
//
//   ENV/bin/pip, pip3, pip3.X            run the module: whichever of the two is there
//   site-packages/pip/__init__.py        finds moat, and becomes it
//   site-packages/pip/__main__.py
#pragma once

#include "envs/journal/scheme.h"
#include "envs/python/interpreter.h"

#include <string>
#include <string_view>
#include <vector>

namespace moat {

// The version that `pip --version` prints: the pip whose commands and options `moat pip` has.
inline constexpr std::string_view kPipVersion = "26.3";

struct PipShimFile {
  std::string path;  // relative to the environment
  std::string text;
  bool executable = false;
  bool is_module = false;  // pip itself replaces it when installed; the commands run whichever is there
};

// The texts contain the path of this program, to be called.
std::vector<PipShimFile> pip_shim(const Scheme& scheme, const Interpreter& interpreter);

}  // namespace moat
