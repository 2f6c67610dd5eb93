#include "envs/python/interpreter.h"

#include "envs/python/elf.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "fetch/os/interrupt.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

namespace moat {

namespace {

using Json = nlohmann::json;

constexpr int kSchema = 1;
constexpr int kCacheSchema = 2;  // raised when a probe reads other facts or watches other files
constexpr std::string_view kAnswerMark = "moat-probe ";

// Asked of the interpreter itself, on 3.6 to 3.14 and PyPy. `executable` is the base's where the one asked is
// part of an environment: up to 3.10 `_base_executable` does not tell, so its pyvenv.cfg does.
constexpr const char* kProbe = R"PY(
import json, os, sys, sysconfig

def base_of_environment():
    here = os.path.dirname(os.path.abspath(sys.executable))
    for folder in (here, os.path.dirname(here)):
        try:
            with open(os.path.join(folder, "pyvenv.cfg"), encoding="utf-8") as lines:
                settings = dict([part.strip() for part in line.split("=", 1)] for line in lines if "=" in line)
        except (OSError, ValueError):
            continue
        # A copy does not show what it is a copy of: `python` of the same folder may be another build.
        is_copy = os.path.realpath(sys.executable).startswith(os.path.realpath(folder) + os.sep)
        named = os.path.realpath(settings.get("executable") or settings.get("base-executable") or sys.executable)
        if is_copy and os.path.isfile(named) and not named.startswith(os.path.realpath(folder) + os.sep):
            return named
        base = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
        if base != os.path.realpath(sys.executable) or not base.startswith(os.path.realpath(folder) + os.sep):
            return base
        for name in (os.path.basename(sys.executable), "python%d.%d" % sys.version_info[:2], "python3", "python"):
            if os.path.exists(os.path.join(settings.get("home", ""), name)):
                return os.path.realpath(os.path.join(settings["home"], name))
    return None

def executable():
    try:
        return os.readlink("/proc/self/exe")
    except OSError:
        return os.path.realpath(sys.executable)

def mapped_libraries():
    try:
        with open("/proc/self/maps") as lines:
            found = set(line.split(None, 5)[5].strip() for line in lines if line.count("/") > 1)
    except (OSError, IndexError):
        return []
    return sorted(f for f in found if os.path.basename(f).startswith(("libpython", "libpypy")))

def libc():
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ""

# PEP 600: a `_manylinux` module is the distribution's word on which wheels run here.
def refused_glibc_minors(folders):
    for folder in folders:
        if os.path.exists(os.path.join(folder, "_manylinux.py")):
            sys.path.append(folder)
    try:
        import _manylinux as word
    except Exception:
        return []
    arch = sysconfig.get_platform().split("-")[-1]
    refused = []
    for minor in range(0, 100):
        verdict = None
        old = {5: "manylinux1_compatible", 12: "manylinux2010_compatible", 17: "manylinux2014_compatible"}.get(minor)
        if hasattr(word, "manylinux_compatible"):
            verdict = word.manylinux_compatible(2, minor, arch)
        elif old and hasattr(word, old):
            verdict = getattr(word, old)
        if verdict is not None and not verdict:
            refused.append(minor)
    return refused

def full_version(info):
    level = "" if info.releaselevel == "final" else info.releaselevel[0] + str(info.serial)
    if info.releaselevel == "candidate":
        level = "rc" + str(info.serial)
    return "%d.%d.%d" % (info.major, info.minor, info.micro) + level

import platform
from importlib.util import MAGIC_NUMBER
variable, system = sysconfig.get_config_var, os.uname()
stdlib = sysconfig.get_path("stdlib", "posix_prefix")
if not os.path.exists(os.path.join(stdlib, "os.py")):
    stdlib = os.path.dirname(os.__file__)
base = base_of_environment()
site = sorted(set([sysconfig.get_path("purelib"), sysconfig.get_path("platlib"),
                   sysconfig.get_path("purelib", "posix_prefix"), "/usr/lib/python3/dist-packages"]))
suffixes = __import__("_imp").extension_suffixes()
print("\nmoat-probe " + json.dumps({
    "environment": base is not None, "executable": base or executable(),
    "implementation": sys.implementation.name, "version": platform.python_version(),
    "version_info": list(sys.version_info[:3]),
    "free_threaded": bool(variable("Py_GIL_DISABLED")),
    "debug": bool(variable("Py_DEBUG")) or hasattr(sys, "gettotalrefcount"),
    "cache_tag": sys.implementation.cache_tag or "", "magic": "".join("%02x" % byte for byte in MAGIC_NUMBER),
    "ext_suffix": variable("EXT_SUFFIX") or (suffixes[0] if suffixes else ""), "soabi": variable("SOABI") or "",
    "markers": {
        "os_name": os.name, "sys_platform": sys.platform, "platform_machine": system.machine,
        "platform_python_implementation": platform.python_implementation(), "platform_release": system.release,
        "platform_system": system.sysname, "platform_version": system.version,
        "python_version": "%d.%d" % sys.version_info[:2], "python_full_version": platform.python_version(),
        "implementation_name": sys.implementation.name,
        "implementation_version": full_version(sys.implementation.version)},
    "prefix": sys.base_prefix, "stdlib": stdlib, "platstdlib": sysconfig.get_path("platstdlib", "posix_prefix"),
    "include": sysconfig.get_path("include", "posix_prefix"), "libdir": variable("LIBDIR") or "",
    "ldlibrary": variable("LDLIBRARY") or "", "mapped": mapped_libraries(),
    "multiarch": variable("MULTIARCH") or "", "debian": "deb_system" in sysconfig.get_scheme_names(),
    "libc": libc(), "refused_glibc_minors": refused_glibc_minors(site),
    "watched": [os.path.join(folder, "_manylinux.py") for folder in site]}))
)PY";

// Every field under its name, for reading and writing alike.
template <class Facts, class Visitor>
void each_field(Facts& facts, Visitor visit) {
  visit("executable", facts.executable);
  visit("implementation", facts.implementation);
  visit("version", facts.version);
  visit("major", facts.major);
  visit("minor", facts.minor);
  visit("micro", facts.micro);
  visit("free_threaded", facts.free_threaded);
  visit("debug", facts.debug);
  visit("cache_tag", facts.cache_tag);
  visit("magic", facts.magic);
  visit("ext_suffix", facts.ext_suffix);
  visit("os_name", facts.markers.os_name);
  visit("sys_platform", facts.markers.sys_platform);
  visit("platform_machine", facts.markers.platform_machine);
  visit("platform_python_implementation", facts.markers.platform_python_implementation);
  visit("platform_release", facts.markers.platform_release);
  visit("platform_system", facts.markers.platform_system);
  visit("platform_version", facts.markers.platform_version);
  visit("python_version", facts.markers.python_version);
  visit("python_full_version", facts.markers.python_full_version);
  visit("implementation_name", facts.markers.implementation_name);
  visit("implementation_version", facts.markers.implementation_version);
  visit("interpreter_abi", facts.tags.interpreter_abi);
  visit("platforms", facts.tags.platforms);
  visit("prefix", facts.prefix);
  visit("stdlib", facts.stdlib);
  visit("platstdlib", facts.platstdlib);
  visit("include", facts.include);
  visit("libdir", facts.libdir);
  visit("libpython", facts.libpython);
  visit("ldlibrary", facts.ldlibrary);
  visit("multiarch", facts.multiarch);
  visit("debian", facts.debian);
  visit("libc", facts.libc);
}

struct FieldWriter {
  Json& out;
  void operator()(const char* name, const fs::path& value) const { out[name] = value.string(); }
  template <class Value>
  void operator()(const char* name, const Value& value) const {
    out[name] = value;
  }
};

struct FieldReader {
  const Json& in;
  void operator()(const char* name, fs::path& value) const { value = in.at(name).get<std::string>(); }
  template <class Value>
  void operator()(const char* name, Value& value) const {
    value = in.at(name).get<Value>();
  }
};

Json facts_to_json(const Interpreter& interpreter) {
  Json out = {{"schema", kSchema}};
  each_field(interpreter, FieldWriter{out});
  return out;
}

Interpreter facts_from_json(const Json& in) {
  Interpreter interpreter;
  each_field(interpreter, FieldReader{in});
  interpreter.tags.implementation = interpreter.implementation;
  interpreter.tags.major = interpreter.major;
  interpreter.tags.minor = interpreter.minor;
  interpreter.tags.free_threaded = interpreter.free_threaded;
  interpreter.tags.debug = interpreter.debug;
  return interpreter;
}

std::string last_line(const ProcessResult& result) {
  for (const std::string* stream : {&result.errors, &result.output}) {
    const auto lines = split_lines(*stream);
    for (auto line = lines.rbegin(); line != lines.rend(); ++line)
      if (!trim(*line).empty()) return std::string(trim(*line));
  }
  return result.status > 128 ? "killed by signal " + std::to_string(result.status - 128)
                             : "exit status " + std::to_string(result.status);
}

[[noreturn]] void refuse(const fs::path& python, const std::string& reason) {
  throw Error(ErrorKind::Interpreter, quote(python.string()) + " " + reason,
              {"moat python list    (the interpreters that start)"});
}

Json ask(const fs::path& python, const ProbeContext& context) {
  Command command;
  command.argv = {python.string(), "-I", "-S", "-c", kProbe};
  command.environment = context.variables;
  command.environment->emplace_back("PATH", "/usr/local/bin:/usr/bin:/bin");
  command.environment->emplace_back("LC_ALL", "C.UTF-8");
  command.directory = context.directory;
  command.timeout = std::chrono::seconds(30);
  ProcessResult result;
  try {
    result = run_process(command);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::Disk) throw;  // the fault is not the interpreter's
    refuse(python, std::string("does not start: ") + error.what());
  }
  throw_if_interrupted();  // then a signal ended it, whatever its output
  if (result.timed_out) refuse(python, "timed out after 30 s");
  if (result.errors.starts_with("Unknown option: -I")) refuse(python, "is older than Python 3.6");
  if (result.status != 0) refuse(python, "does not start: " + last_line(result));
  const auto at = result.output.rfind(kAnswerMark);
  const Json answer = at == std::string::npos
                          ? Json()
                          : Json::parse(result.output.substr(at + kAnswerMark.size()), nullptr, false);
  if (!answer.is_object()) refuse(python, "gave an invalid answer: " + last_line(result));
  return answer;
}

