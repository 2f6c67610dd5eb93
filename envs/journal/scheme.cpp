#include "envs/journal/scheme.h"

namespace moat {

Scheme venv_scheme(const std::string& implementation, const std::string& major_minor) {
  const std::string python = (implementation == "pypy" ? "pypy" : "python") + major_minor;
  const std::string site_packages = "lib/" + python + "/site-packages";
  return {.purelib = site_packages,
          .platlib = site_packages,
          .scripts = "bin",
          .data = "",
          .headers = "include/site/" + python};
}

}  // namespace moat
