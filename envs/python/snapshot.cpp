#include "envs/python/snapshot.h"

#include "envs/python/elf.h"
#include "envs/python/runtime.h"
#include "envs/python/sysconfig_data.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "fetch/os/noexec.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <set>

namespace moat {

namespace {

// Part of the fingerprint: a snapshot made in another way is another snapshot.
constexpr std::string_view kRecipe = "7";

constexpr std::array<std::string_view, 10> kLeftOut = {
    "test",          "tests",       "idlelib",          "turtledemo",       "site-packages",
    "dist-packages", "__pycache__", "sitecustomize.py", "usercustomize.py", "EXTERNALLY-MANAGED"};

// `folder`: the last part of its path.
bool is_left_out(std::string_view folder, std::string_view name) {
  if (std::ranges::find(kLeftOut, name) != kLeftOut.end()) return true;
  // build-details.json (PEP 739) names the base's folders, and is optional.
  for (const std::string_view ending :
       {".pyc", ".pyo", ".a", ".o", ".egg-info", ".dist-info", "build-details.json"})
    if (name.ends_with(ending)) return true;
  // config-3.11-…: only sysconfig's file is needed; the rest is for building and embedding the base.
  return folder.starts_with("config-") && name != "Makefile";
}

// Extension modules of the standard library's own tests, which are left out.
bool is_for_tests(std::string_view extension_module) {
  return std::ranges::any_of(
      std::array<std::string_view, 4>{"_test", "_ctypes_test", "_xxtestfuzz", "xxlimited"},
      [&](std::string_view start) { return extension_module.starts_with(start); });
}

// A debug build may lie beside the base and share its standard library (Debian's python3-dbg).
bool is_of_another_build(std::string_view name, const Interpreter& interpreter) {
  if (interpreter.debug || interpreter.ext_suffix.empty()) return false;
  if (name.starts_with("config-")) return name.starts_with("config-" + interpreter.major_minor() + "d");
  return name.ends_with(".so") && name.find(".cpython-") != name.npos &&
         !name.ends_with(interpreter.ext_suffix);
}

bool is_below(const fs::path& path, const fs::path& folder) {
  const std::string below = folder.lexically_normal().native() + "/";
  return path.lexically_normal().native().starts_with(below);
}

SnapshotSource::Identity identity_of(const struct stat& s) {
  return {s.st_size,        s.st_mtim.tv_sec,  s.st_mtim.tv_nsec,
          s.st_ctim.tv_sec, s.st_ctim.tv_nsec, static_cast<std::int64_t>(s.st_ino)};
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

using Filter = std::function<bool(std::string_view name)>;

class Collector {
 public:
  void add_file(const fs::path& from, const std::string& to) {
    struct stat s {};
    if (::stat(from.c_str(), &s) != 0) throw_errno("read", from, errno);
    sources_[to] = {to, from, "", identity_of(s)};
  }
  void add_link(const std::string& to, const std::string& target) { sources_[to] = {to, {}, target, {}}; }
  bool has(const std::string& to) const { return sources_.contains(to); }

  // The tree below `from`. Links that stay inside are kept, links to files elsewhere become the file (Debian
  // links to /etc), links to folders elsewhere are somebody else's packages.
  void add_tree(const std::string& from, const std::string& to, const Filter& wanted) {
    const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(from.c_str()));
    if (!directory) throw_errno("list", from, errno);
    const std::string_view folder = std::string_view(from).substr(from.rfind('/') + 1);
    for (;;) {
      errno = 0;
      const dirent* const entry = ::readdir(directory.get());
      if (entry == nullptr && errno != 0) throw_errno("list", from, errno);  // not half of a library
      if (entry == nullptr) return;
      const std::string_view name = entry->d_name;
      if (name == "." || name == ".." || is_left_out(folder, name) || !wanted(name)) continue;
      struct stat s {};
      if (::fstatat(::dirfd(directory.get()), entry->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0)
        continue;  // removed meanwhile
      std::string path = fmt::format("{}/{}", from, name), place = fmt::format("{}/{}", to, name);
      if (S_ISDIR(s.st_mode)) add_tree(path, place, wanted);
      if (S_ISLNK(s.st_mode)) add_linked(path, place);
      if (S_ISREG(s.st_mode)) {
        SnapshotSource& source = sources_[place];
        source = {std::move(place), std::move(path), "", identity_of(s)};
      }
    }
  }

  std::vector<SnapshotSource> take() && {
    std::vector<SnapshotSource> out;
    for (auto& [path, source] : sources_) out.push_back(std::move(source));
    return out;
  }

 private:
  void add_linked(const fs::path& link, const std::string& place) {
    std::error_code failure;
    const fs::path target = fs::read_symlink(link, failure);
    if (failure || !fs::is_regular_file(link, failure)) return;  // dangling, or a folder
    if (target.native().find('/') == std::string::npos &&
        !is_left_out(link.parent_path().filename().native(), target.native()))
      add_link(place, target.string());
    else
      add_file(link, place);
  }

  std::map<std::string, SnapshotSource> sources_;
};

bool is_of_library(std::string_view name, const Interpreter& interpreter) {
  return !is_of_another_build(name, interpreter) && !(name.ends_with(".so") && is_for_tests(name));
}
// Packages put headers beside Python's own (greenlet, numpy): of the folders only its own are taken.
bool is_own_header(std::string_view name) {
  static constexpr std::array<std::string_view, 4> kFolders = {"cpython", "internal", "mimalloc", "_numpypy"};
  return name.ends_with(".h") || std::ranges::find(kFolders, name) != kFolders.end();
}

bool is_in_base(const fs::path& folder, const Interpreter& interpreter) {
  if (folder == interpreter.libdir && !interpreter.libpython.empty()) return true;
  return !is_shared_prefix(interpreter.prefix.native()) && is_below(folder, interpreter.prefix);
}

fs::path expand_origin(std::string_view entry, const fs::path& file) {
  for (const std::string_view origin : {"$ORIGIN", "${ORIGIN}"})
    if (entry.starts_with(origin))
      return fs::path(file.parent_path().string() + std::string(entry.substr(origin.size())))
          .lexically_normal();
  return fs::path(entry);
}

std::vector<fs::path> run_path_of(const ElfFacts& facts, const fs::path& file) {
  std::vector<fs::path> out;
  if (facts.run_path.empty()) return out;
  for (const std::string_view entry : split(facts.run_path, ':'))
    if (!entry.empty()) out.push_back(expand_origin(entry, file));
  return out;
}

// Most bases carry nothing but libpython: one look at the folder saves reading every extension module.
bool carries_libraries(const Interpreter& interpreter) {
  if (is_shared_prefix(interpreter.prefix.native())) return false;
  for (const char* folder : {"lib", "lib64"}) {
    std::error_code failure;
    for (fs::directory_iterator it(interpreter.prefix / folder, failure), end; !failure && it != end;
         it.increment(failure)) {
      const std::string name = it->path().filename().string();
      if (name.find(".so") != std::string::npos && !name.starts_with("libpython")) return true;
    }
  }
  return false;
}

// Libraries that the base carries besides libpython (conda's OpenSSL, say), found by the run paths that lead
// to them.
void add_libraries(Collector& collector, const Interpreter& interpreter, const RuntimeLayout& layout) {
  std::vector<fs::path> left = {interpreter.executable};
  if (!layout.libpython.empty()) left.push_back(interpreter.libdir / interpreter.libpython);
  std::error_code ignored;
  for (const fs::path& folder : {interpreter.stdlib / "lib-dynload", interpreter.platstdlib / "lib-dynload"})
    for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end; it.increment(ignored))
      if (it->path().extension() == ".so") left.push_back(it->path());
  while (!left.empty()) {
    const fs::path file = fs::canonical(left.back(), ignored);
    left.pop_back();
    if (ignored) continue;
    const auto facts = read_elf(read_file(file));
    if (!facts) continue;
    for (const std::string& needed : facts->needed) {
      const std::string place = layout.libraries + "/" + needed;
      if (collector.has(place)) continue;
      for (const fs::path& folder : run_path_of(*facts, file)) {
        if (!is_in_base(folder, interpreter) || !fs::exists(folder / needed, ignored)) continue;
        collector.add_file(folder / needed, place);
        left.push_back(folder / needed);
        break;
      }
    }
  }
}

std::string relative_to_file(const std::string& folder, const std::string& file) {
  return fs::path(folder).lexically_relative(fs::path(file).parent_path()).string();
}

// The run path a copied file needs; nullopt if its own may stay.
std::optional<std::string> wanted_run_path(const ElfFacts& facts, const SnapshotSource& source,
                                           const Interpreter& interpreter,
                                           const std::set<std::string>& carried,
                                           const std::string& libraries) {
  std::error_code ignored;
  const fs::path real = fs::canonical(source.from, ignored);
  bool needs_ours =
      std::ranges::any_of(facts.needed, [&](const std::string& name) { return carried.contains(name); });
  std::vector<std::string> others;
  for (const fs::path& folder : run_path_of(facts, real)) {
    if (is_in_base(folder, interpreter) || folder == interpreter.prefix)
      needs_ours = true;
    else
      others.push_back(folder.string());
  }
  if (!needs_ours) return std::nullopt;
  const std::string relative = relative_to_file(libraries, source.to);
  others.insert(others.begin(), relative == "." ? "$ORIGIN" : "$ORIGIN/" + relative);
  return join(others, ":");
}

struct Copying {
  const Interpreter& interpreter;
  const RuntimeLayout& layout;
  std::set<std::string> carried;  // names of libraries that the runtime has
};

std::string copied_program(const std::string& bytes, const SnapshotSource& source, const Copying& copying) {
  const auto facts = read_elf(bytes);
  if (!facts) return bytes;
  std::string stripped = strip_elf(bytes);
  const auto run_path =
      wanted_run_path(*facts, source, copying.interpreter, copying.carried, copying.layout.libraries);
  if (!run_path) return stripped;
  auto patched = with_run_path(stripped, *run_path);
  if (!patched)
    throw Error(ErrorKind::Interpreter, "cannot copy " + quote(source.from) + ": " + patched.error().message);
  return std::move(*patched);
}

// The bytes of the copy: those of the base unless they would lead back to it.
std::string copied_bytes(const SnapshotSource& source, const Copying& copying) {
  std::string bytes = read_file(source.from);
  const Interpreter& base = copying.interpreter;
  const std::string name = fs::path(source.to).filename().string();
  if (is_elf(bytes)) return copied_program(bytes, source, copying);
  if (name.starts_with("_sysconfigdata") && name.ends_with(".py"))
    return relocatable_build_variables(bytes, base.prefix.native(), base.multiarch);
  if (name == "Makefile" && source.to.find("/config-") != std::string::npos)
    return relocatable_makefile(bytes, base.prefix.native());
  return bytes;
}

void write_copy(const SnapshotSource& source, const fs::path& tree, const Copying& copying) {
  const fs::path to = tree / source.to;
  const std::string bytes = copied_bytes(source, copying);
  const bool executable = source.to == copying.layout.python || is_elf(bytes);
  const UniqueFd file = open_file(to, O_WRONLY | O_CREAT | O_EXCL, executable ? 0755 : 0644);
  write_all(file.get(), bytes, to);
  const timespec times[2] = {{kRuntimeMtime, 0}, {kRuntimeMtime, 0}};
  if (::futimens(file.get(), times) != 0) throw_errno("set the time of", to, errno);
}

// Copies if the file system has no links. A copy of a link waits until its target is there.
void make_links(const std::vector<SnapshotSource>& sources, const fs::path& tree) {
  std::vector<const SnapshotSource*> waiting;
  for (const SnapshotSource& source : sources)
    if (!source.target.empty() && !make_symbolic_link(source.target, tree / source.to))
      waiting.push_back(&source);
  const auto copy = [&](const SnapshotSource* link) {
    const fs::path to = tree / link->to, from = to.parent_path() / link->target;
    if (!fs::exists(from)) return false;
    fs::copy(from, to, fs::copy_options::recursive);
    return true;
  };
  while (std::erase_if(waiting, copy) > 0) {
  }
}

// An empty zip archive ("end of central directory" and nothing before it). From 3.11 on Python looks for
// lib/pythonXY.zip in every folder above, before anything else: found here, the search ends here.
std::string empty_zip() { return std::string("PK\x05\x06", 4) + std::string(18, '\0'); }

void write_fixed_files(const fs::path& tree, const Interpreter& interpreter, const RuntimeLayout& layout) {
  const std::string digits = std::to_string(interpreter.major) + std::to_string(interpreter.minor);
  const fs::path zip =
      tree / layout.libraries / ("python" + digits + (interpreter.free_threaded ? "t" : "") + ".zip");
  write_file_atomically(zip, empty_zip(), 0644);
  make_directories(tree / layout.stdlib / "site-packages");
}

// Slice argv[2] of argv[3] of the sources below argv[1]. The recorded path is the same wherever the runtime
// was made; the import system corrects it.
//
// Every environment gets its own file for each module compiled here. So modules that none of 35 packages
// (from IPython and ansible to SQLAlchemy and twisted) imported with Debian's Python 3.11 are left to their
// first import; and tkinter and msilib, which that Python lacks.
constexpr const char* kCompile = R"PY(
import importlib.util, os, py_compile, sys
tree, index, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rare_folders = set("__phello__ distutils ensurepip lib2to3 msilib pydoc_data tkinter venv".split())
rare_modules = set("""
__hello__ _aix_support _bootsubprocess _osx_support _pydecimal _pyio aifc antigravity asynchat asyncore cgi cgitb
chunk crypt imaplib imghdr imp mailbox mailcap modulefinder nntplib nturl2path ossaudiodev pipes poplib pyclbr
smtpd sndhdr sunau tabnanny telnetlib this turtle uu wave windows_events windows_utils xdrlib zipapp
""".split())
encodings = set("""
__init__ aliases ascii base64_codec charmap cp1252 cp437 hex_codec idna iso8859_1 iso8859_15 latin_1 punycode
raw_unicode_escape unicode_escape utf_16 utf_16_be utf_16_le utf_32 utf_8 utf_8_sig
""".split())
sources = []
for folder, folders, names in os.walk(tree):
    folders[:] = sorted(set(folders) - rare_folders)
    for name in sorted(names):
        module, ending = os.path.splitext(name)
        rare = module not in encodings if os.path.basename(folder) == "encodings" else module in rare_modules
        if ending == ".py" and not rare:
            sources.append(os.path.join(folder, name))
options = {}
if hasattr(py_compile, "PycInvalidationMode"):
    options["invalidation_mode"] = py_compile.PycInvalidationMode.CHECKED_HASH
for source in sources[index::count]:
    if os.path.exists(importlib.util.cache_from_source(source)):
        continue  # by the check, when the copy was made
    try:
        py_compile.compile(source, dfile="/moat/runtime/" + os.path.relpath(source, tree), doraise=True, **options)
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError, py_compile.PyCompileError):
        pass  # templates and the like, that nobody imports
)PY";