// "musl 1.2" from the loader, which prints its version when it is given nothing to load.
std::string musl_version(const std::string& loader) {
  Command command;
  command.argv = {loader};
  command.environment.emplace();
  command.merge_output = true;
  command.timeout = std::chrono::seconds(10);
  const ProcessResult result = run_process(command);
  for (const std::string_view line : split_lines(result.output)) {
    if (!line.starts_with("Version ")) continue;
    const auto parts = split(trim(line.substr(8)), '.');
    if (parts.size() >= 2) return "musl " + std::string(parts[0]) + "." + std::string(parts[1]);
  }
  return "";
}

// "2.36" of "glibc 2.36-9+deb12u10": vendors add to it.
std::string without_vendor(std::string_view libc) {
  std::size_t end = libc.find(' ');
  end = end == std::string_view::npos ? 0 : end + 1;
  while (end < libc.size() && (is_ascii_digit(libc[end]) || libc[end] == '.')) ++end;
  return std::string(libc.substr(0, end));
}

std::vector<std::string> platforms_of_interpreter(const ElfFacts& elf, const std::string& libc,
                                                  const std::string& machine,
                                                  const std::vector<int>& refused) {
  std::string arch = elf_architecture(elf);
  if (arch.empty()) arch = machine;
  const auto space = libc.find(' ');
  unsigned major = 0, minor = 0;
  if (space != std::string::npos) {
    const auto numbers = split(std::string_view(libc).substr(space + 1), '.');
    const auto read = [](std::string_view text, unsigned& out) {
      std::from_chars(text.data(), text.data() + text.size(), out);
    };
    read(numbers[0], major);
    if (numbers.size() > 1) read(numbers[1], minor);
  }
  if (major == 0) return {"linux_" + arch};
  const Libc kind = libc.starts_with("musl") ? Libc::Musl : Libc::Glibc;
  std::vector<std::string> platforms = linux_platforms(arch, kind, major, minor);

  constexpr unsigned kArmHardFloat = 0x400;
  const bool soft_float_arm = elf.machine == 40 && !(elf.flags & kArmHardFloat);
  std::erase_if(platforms, [&](const std::string& platform) {
    if (!platform.starts_with("manylinux")) return false;
    return soft_float_arm || std::ranges::any_of(refused, [&](int number) {
             const std::string legacy = number == 5    ? "1"
                                        : number == 12 ? "2010"
                                        : number == 17 ? "2014"
                                                       : "";
             return platform.starts_with("manylinux_2_" + std::to_string(number) + "_") ||
                    (!legacy.empty() && platform.starts_with("manylinux" + legacy + "_"));
           });
  });
  return platforms;
}

