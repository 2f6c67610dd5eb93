#include "envs/environment/environment.h"

#include "envs/environment/activate.h"
#include "envs/environment/copy_environment.h"
#include "envs/environment/new_place.h"
#include "envs/environment/pip_shim.h"
#include "envs/environment/remove_environment.h"
#include "envs/environment/shell_words.h"
#include "envs/environment/staged_environment.h"
#include "envs/journal/change.h"
#include "envs/journal/move_check.h"
#include "envs/journal/sealed.h"
#include "envs/journal/state_files.h"
#include "envs/journal/unflushed.h"
#include "envs/launcher/home.h"
#include "envs/launcher/image.h"
#include "envs/python/elf.h"
#include "envs/python/spare.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "fetch/os/interrupt.h"
#include "fetch/os/leftovers.h"
#include "fetch/os/mapped_file.h"
#include "fetch/os/noexec.h"
#include "fetch/os/ownership.h"
#include "fetch/os/presence.h"
#include "fetch/os/roomy_directory.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <future>
#include <map>

namespace moat {

std::map<std::string, std::string> read_venv_settings(const fs::path& file) {
  std::map<std::string, std::string> out;
  const std::string text = read_file(file);
  for (const std::string_view line : split_lines(text)) {
    const auto equals = line.find('=');
    if (equals != std::string_view::npos)
      out[ascii_lower(trim(line.substr(0, equals)))] = std::string(trim(line.substr(equals + 1)));
  }
  return out;
}

namespace {

std::string maker_of(const std::map<std::string, std::string>& settings) {
  for (const char* tool : {"uv", "virtualenv"})
    if (settings.contains(tool)) return tool;
  return "venv";
}

// "3.11.7" from the keys of venv ("version"), virtualenv ("version_info = 3.11.7.final.0") and uv; "" if it
// is not a version.
std::string version_told(const std::map<std::string, std::string>& settings) {
  for (const char* key : {"version", "version_info"}) {
    const auto found = settings.find(key);
    if (found == settings.end()) continue;
    std::string numbers;
    for (const std::string_view part : split(found->second, '.')) {
      if (part.empty() || !std::ranges::all_of(part, is_ascii_digit)) break;
      numbers += (numbers.empty() ? "" : ".") + std::string(part);
    }
    if (numbers.find('.') != std::string::npos) return numbers;
  }
  return "";
}

// Only the facts that the scheme and markers of a foreign environment need: implementation and X.Y, from its
// folders, and the version from pyvenv.cfg.
Interpreter facts_of_foreign(const fs::path& root, const std::map<std::string, std::string>& settings) {
  Interpreter interpreter;
  interpreter.implementation = "cpython";
  interpreter.version = version_told(settings);
  std::error_code failure;
  for (fs::directory_iterator it(root / "lib", failure), end; !failure && it != end; it.increment(failure)) {
    const std::string folder = it->path().filename().string();
    std::string_view name = folder;
    const bool pypy = name.starts_with("pypy3.");
    if (!pypy && !name.starts_with("python3.")) continue;
    name.remove_prefix(pypy ? 6 : 8);
    interpreter.implementation = pypy ? "pypy" : "cpython";
    interpreter.free_threaded = name.ends_with('t');
    interpreter.major = 3;
    interpreter.minor = 0;
    for (const char c : name)
      if (is_ascii_digit(c)) interpreter.minor = interpreter.minor * 10 + static_cast<unsigned>(c - '0');
  }
  return interpreter;
}

// Is the interpreter built for the same machine and libc as the launcher?
bool is_of_our_libc(const Runtime& runtime, const RuntimeLayout& layout) {
  // None is larger; that of a bundle is held in memory.
  constexpr std::uint64_t kMostOfProgram = 256ULL << 20U;
  const auto listed = std::ranges::find(runtime.files, layout.python, &StoredFile::path);
  if (runtime.packed && (listed == runtime.files.end() || listed->size > kMostOfProgram)) return false;
  const auto launcher = read_elf(launcher_image());
  const auto program = runtime.packed ? read_elf(runtime.packed->text(layout.python))
                                      // megabytes, of which a few pages are looked at
                                      : read_elf(MappedFile(runtime.tree / layout.python).bytes());
  return launcher && program && launcher->machine == program->machine && launcher->is_64 == program->is_64 &&
         launcher->loader == program->loader;
}

// How the launcher runs the interpreter.
enum class Start {
  Load,      // libpython, in its own process: a Python that offers its main() (3.7 and later)
  Execute,   // the private binary, which can be told its home by a library loaded first
  ByItself,  // the private binary as it is: PyPy, or a Python of another libc
};

Start start_of(const Runtime& runtime, const RuntimeLayout& layout) {
  const Interpreter& interpreter = runtime.interpreter;
  if (interpreter.implementation != "cpython" || !is_of_our_libc(runtime, layout)) return Start::ByItself;
  return layout.libpython.empty() || interpreter.minor < 7 ? Start::Execute : Start::Load;
}

std::string pyvenv_cfg(const fs::path& root, const std::string& prompt, const Runtime& runtime) {
  const RuntimeLayout layout = runtime_layout(runtime.interpreter);
  std::string out = "home = " + (root / ".moat/rt/bin").string() + "\n";
  out += "include-system-site-packages = false\n";
  out += "version = " + runtime.interpreter.version + "\n";
  if (!prompt.empty()) out += "prompt = " + prompt + "\n";
  out += "moat = " + std::to_string(kEnvironmentFormat) + "\n";
  out += "moat-python = " + fs::path(layout.python).filename().string() + "\n";
  out += "moat-stdlib = " + layout.stdlib + "\n";
  if (start_of(runtime, layout) == Start::Load) out += "moat-libpython = " + layout.libpython + "\n";
  out += "moat-runtime = " + runtime.fingerprint + "\n";
  return out;
}

std::vector<std::string> launcher_names(const Interpreter& interpreter) {
  const std::string exact = "python" + interpreter.major_minor();
  std::vector<std::string> names = {"python", "python3", exact};
  if (interpreter.free_threaded) names.push_back(exact + "t");
  if (interpreter.implementation == "pypy")
    names.insert(names.end(), {"pypy", "pypy3", "pypy" + interpreter.major_minor()});
  return names;
}

std::string printable(std::string_view prompt) {
  std::string out;
  for (const char c : prompt)
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
  return out;
}

// A staged environment, and the manifest of its files.
class Staging {
 public:
  Staging(fs::path folder, const Runtime& runtime) : folder_(std::move(folder)) {
    manifest_.runtime = runtime.fingerprint;
  }