// Loads every extension module of the standard library, then prints who it is and what is mapped. Loading is
// not importing: it maps the libraries as well, and compiles none of the modules that they would import. The
// modules imported until then, which every start needs, are compiled as kCompile does it; if possible without
// py_compile, whose import would compile twenty others.
constexpr const char* kCheck = R"PY(
import os, sys
tree = os.path.realpath(sys.argv[1])
import site
files = sorted(set(filter(None, (getattr(module, "__file__", None) for module in list(sys.modules.values())))))
loading, naming = sys.modules.get("_frozen_importlib_external"), sys.modules.get("_frozen_importlib")
try:
    if sys.version_info < (3, 9):
        raise ImportError  # there a module that was made and never run is not taken apart safely
    import _imp
    def load(name, path):
        _imp.create_dynamic(naming.ModuleSpec(name, loading.ExtensionFileLoader(name, path), origin=path))
    def bytecode_of(source, dfile):
        loader = loading.SourceFileLoader("<moat>", source)
        data = loader.get_data(source)
        return loading._code_to_hash_pyc(loader.source_to_code(data, dfile),
                                         _imp.source_hash(loading._RAW_MAGIC_NUMBER, data), True)
    loading.ExtensionFileLoader, loading._code_to_hash_pyc, loading._RAW_MAGIC_NUMBER, _imp.source_hash