// The shared library that the interpreter's binary needs: its name and folder. If it needs none: the library
// that programs which embed Python link with, if it is installed.
void find_library(Interpreter& interpreter, const ElfFacts& elf, const Json& answer) {
  std::vector<fs::path> folders = {answer.at("libdir").get<std::string>()};
  for (const auto& mapped : answer.at("mapped"))
    folders.push_back(fs::path(mapped.get<std::string>()).parent_path());
  interpreter.libdir = folders.front();
  for (const std::string& needed : elf.needed) {
    if (!needed.starts_with("libpython") && !needed.starts_with("libpypy")) continue;
    for (const fs::path& folder : folders) {
      std::error_code ignored;
      if (folder.empty() || !fs::exists(folder / needed, ignored)) continue;
      interpreter.libpython = needed;
      interpreter.libdir = folder;
      const auto link = answer.at("ldlibrary").get<std::string>();
      if (link != needed && fs::exists(folder / link, ignored)) interpreter.ldlibrary = link;
      return;
    }
  }
  // The binary contains the interpreter (Debian's does): only programs that embed Python need the library.
  const auto link = answer.at("ldlibrary").get<std::string>();
  std::error_code ignored;
  if (link.ends_with(".so") && fs::is_regular_file(interpreter.libdir / link, ignored))
    interpreter.ldlibrary = link;
}

