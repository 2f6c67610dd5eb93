// A parsed command line of pip: the command and its arguments.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

struct PipCommand {
  std::string command;                                     // "install"; "" with help or version
  std::vector<std::pair<std::string, std::string>> given;  // long name and value ("" for flags), in order
  std::vector<std::string> arguments;                      // what is not an option
  bool help = false, version = false;

  bool has(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  // The last one; "" where it was not given.
  std::string value(std::string_view name) const;
  std::vector<std::string> values(std::string_view name) const;
  // The later one of two that exclude each other: "--compile" and "--no-compile".
  bool on(std::string_view yes, std::string_view no, bool otherwise) const;
};

}  // namespace moat
