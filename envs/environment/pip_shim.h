// The pip that every environment has: `pip` there is `moat pip` for this environment, so that what is typed,
// or called by a program, never reaches another Python. It is not a distribution, and nothing lists it. pip
// itself takes its place when it is installed, by whomever; moat puts it back when that goes.
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

// What `pip --version` says: the pip whose commands and options `moat pip` has.
inline constexpr std::string_view kPipVersion = "26.3";

struct PipShimFile {
  std::string path;  // relative to the environment
  std::string text;
  bool executable = false;
  bool is_module = false;  // pip itself replaces it when installed; the commands run whichever is there
};

// The texts name this program, as the one to call.
std::vector<PipShimFile> pip_shim(const Scheme& scheme, const Interpreter& interpreter);

}  // namespace moat