Interpreter read_answer(const fs::path& python, const Json& answer) {
  Interpreter interpreter;
  interpreter.executable = answer.at("executable").get<std::string>();
  interpreter.implementation = answer.at("implementation").get<std::string>();
  interpreter.version = answer.at("version").get<std::string>();
  interpreter.major = answer.at("version_info").at(0).get<unsigned>();
  interpreter.minor = answer.at("version_info").at(1).get<unsigned>();
  interpreter.micro = answer.at("version_info").at(2).get<unsigned>();
  interpreter.free_threaded = answer.at("free_threaded").get<bool>();
  interpreter.debug = answer.at("debug").get<bool>();
  interpreter.cache_tag = answer.at("cache_tag").get<std::string>();
  interpreter.magic = answer.at("magic").get<std::string>();
  interpreter.ext_suffix = answer.at("ext_suffix").get<std::string>();
  interpreter.prefix = answer.at("prefix").get<std::string>();
  interpreter.stdlib = answer.at("stdlib").get<std::string>();
  interpreter.platstdlib = answer.at("platstdlib").get<std::string>();
  interpreter.include = answer.at("include").get<std::string>();
  interpreter.multiarch = answer.at("multiarch").get<std::string>();
  interpreter.debian = answer.at("debian").get<bool>();

  const Json& markers = answer.at("markers");
  MarkerEnvironment& environment = interpreter.markers;
  environment.os_name = markers.at("os_name").get<std::string>();
  environment.sys_platform = markers.at("sys_platform").get<std::string>();
  environment.platform_machine = markers.at("platform_machine").get<std::string>();
  environment.platform_python_implementation =
      markers.at("platform_python_implementation").get<std::string>();
  environment.platform_release = markers.at("platform_release").get<std::string>();
  environment.platform_system = markers.at("platform_system").get<std::string>();
  environment.platform_version = markers.at("platform_version").get<std::string>();
  environment.python_version = markers.at("python_version").get<std::string>();
  environment.python_full_version = markers.at("python_full_version").get<std::string>();
  environment.implementation_name = markers.at("implementation_name").get<std::string>();
  environment.implementation_version = markers.at("implementation_version").get<std::string>();

  if (interpreter.major != 3 || interpreter.minor < 6)
    refuse(python, "is Python " + interpreter.version + "; 3.6 is the oldest supported");
  const auto elf = read_elf(read_file(interpreter.executable));
  if (!elf)
    refuse(python, "runs " + quote(interpreter.executable.string()) + ", which is " + elf.error().message);
  interpreter.libc = elf->loader.find("/ld-musl-") != std::string::npos
                         ? musl_version(elf->loader)
                         : without_vendor(answer.at("libc").get<std::string>());
  find_library(interpreter, *elf, answer);

  TagTarget& tags = interpreter.tags;
  tags.implementation = interpreter.implementation;
  tags.major = interpreter.major;
  tags.minor = interpreter.minor;
  tags.free_threaded = interpreter.free_threaded;
  tags.debug = interpreter.debug;
  if (interpreter.implementation != "cpython") {
    // "pypy39-pp73-x86_64-linux-gnu" is the ABI pypy39_pp73 (PEP 425: `-` becomes `_`).
    const auto soabi = answer.at("soabi").get<std::string>();
    const auto parts = split(soabi, '-');
    if (parts.size() >= 2) tags.interpreter_abi = std::string(parts[0]) + "_" + std::string(parts[1]);
  }
  tags.platforms = platforms_of_interpreter(*elf, interpreter.libc, environment.platform_machine,
                                            answer.at("refused_glibc_minors").get<std::vector<int>>());
  return interpreter;
}