  void write(const std::string& path, std::string_view bytes, unsigned mode) {
    write_file_atomically(folder_ / path, bytes, mode);
    manifest_.entries.push_back({path, hash_bytes(bytes).hex, bytes.size(), mode, ""});
  }
  void add_link(const std::string& path, const std::string& target) {
    manifest_.entries.push_back({path, hash_bytes(target).hex, target.size(), 0120777, ""});
  }
  // For programs that look there; Python does not.
  void link_if_possible(const std::string& path, const std::string& target) {
    if (make_symbolic_link(target, folder_ / path)) add_link(path, target);
  }
  void add_runtime(const Runtime& runtime, LinkMode mode, Workers& workers) {
    // Its few small libraries stay the environment's own.
    const LinkMode of_runtime = mode == LinkMode::SharedBinaries ? LinkMode::Auto : mode;
    const bool is_copy = of_runtime == LinkMode::Auto || of_runtime == LinkMode::Copy;
    if (!is_copy || !take_spare(runtime, folder_ / ".moat/rt", workers))
      materialise(runtime, folder_ / ".moat/rt", of_runtime, workers);
    for (const StoredFile& file : runtime.files)
      manifest_.entries.push_back(
          {".moat/rt/" + file.path, file.digest.hex, file.size, file.executable ? 0755U : 0644U, ""});
    for (const auto& [path, target] : runtime.links) add_link_or_copy(".moat/rt/" + path, target);
  }
  // One file with all its names: nothing in bin is a link that leads out of it.
  void add_launchers(const Interpreter& interpreter) {
    const auto names = launcher_names(interpreter);
    write("bin/" + names.front(), launcher_image(), 0755);
    const ManifestEntry first = manifest_.entries.back();
    for (std::size_t i = 1; i < names.size(); ++i) {
      const fs::path to = folder_ / "bin" / names[i];
      if (::link((folder_ / first.path).c_str(), to.c_str()) != 0)
        write_file_atomically(to, launcher_image(), 0755);
      manifest_.entries.push_back({"bin/" + names[i], first.sha256, first.size, first.mode, ""});
    }
  }
  // If libpython is loaded, the private binary is not needed and is replaced by a launcher: a venv made
  // inside, by link or copy, starts it by its own name, and is then guarded like bin/python and finds its
  // library.
  void replace_private_binary(const std::string& python) {
    const std::string path = ".moat/rt/" + python;
    const auto binary = std::ranges::find_if(manifest_.entries,
                                             [&](const ManifestEntry& entry) { return entry.path == path; });
    const std::string sha256 = binary == manifest_.entries.end() ? "" : binary->sha256;
    std::vector<std::string> names;  // more than one where there are copies instead of links
    std::erase_if(manifest_.entries, [&](const ManifestEntry& entry) {
      const bool is_binary = entry.path.starts_with(".moat/rt/bin/") && entry.sha256 == sha256;
      if (is_binary) names.push_back(entry.path);
      return is_binary;
    });
    for (const std::string& name : names) write(name, launcher_image(), 0755);
  }
  const Manifest& manifest() const { return manifest_; }

