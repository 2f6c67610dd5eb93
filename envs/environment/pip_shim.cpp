// How moat is found: at the path of the moat that wrote the shim, if that is still a program of this
// user or of root (on another machine anybody could have made such a file); then on PATH. Relative
// entries of PATH are skipped, and so is the environment itself, where a package may install a command
// of that name.
#include "envs/environment/pip_shim.h"

#include "envs/environment/scripts.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace moat {

namespace {

namespace fs = std::filesystem;

// For Python 3.6 and later. Its imports are loaded at every start anyway, or needed for one call only.
constexpr std::string_view kModule =
    R"PY("""pip of this environment: `moat pip`. pip itself takes its place when it is installed."""
import os
import stat
import sys

__version__ = "@VERSION@"
_MOAT = @MOAT@


def _is_moat(path, owners):
    real = os.path.realpath(path)
    if real.startswith(os.path.join(os.path.realpath(sys.prefix), "")):
        return False
    try:
        facts = os.stat(real)
        if not stat.S_ISREG(facts.st_mode) or not os.access(real, os.X_OK):
            return False
        if owners and (facts.st_uid not in owners or facts.st_mode & stat.S_IWOTH):
            return False
        with open(real, "rb") as file:
            return b"python" not in file.read(2 if facts.st_size < 2 else 128).split(b"\n")[0]
    except (OSError, ValueError):
        return False


def _find_moat():
    if _MOAT and _is_moat(_MOAT, (0, os.getuid())):
        return _MOAT
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(folder, "moat")
        if os.path.isabs(path) and _is_moat(path, ()):
            return path
    return None


def _command(arguments):
    """What to run; None, with a message, where there is nothing."""
    moat = _find_moat()
    if moat:
        return [moat, "pip", "--inside", sys.prefix] + arguments
    import importlib.util
    sys.stderr.write("ERROR: pip of this environment is moat, which is not found: not on PATH%s\n"
                     % (_MOAT and ", and not where it was, " + _MOAT))
    sys.stderr.write("hint: put moat on PATH\n")
    if importlib.util.find_spec("ensurepip"):
        sys.stderr.write("hint: python -m ensurepip (puts pip itself into this environment)\n")
    return None


def _asks_for_version(arguments):
    for word in arguments:
        if word in ("-V", "--version"):
            return True
        if not word.startswith("-"):
            break
    return False


def _version():
    return "pip %s from %s (python %d.%d)" % ((__version__, os.path.dirname(os.path.abspath(__file__))) + sys.version_info[:2])


def main(args=None):
    """As pip's own of this name: runs the command, and returns its exit status."""
    import subprocess
    arguments = sys.argv[1:] if args is None else list(args)
    if _asks_for_version(arguments):
        print(_version())
        return 0
    command = _command(arguments)
    return subprocess.call(command) if command else 1
)PY";

constexpr std::string_view kMain = R"PY(import os
import sys

import pip

if __name__ == "__main__":
    if pip._asks_for_version(sys.argv[1:]):
        print(pip._version())
        sys.exit(0)
    command = pip._command(sys.argv[1:])
    if command is None:
        sys.exit(1)
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.exit("ERROR: cannot start %s: %s" % (command[0], error.strerror))
)PY";

// pip itself may be installed: the module is right whichever came last.
constexpr std::string_view kCommand = R"PY(import runpy

if __name__ == "__main__":
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
)PY";

// A Python literal; non-ASCII bytes are kept if they are UTF-8.
std::string python_literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) return "\"\"";
    out += c;
  }
  return out + "\"";
}

// "" if it cannot be told, or was replaced since it was started.
std::string this_program() {
  std::error_code failure;
  const std::string path = fs::read_symlink("/proc/self/exe", failure).native();
  return failure || path.ends_with(" (deleted)") ? std::string() : path;
}

std::string with(std::string text, std::string_view mark, std::string_view value) {
  return text.replace(text.find(mark), mark.size(), value);
}

}  // namespace

std::vector<PipShimFile> pip_shim(const Scheme& scheme, const Interpreter& interpreter) {
  std::vector<PipShimFile> out;
  for (const std::string& name : {std::string("pip"), std::string("pip3"), "pip" + interpreter.major_minor()})
    out.push_back({scheme.scripts + "/" + name, python_script(kCommand), true, false});
  const std::string module =
      with(with(std::string(kModule), "@VERSION@", kPipVersion), "@MOAT@", python_literal(this_program()));
  out.push_back({scheme.purelib + "/pip/__init__.py", module, false, true});
  out.push_back({scheme.purelib + "/pip/__main__.py", std::string(kMain), false, true});
  return out;
}

}  // namespace moat