except (AttributeError, ImportError):  # another implementation, or another version
    import py_compile
    bytecode_of = None
    def load(name, path):
        __import__(name)
for folder, folders, names in os.walk(os.path.dirname(os.__file__)):
    for name in names:
        module = name.split(".")[0]
        if ".so" in name and folder.endswith("lib-dynload") and not module.startswith(("_test", "_xx", "xx")):
            try:
                load(module, os.path.join(folder, name))
            except Exception:
                pass
for source in files:
    source = os.path.realpath(source)
    if source.endswith(".py") and source.startswith(tree + os.sep):
        dfile = "/moat/runtime/" + os.path.relpath(source, tree)
        try:
            if bytecode_of:
                target = loading.cache_from_source(source)
                data = bytecode_of(source, dfile)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "wb") as out:  # PyPy has written some, before it read its options
                    out.write(data)
            else:
                options = {}
                if hasattr(py_compile, "PycInvalidationMode"):
                    options["invalidation_mode"] = py_compile.PycInvalidationMode.CHECKED_HASH
                py_compile.compile(source, dfile=dfile, doraise=True, **options)
        except Exception:
            pass
print("version", sys.version.split()[0])
print("stdlib", os.path.dirname(os.path.realpath(os.__file__)))
if os.path.exists("/proc/self/maps"):
    with open("/proc/self/maps") as lines:
        for path in sorted(set(line.split(None, 5)[5].rstrip("\n") for line in lines if "/" in line)):
            print("mapped", path)
)PY";