 private:
  // A link of the runtime: a copy if the file system has no links. Copies of folders are not recorded.
  void add_link_or_copy(const std::string& path, const std::string& target) {
    struct stat status {};
    const fs::path file = folder_ / path;
    if (::lstat(file.c_str(), &status) != 0) throw_errno("look at", file, errno);
    if (S_ISLNK(status.st_mode)) add_link(path, target);
    if (S_ISREG(status.st_mode))
      manifest_.entries.push_back({path, hash_file(file).hex, static_cast<std::uint64_t>(status.st_size),
                                   (status.st_mode & S_IXUSR) != 0 ? 0755U : 0644U, ""});
  }

  fs::path folder_;
  Manifest manifest_;
};

// Files that every start of the environment needs are on the disk before it gets its name: after a power
// failure it can at least report what it lost.
void sync_what_starts(const fs::path& folder) {
  for (const char* name : {"bin/python", "pyvenv.cfg", ".moat/facts.json"}) sync_file(folder / name);
}

}  // namespace

void stage_environment(const fs::path& folder, const fs::path& root, const CreateOptions& options,
                       const Runtime& runtime, Workers& workers) {
  const std::string prompt = printable(options.prompt);
  const Interpreter& interpreter = runtime.interpreter;
  const Scheme scheme = venv_scheme(interpreter.implementation,
                                    interpreter.major_minor() + (interpreter.free_threaded ? "t" : ""));
  for (const std::string& directory :
       {std::string(".moat"), scheme.scripts, scheme.purelib, std::string("include")})
    make_directories(folder / directory);
  Staging staging(folder, runtime);
  staging.add_launchers(interpreter);
  staging.write(".moat/facts.json", to_json(interpreter), 0644);
  // Not in the manifest: the launcher mends `home` after a move.
  write_file_atomically(folder / "pyvenv.cfg", pyvenv_cfg(root, prompt, runtime), 0644);
  // The disk is waited for while the runtime, most of the work, is placed.
  std::future<void> synced;
  if (options.durable == Durable::Auto) synced = begin_async([&folder] { sync_what_starts(folder); });
  staging.add_runtime(runtime, options.link_mode, workers);
  const RuntimeLayout layout = runtime_layout(interpreter);
  switch (start_of(runtime, layout)) {
    case Start::Load:
      staging.replace_private_binary(layout.python);
      break;
    case Start::Execute:
      make_directories(folder / ".moat/rt/lib");
      staging.write(".moat/rt/" MOAT_HOME_LIBRARY, home_library_image(), 0755);
      break;
    case Start::ByItself:
      break;
  }
  staging.write("bin/activate", activate_sh(prompt), 0644);
  staging.write("bin/activate.fish", activate_fish(prompt), 0644);
  staging.write("bin/activate.csh", activate_csh(prompt), 0644);
  if (options.own_pip) {
    make_directories(folder / scheme.purelib / "pip");
    for (const PipShimFile& file : pip_shim(scheme, interpreter))
      staging.write(file.path, file.text, file.executable ? 0755 : 0644);
  }
  staging.write(".gitignore", "*\n", 0644);
  staging.link_if_possible("lib64", "lib");
  write_file_atomically(folder / ".moat/manifest", format_manifest(staging.manifest()), 0644);
  if (synced.valid()) synced.get();
}

namespace {

// Nothing, an empty folder, or an environment that may be replaced.
void check_place(const fs::path& root, bool replace) {
  std::error_code ignored;
  if (is_vacant(root)) return;
  const std::string path = quote(root.string());
  if (!fs::is_directory(root, ignored)) throw Error(ErrorKind::Exists, path + " exists and is not a folder");
  refuse_release(root);
  const bool environment = Environment::exists_at(root);
  if (!environment)
    throw Error(ErrorKind::Exists, path + " exists, is not empty, and is not an environment",
                {"choose another path: moat create OTHER"});
  if (!replace)
    throw Error(ErrorKind::Exists, path + " already holds an environment",
                {"moat create --replace " + root.string()});
  refuse_mounts_below(root);
}

TempDir folder_beside(const fs::path& root) {
  try {
    return TempDir(root.parent_path(), "." + root.filename().string() + ".new");
  } catch (const Error& error) {
    throw error.with_context("cannot make an environment at " + quote(root.string()));
  }
}

// The manifest of an environment, by one of its parsers. A lost one can be made again.
template <class Parser>
Manifest read_manifest_of(const fs::path& environment, const Parser& parse) {
  const fs::path file = environment / ".moat/manifest";
  const std::vector<std::string> hints = {"make it again: moat doctor --repair --env " +
                                          environment.string()};
  const auto text = read_file_if_exists(file);
  if (!text) throw Error(ErrorKind::BadInput, fmt::format("{} is lost", quote(file.string())), hints);
  Expected<Manifest> manifest = parse(*text);
  if (!manifest)
    throw Error(ErrorKind::BadInput,
                fmt::format("cannot read {}: {}", quote(file.string()), manifest.error().message), hints);
  return std::move(*manifest);
}

void check_format(const std::string& text, const fs::path& root) {
  int format = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), format);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || format < 1)
    throw Error(ErrorKind::BadInput,
                "cannot read " + quote((root / "pyvenv.cfg").string()) + ": it has `moat = " + text + "`",
                {"moat create --replace " + root.string()});
  if (format > kEnvironmentFormat)
    throw Error(ErrorKind::BadInput,
                quote(root.string()) + " was made by a newer moat: it has format " + text +
                    ", and this moat reads formats up to " + std::to_string(kEnvironmentFormat),
                {"use the newer moat, or recreate the environment: moat create --replace " + root.string()});
}

}  // namespace