// The stat of a file as text; "-" if there is none.
std::string stat_text(const fs::path& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0) return "-";
  std::string out;
  for (const auto number :
       {static_cast<long long>(s.st_dev), static_cast<long long>(s.st_ino), static_cast<long long>(s.st_size),
        static_cast<long long>(s.st_mtim.tv_sec), static_cast<long long>(s.st_mtim.tv_nsec),
        static_cast<long long>(s.st_ctim.tv_sec), static_cast<long long>(s.st_ctim.tv_nsec)})
    out += std::to_string(number) + ":";
  return out;
}

std::optional<Interpreter> cached(const fs::path& file) {
  const auto text = read_file_if_exists(file);
  if (!text) return std::nullopt;
  const Json entry = Json::parse(*text, nullptr, false);
  try {
    if (!entry.is_object() || entry.at("schema") != kCacheSchema) return std::nullopt;
    for (const auto& [path, stat] : entry.at("watched").items())
      if (stat_text(path) != stat.get<std::string>()) return std::nullopt;
    return facts_from_json(entry.at("facts"));
  } catch (const Json::exception&) {
    return std::nullopt;  // written by another version: asked again
  }
}

// Scripts (pyenv's shims, wrappers) may choose another interpreter each time: never cached.
bool is_program(const fs::path& python) {
  std::string head(64, '\0');
  const UniqueFd fd = open_file(python, O_RDONLY);
  const auto count = ::read(fd.get(), head.data(), head.size());
  return count > 0 && is_elf(std::string_view(head).substr(0, static_cast<std::size_t>(count)));
}