ProcessResult run_copy(const fs::path& tree, const RuntimeLayout& layout, const char* script,
                       std::vector<std::string> arguments) {
  Command command;
  // Not -I: Python would then ignore PYTHONHASHSEED. There is no other variable, no site, and the folder is
  // empty.
  command.argv = {(tree / layout.python).string(), "-s", "-S", "-B", "-c", script};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.environment = {{"PYTHONHASHSEED", "0"}, {"LC_ALL", "C.UTF-8"}, {"PATH", "/usr/bin:/bin"}};
  command.directory = tree;
  command.timeout = std::chrono::minutes(10);
  return run_process(command);
}

std::string last_line_of(const ProcessResult& result) {
  const auto lines = split_lines(result.errors);
  return lines.empty() || lines.back().empty() ? "exit status " + std::to_string(result.status)
                                               : std::string(lines.back());
}

void check_copy(const fs::path& tree, const RuntimeLayout& layout, const Interpreter& interpreter) {
  const auto refuse = [&](const std::string& reason) {
    throw Error(ErrorKind::Interpreter,
                "cannot copy " + quote(interpreter.executable.string()) + ": " + reason);
  };
  const ProcessResult result = run_copy(tree, layout, kCheck, {tree.string()});
  if (result.status != 0) refuse("the copy does not start: " + last_line_of(result));
  std::error_code ignored;
  const fs::path real_stdlib = fs::canonical(tree / layout.stdlib, ignored);
  const std::set<fs::path> own = {interpreter.executable, interpreter.libdir / interpreter.libpython};
  for (const std::string_view line : split_lines(result.output)) {
    const auto space = line.find(' ');
    const std::string_view key = line.substr(0, space);
    const fs::path value = space == std::string_view::npos ? "" : line.substr(space + 1);
    if (key == "version" && !interpreter.version.starts_with(value.native()))
      refuse("the copy says it is " + value.string());
    if (key == "stdlib" && value != real_stdlib) refuse("the copy uses " + quote(value.string()));
    if (key != "mapped") continue;
    const bool leaks = own.contains(value) || is_below(value, interpreter.stdlib) ||
                       (!is_shared_prefix(interpreter.prefix.native()) &&
                        is_below(value, interpreter.prefix) && !is_below(value, tree));
    if (leaks) refuse("the copy still uses " + quote(value.string()));
  }
}