void check_environment_path(const fs::path& root) {
  const auto refuse = [&](const std::string& reason) {
    throw Error(ErrorKind::Usage, "cannot make an environment at " + quote(root.string()) + ": " + reason);
  };
  if (root.native().find(':') != std::string::npos) refuse("a path that contains `:` cannot be on PATH");
  if (root.native().find_first_of("\n\r") != std::string::npos)
    refuse("pyvenv.cfg cannot hold a path with a line break");
  if (!is_utf8(root.native())) refuse("Python cannot start in a path that is not UTF-8");
  // The loader replaces these in the path of every extension module.
  for (const std::string_view token : {"ORIGIN", "LIB", "PLATFORM"})
    for (const std::string_view dollar : {"$", "${"})
      if (root.native().find(fmt::format("{}{}", dollar, token)) != std::string::npos)
        refuse(
            fmt::format("the loader of libraries reads `{}{}` in a path as something else", dollar, token));
  if (root == root.root_path()) refuse("it is the root directory");
  if (is_on_noexec(root))
    throw Error(ErrorKind::Disk,
                "cannot make an environment at " + quote(root.string()) +
                    ": that file system is mounted noexec, so no program starts there",
                {"choose a folder where programs may start"});
}

bool Environment::exists_at(const fs::path& root) {
  std::error_code ignored;
  return fs::is_regular_file(root / "pyvenv.cfg", ignored) || fs::exists(root / ".moat/journal", ignored);
}

