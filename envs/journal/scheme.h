// Where the parts of a wheel go in an environment (sysconfig's `venv` scheme), relative to its root.
#pragma once

#include <string>

namespace moat {

struct Scheme {
  std::string purelib;  // lib/python3.11/site-packages
  std::string platlib;  // the same: lib64 is a link to lib
  std::string scripts;  // bin
  std::string data;     // "" : the root itself
  std::string headers;  // include/site/python3.11 (each distribution gets a folder below)
};

Scheme venv_scheme(const std::string& implementation, const std::string& major_minor);

}  // namespace moat