// Starts the copy and lets it compile its own standard library.
void refuse_noexec(const fs::path& tree) {
  if (!is_on_noexec(tree.parent_path())) return;
  throw Error(
      ErrorKind::Disk,
      quote(tree.parent_path().string()) + " is on a file system mounted noexec: programs cannot run there",
      {"keep the store where programs can run: MOAT_STORE_DIR=/path/to/store moat …"});
}

}  // namespace

RuntimeLayout runtime_layout(const Interpreter& interpreter) {
  const fs::path stdlib =
      interpreter.stdlib.lexically_normal().lexically_relative(interpreter.prefix.lexically_normal());
  if (stdlib.empty() || *stdlib.begin() == ".." || stdlib.parent_path().empty())
    throw Error(ErrorKind::Interpreter,
                quote(interpreter.executable.string()) + " keeps its standard library in " +
                    quote(interpreter.stdlib.string()) + ", which is not below its prefix " +
                    quote(interpreter.prefix.string()));
  RuntimeLayout layout;
  layout.python = (interpreter.implementation == "pypy" ? "bin/pypy" : "bin/python") +
                  interpreter.major_minor() + (interpreter.free_threaded ? "t" : "");
  layout.stdlib = stdlib.string();
  layout.libraries = stdlib.parent_path().string();
  if (!interpreter.libpython.empty()) layout.libpython = layout.libraries + "/" + interpreter.libpython;
  layout.include = "include/" + interpreter.include.filename().string();
  return layout;
}

