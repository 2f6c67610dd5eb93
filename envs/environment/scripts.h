// Commands of a distribution: entry points become wrappers, scripts marked `#!python` get a working first
// line. Both find `python` next to themselves, so an environment can be moved; no process is forked unless
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

// A command with this code, which must not begin with a docstring or an import from __future__.
std::string python_script(std::string_view code);
// The text of bin/NAME.
std::string script_wrapper(const EntryPoint& entry_point);

// A script of NAME.data/scripts: a first line that begins with `#!python` is replaced, the rest is kept byte
// for byte. nullopt: the file does not change.
std::optional<std::string> rewrite_script(std::string_view contents);

// Rewrites a script made by the two functions above for a Python that never moves: its first line names
// `python`, an absolute path, so that no shell is needed (except for a long path, or one with spaces).
// nullopt: not ours.
std::optional<std::string> script_at(std::string_view contents, std::string_view python);

// Is the script of NAME.data/scripts a wrapper that setuptools wrote for a declared entry point (NAME,
// NAME.exe, NAME-script.py, NAME.pya)? Ours replaces it.
bool is_entry_point_wrapper(std::string_view file_name, const std::vector<EntryPoint>& entry_points);

}  // namespace moat
