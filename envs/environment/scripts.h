// Commands of a distribution: entry points become wrappers, scripts marked `#!python` get a first line that
// works. Both find `python` beside themselves, so an environment can be moved; no process is forked unless
// they are called through a link. Pure.
#pragma once

#include "resolver/base/error.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// One line of console_scripts or gui_scripts: "flask = flask.cli:main".
struct EntryPoint {
  std::string name;
  std::string module;     // "flask.cli"
  std::string attribute;  // "main", "Command.run"
};

// entry_points.txt: the two script groups, others are skipped. Fails on lines that are not INI, names with a
// slash, and script targets that are not `module:attribute` (extras in brackets are read over); everything is
// checked, since it goes into code.
Expected<std::vector<EntryPoint>> parse_script_entry_points(std::string_view text);

// A command with this code, which begins with neither a docstring nor an import from __future__.
std::string python_script(std::string_view code);
// The text of bin/NAME.
std::string script_wrapper(const EntryPoint& entry_point);

// A script of NAME.data/scripts: where its first line begins with `#!python` that line is replaced, the rest
// is kept byte for byte. nullopt: the file does not change.
std::optional<std::string> rewrite_script(std::string_view contents);

// A script as the two above make it, for where its Python never moves: `python`, an absolute path, is named
// in the first line, so that no shell is needed (a long path, or one with spaces, takes one). nullopt: not
// ours.
std::optional<std::string> script_at(std::string_view contents, std::string_view python);

// Is the script of NAME.data/scripts a wrapper that setuptools wrote for a declared entry point (NAME,
// NAME.exe, NAME-script.py, NAME.pya)? Ours takes its place.
bool is_entry_point_wrapper(std::string_view file_name, const std::vector<EntryPoint>& entry_points);

}  // namespace moat