std::vector<SnapshotSource> snapshot_sources(const Interpreter& interpreter) {
  const RuntimeLayout layout = runtime_layout(interpreter);
  Collector collector;
  const auto wanted = [&](std::string_view name) { return is_of_library(name, interpreter); };
  collector.add_tree(interpreter.stdlib, layout.stdlib, wanted);
  std::error_code ignored;
  const fs::path dynload = interpreter.platstdlib / "lib-dynload";
  if (interpreter.platstdlib != interpreter.stdlib && fs::is_directory(dynload, ignored))
    collector.add_tree(dynload, layout.stdlib + "/lib-dynload", wanted);
  if (fs::is_directory(interpreter.include, ignored)) {
    collector.add_tree(interpreter.include, layout.include, is_own_header);
    // Debian's pyconfig.h only forwards to the one of the architecture, outside.
    const fs::path real = interpreter.include.parent_path() / interpreter.multiarch /
                          interpreter.include.filename() / "pyconfig.h";
    if (!interpreter.multiarch.empty() && fs::is_regular_file(real, ignored))
      collector.add_file(real, layout.include + "/pyconfig.h");
  }
  collector.add_file(interpreter.executable, layout.python);
  const std::string name = fs::path(layout.python).filename().string();
  std::vector<std::string> aliases = {"python", "python3", "python" + interpreter.major_minor()};
  if (interpreter.implementation == "pypy") aliases.insert(aliases.end(), {"pypy", "pypy3"});
  for (const std::string& alias : aliases)
    if (alias != name) collector.add_link("bin/" + alias, name);
  if (!layout.libpython.empty()) {
    collector.add_file(interpreter.libdir / interpreter.libpython, layout.libpython);
    if (!interpreter.ldlibrary.empty())
      collector.add_link(layout.libraries + "/" + interpreter.ldlibrary, interpreter.libpython);
  } else if (!interpreter.ldlibrary.empty()) {
    const fs::path real = fs::canonical(interpreter.libdir / interpreter.ldlibrary);
    collector.add_file(real, layout.libraries + "/" + real.filename().native());
    if (real.filename() != interpreter.ldlibrary)
      collector.add_link(layout.libraries + "/" + interpreter.ldlibrary, real.filename().native());
  }
  if (carries_libraries(interpreter)) add_libraries(collector, interpreter, layout);
  return std::move(collector).take();
}

std::string snapshot_fingerprint(const Interpreter& interpreter, const std::vector<SnapshotSource>& sources) {
  Hasher hasher;
  for (const std::string& fact :
       {std::string(kRecipe), interpreter.implementation, interpreter.version,
        interpreter.executable.string(), interpreter.prefix.string(), interpreter.magic})
    hasher.update(fact + "\n");
  std::string text;
  for (const SnapshotSource& source : sources) {
    text.append(source.to).append("\n").append(source.from).append("\n").append(source.target);
    text.append(reinterpret_cast<const char*>(source.identity.data()), sizeof source.identity).append("\n");
  }
  hasher.update(text);
  return interpreter.version + "-" + hasher.finish().hex.substr(0, 16);
}

void make_snapshot(const Interpreter& interpreter, const std::vector<SnapshotSource>& sources,
                   const fs::path& tree, Workers& workers) {
  refuse_noexec(tree);
  const RuntimeLayout layout = runtime_layout(interpreter);
  Copying copying{interpreter, layout, {}};
  std::set<fs::path> folders;
  for (const SnapshotSource& source : sources) {
    const fs::path to(source.to);
    folders.insert(tree / to.parent_path());
    if (to.parent_path() == fs::path(layout.libraries)) copying.carried.insert(to.filename().string());
  }
  for (const fs::path& folder : folders) make_directories(folder);
  workers.for_each(sources.size(), [&](std::size_t i) {
    if (sources[i].target.empty()) write_copy(sources[i], tree, copying);
  });
  make_links(sources, tree);
  write_fixed_files(tree, interpreter, layout);
  check_copy(tree, layout, interpreter);
}

void compile_snapshot(const Interpreter& interpreter, const fs::path& tree, Workers& workers) {
  const RuntimeLayout layout = runtime_layout(interpreter);
  const std::size_t parts = std::max(1U, workers.size());
  workers.for_each(parts, [&](std::size_t part) {
    const ProcessResult result =
        run_copy(tree, layout, kCompile, {tree.string(), std::to_string(part), std::to_string(parts)});
    if (result.status != 0)
      throw Error(ErrorKind::Interpreter, "cannot compile the standard library: " + last_line_of(result));
  });
}

}  // namespace moat
