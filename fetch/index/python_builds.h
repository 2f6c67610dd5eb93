// Relocatable Pythons to download: the file names of python-build-standalone and of PyPy, and the SHA256SUMS
// of a folder that holds them. This only parses text; other names are skipped.
#pragma once

#include "fetch/archive/archive.h"
#include "resolver/files/digest.h"
#include "resolver/pep/version.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct PythonBuild {
  std::string filename;  // "cpython-3.12.7+20241016-x86_64-unknown-linux-gnu-install_only.tar.gz"
  TarFilter filter = TarFilter::Gzip;
  std::string implementation;          // "cpython", "pypy"
  Version version = Version::of({0});  // 3.12.7; of a PyPy the language's: 3.10
  std::string release;                 // "20241016"; of a PyPy its own version: "7.3.17"
  std::string machine, system;         // "x86_64", "linux-gnu"
  bool free_threaded = false, debug = false;
  bool stripped = false, whole = false;  // `whole`: includes the build artifacts
  Digest sha256;

  // The name of its installation: "cpython-3.13.1t", "pypy-3.10-7.3.17".
  std::string install_name() const;
};

// The digest stays empty. nullopt for any other file.
std::optional<PythonBuild> parse_python_build(std::string_view filename);

// SHA256SUMS: the builds in it, in its order. Lines about other files and malformed lines are
// skipped.
std::vector<PythonBuild> parse_python_list(std::string_view sha256sums);

// The builds that run here, one for each install_name() (the newest release, stripped before plain before
// whole), newest version first. `machine`: as uname gives it.
std::vector<PythonBuild> usable_builds(std::vector<PythonBuild> builds, std::string_view machine,
                                       std::string_view system);

}  // namespace moat
