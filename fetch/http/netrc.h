// The netrc file: passwords by machine.
#pragma once

#include "fetch/os/variables.h"
#include "resolver/base/error.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct NetrcEntry {
  std::string machine;  // "" for `default`
  std::string login;
  std::string password;

  friend bool operator==(const NetrcEntry&, const NetrcEntry&) = default;
};

// In the order of the file, as Python's netrc module reads it: words separated by white space, "quoted" or
// with \escapes; comments from a # where a keyword could stand (a value may hold or begin with one); macdef
// up to an empty line; `account` is skipped. Entries after a `default` are read too.
Expected<std::vector<NetrcEntry>> parse_netrc(std::string_view text);

// The first entry of that machine (and login, if given), else `default`; nullptr if there is
// neither.
const NetrcEntry* find_netrc_entry(const std::vector<NetrcEntry>& entries, std::string_view machine,
                                   std::string_view login = "");

// $NETRC, else ~/.netrc.
std::filesystem::path netrc_file(const Variables& variables, const std::filesystem::path& home);

}  // namespace moat
