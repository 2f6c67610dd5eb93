// A Python found on this machine, probed once: its facts, and where its parts are.
#pragma once

#include "fetch/store/store.h"
#include "resolver/solve/target.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace moat {

// Facts of one base interpreter, as it answered itself (run with -I -S in a clean environment) and as its ELF
// header says; glibc is the one that interpreter runs on. Value. Serialisable (facts.json), so that an
// environment knows its target without running anything.
struct Interpreter {
  std::filesystem::path executable;  // the real base binary: shims, links and environments resolved
  std::string implementation;        // "cpython", "pypy"
  std::string version;               // "3.11.7", "3.15.0a8+"
  unsigned major = 0, minor = 0, micro = 0;
  bool free_threaded = false, debug = false;
  std::string cache_tag;   // "cpython-311"
  std::string magic;       // pyc magic number, 8 hex digits
  std::string ext_suffix;  // ".cpython-311-x86_64-linux-gnu.so"
  MarkerEnvironment markers;
  TagTarget tags;
  // Where the base's parts lie:
  std::filesystem::path prefix, stdlib, platstdlib, include, libdir;
  std::string libpython;  // INSTSONAME where it is a shared build and the file exists, else ""
  std::string ldlibrary;  // the link beside it, "libpython3.11.so"
  std::string multiarch;  // "x86_64-linux-gnu" or ""
  bool debian = false;    // patched: posix_local scheme, /usr/include/<triplet>
  std::string libc;       // "glibc 2.36", "musl 1.2"

  std::string major_minor() const { return std::to_string(major) + "." + std::to_string(minor); }  // "3.11"
};

// The context in which a candidate is started: variables besides PATH and locale, and the folder. It matters
// only to scripts (pyenv's shims): PYENV_VERSION and `.python-version` choose what they run.
struct ProbeContext {
  std::filesystem::path directory;  // "" : the caller's
  std::vector<std::pair<std::string, std::string>> variables;
};

// Runs the interpreter; if it does not start or its answer is invalid, Error(Interpreter) names the path and
// its last line of output. Cached in the store by path and stat of the binary; scripts are asked each time.
Interpreter probe_interpreter(const std::filesystem::path& python, const Store& store,
                              const ProbeContext& context = {});

// facts ⇄ text (JSON, schema number inside).
std::string to_json(const Interpreter& interpreter);
Expected<Interpreter> interpreter_from_json(std::string_view text);

// The target to resolve for. Release and version of the running kernel are read again.
Target target_of(const Interpreter& interpreter);

// A target that need not exist here, from tables: "3.12" or "3.12.1", a platform as platforms_of takes it;
// empty platform: this machine's own, as `here` has it.
Expected<Target> foreign_target(std::string_view python_version, const std::vector<std::string>& platforms,
                                const Interpreter* here);

}  // namespace moat