bool lacks_its_settings(const fs::path& root) {
  return !is_there(root / "pyvenv.cfg") && is_there(root / ".moat/rt") && is_there(root / ".moat/manifest");
}

void throw_lacks_settings(const fs::path& root) {
  throw Error(ErrorKind::NoEnvironment,
              fmt::format("the environment {} is damaged: it has no pyvenv.cfg", quote(root.native())),
              {"moat doctor --repair --env " + root.native()});
}

Environment Environment::open(const fs::path& root, Foreign foreign) {
  std::error_code failure;
  Environment environment;
  environment.root_ = fs::canonical(root, failure);
  // Before anything else is read: the maker of a new environment may have died. If another user left a change
  // unfinished, reading does not finish it.
  if (!failure && (foreign == Foreign::Refused || is_ours(environment.root_)))
    roll_forward(environment.root_);
  if (!failure && lacks_its_settings(environment.root_)) throw_lacks_settings(environment.root_);
  if (failure || !exists_at(environment.root_))
    throw Error(ErrorKind::NoEnvironment, "there is no environment at " + quote(root.string()),
                {"moat create " + root.string()});
  const auto settings = read_venv_settings(environment.root_ / "pyvenv.cfg");
  const auto value = [&](const char* key) {
    const auto found = settings.find(key);
    return found == settings.end() ? std::string() : found->second;
  };
  environment.prompt_ = value("prompt");
  if (environment.prompt_.empty()) environment.prompt_ = environment.root_.filename().string();
  environment.foreign_ = value("moat").empty();
  if (environment.foreign_ && fs::exists(environment.root_ / ".moat/manifest", failure))
    throw Error(
        ErrorKind::BadInput,
        quote((environment.root_ / "pyvenv.cfg").string()) + " is damaged: it does not say what moat wrote",
        {"moat doctor --repair --env " + environment.root_.string()});
  if (environment.foreign_) {
    if (foreign == Foreign::Refused)
      throw Error(ErrorKind::ForeignEnvironment,
                  quote(environment.root_.string()) + " was made by " + maker_of(settings) + ", not by moat",
                  {"moat env adopt " + environment.root_.string()});
    environment.interpreter_ = facts_of_foreign(environment.root_, settings);
    return environment;
  }
  check_format(value("moat"), environment.root_);
  const fs::path facts = environment.private_folder() / "facts.json";
  const auto text = read_file_if_exists(facts);
  auto interpreter = text ? interpreter_from_json(*text) : parse_error("it is missing");
  if (!interpreter)
    throw Error(ErrorKind::BadInput, quote(facts.string()) + " is damaged: " + interpreter.error().message,
                {"moat doctor --repair --env " + environment.root_.string()});
  environment.interpreter_ = std::move(*interpreter);
  return environment;
}

Scheme Environment::scheme() const {
  return venv_scheme(interpreter_.implementation,
                     interpreter_.major_minor() + (interpreter_.free_threaded ? "t" : ""));
}

Manifest Environment::manifest() const {
  Manifest manifest = read_manifest_of(root_, parse_manifest);
  if (manifest.format == 1) read_bytecode_list(root_, manifest);
  return manifest;
}