// The interpreter that one of moat's environments was made from: its launcher runs the private copy, which is
// not a base.
std::optional<fs::path> base_of_own_environment(const fs::path& python) {
  std::error_code ignored;
  const fs::path root = fs::canonical(python, ignored).parent_path().parent_path();
  if (ignored) return std::nullopt;
  const auto facts = read_file_if_exists(root / ".moat" / "facts.json");
  if (!facts) return std::nullopt;
  const auto interpreter = interpreter_from_json(*facts);
  if (!interpreter) return std::nullopt;
  return interpreter->executable;
}

}  // namespace

Interpreter probe_interpreter(const fs::path& python, const Store& store, const ProbeContext& context) {
  std::error_code failure;
  const fs::path path = fs::absolute(python, failure).lexically_normal();
  if (!fs::is_regular_file(path, failure))
    throw Error(
        ErrorKind::NoInterpreter,
        quote(python.string()) + (fs::exists(path, failure) ? " is not a program" : " does not exist"),
        {"moat python list    (the interpreters that start)"});
  if (const auto base = base_of_own_environment(path)) return probe_interpreter(*base, store, context);

  const bool cacheable = is_program(path);
  const fs::path entry =
      store.layout().interpreters() / (hash_bytes(path.string()).hex.substr(0, 32) + ".json");
  if (cacheable)
    if (auto known = cached(entry)) return *known;

  Json answer = ask(path, context);
  Json watched = Json::object();
  const auto watch = [&](const fs::path& file) { watched[file.string()] = stat_text(file); };
  watch(path);
  watch(path.parent_path() / "pyvenv.cfg");
  watch(path.parent_path().parent_path() / "pyvenv.cfg");
  try {
    for (int hops = 0; answer.at("environment").get<bool>() && hops < 4; ++hops)
      answer = ask(answer.at("executable").get<std::string>(), {});
    Interpreter interpreter = read_answer(path, answer);
    watch(interpreter.executable);
    if (!interpreter.libpython.empty()) watch(interpreter.libdir / interpreter.libpython);
    if (const auto link = answer.at("ldlibrary").get<std::string>(); link.ends_with(".so"))
      watch(interpreter.libdir / link);  // comes and goes with the headers
    for (const auto& file : answer.at("watched")) watch(file.get<std::string>());
    if (cacheable) {
      make_directories(store.layout().interpreters());
      const Json cache = {
          {"schema", kCacheSchema}, {"watched", watched}, {"facts", facts_to_json(interpreter)}};
      write_file_atomically(entry, cache.dump(1) + "\n");
    }
    return interpreter;
  } catch (const Json::exception& error) {
    refuse(path, std::string("gave an invalid answer: ") + error.what());
  }
}

std::string to_json(const Interpreter& interpreter) { return facts_to_json(interpreter).dump(1) + "\n"; }

Expected<Interpreter> interpreter_from_json(std::string_view text) {
  const Json in = Json::parse(text, nullptr, false);
  if (!in.is_object()) return parse_error("not a JSON object");
  try {
    if (in.at("schema") != kSchema) return parse_error("schema " + in.at("schema").dump() + " is not known");
    return facts_from_json(in);
  } catch (const Json::exception& error) {
    return parse_error(error.what());
  }
}

Target target_of(const Interpreter& interpreter) {
  Target target{.environment = interpreter.markers,
                .tags = TagSet(compatible_tags(interpreter.tags)),
                .python = Version::of({interpreter.major, interpreter.minor, interpreter.micro}),
                .description = ""};
  utsname system{};
  if (::uname(&system) == 0) {
    target.environment.platform_release = system.release;
    target.environment.platform_version = system.version;
  }
  target.description = interpreter.markers.platform_python_implementation + " " + interpreter.version +
                       " on " + interpreter.markers.sys_platform + " " + interpreter.markers.platform_machine;
  if (!interpreter.libc.empty()) target.description += " (" + interpreter.libc + ")";
  return target;
}

}  // namespace moat