Environment::Placed Environment::placed() const {
  Placed placed{read_manifest_of(root_, parse_manifest), {}};
  placed.bytecode = read_bytecode_list(root_, placed.manifest);
  return placed;
}

Manifest Environment::manifest_without_files() const { return read_manifest_of(root_, parse_manifest_head); }

namespace {

// Switches inside the existing folder. If this fails before the commit, the folder is unchanged.
template <class Stage>
void make_inside(const fs::path& root, const CreateOptions& options, const Stage& stage_into) {
  const bool was_there = fs::exists(root / ".moat");
  try {
    make_directories(root / ".moat");
    Change change = Change::begin(root, options.as_change.value_or("moat create"));
    stage_into(change.stage());
    switch_inside(change, root, options.durable, options.as_change);
  } catch (...) {
    if (!was_there) remove_tree_quietly(root / ".moat");
    throw;
  }
}

// Data before names, as far as `durable` says. --replace must not delete the old environment before its
// successor exists.
void make_durable(const fs::path& staged, const fs::path& root, const CreateOptions& options,
                  std::int64_t begun) {
  if (options.durable == Durable::Never) return;
  if (options.durable == Durable::Always || Environment::exists_at(root)) {
    flush(staged);
    return;
  }
  mark_unflushed(staged / ".moat", 0, begun);
}

void make_beside(const CreateOptions& options, const fs::path& root, const Runtime& runtime,
                 Workers& workers) {
  // Nobody may be changing the old environment when it is removed.
  std::optional<FileLock> old;
  std::error_code failure;
  if (fs::is_directory(root / ".moat", failure))
    old = FileLock::acquire({root, ".moat/lock"}, FileLock::Mode::Exclusive, std::chrono::seconds(10));

  const std::int64_t begun = std::time(nullptr);
  sweep_leftovers(root.parent_path());
  TempDir staging = folder_beside(root);
  const FolderHold hold(staging.path());
  const fs::path staged =
      staging.path() / "env";  // not the temporary folder itself, which others cannot read
  make_roomy_directory(staged);
  stage_environment(staged, root, options, runtime, workers);
  if (options.fill) options.fill(Environment::open(staged));
  make_durable(staged, root, options, begun);
  const CommitUnderWay under_way;
  if (switch_folders(staged, root, options.replace)) {
    if (options.durable == Durable::Always) sync_directory(root.parent_path());
    return;
  }

  // A lower layer of overlayfs, say: what was staged moves inside, and switches there.
  old.reset();
  make_inside(root, options, [&](const fs::path& folder) {
    remove_tree(folder);
    rename_over(staged, folder);
  });
}

// `why`: the reason to.
void take_back(const fs::path& root, const Error& why) {
  try {
    take_back_environment(root);
  } catch (const Error& second) {
    throw Error(ErrorKind::Disk, fmt::format("{}; and it cannot be undone: {}", why.what(), second.what()),
                {fmt::format("remove the cause, then the environment: `moat env remove {}`",
                             shell_word(root.native()))},
                why.details());
  }
}

}  // namespace

Environment create_environment(const CreateOptions& options, const Runtime& runtime, Workers& workers) {
  std::error_code failure;
  const fs::path root = fs::weakly_canonical(fs::absolute(options.root), failure);
  if (failure) throw_errno("find", options.root, failure.value());
  check_environment_path(root);
  check_place(root, options.replace);
  const bool is_new = !is_there(root);
  make_directories(root.parent_path());
  if (options.as_change || must_switch_inside(root))
    make_inside(root, options, [&](const fs::path& folder) {
      check_place(root, options.replace);
      stage_environment(folder, root, options, runtime, workers);
      if (options.fill) options.fill(Environment::open(folder));
      if (options.durable != Durable::Never && Environment::exists_at(root)) sync_file_system(folder);
    });
  else
    make_beside(options, root, runtime, workers);
  try {
    return Environment::open(root);
  } catch (const Error& error) {
    // A failure changes nothing. A replaced environment cannot be brought back.
    if (is_new && error.kind() == ErrorKind::Disk) take_back(root, error);
    throw;
  }
}

}  // namespace moat
