#include "envs/python/discovery.h"

#include "fetch/os/file.h"
#include "fetch/os/ownership.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace moat {

namespace {

// What a SPEC asks for, besides a path or a program's name.
struct Wanted {
  std::string implementation;            // "": any
  std::optional<SpecifierSet> versions;  // nullopt: any
  bool free_threaded = false;

  bool admits(const Interpreter& interpreter) const;
  bool admits(std::string_view what, const std::optional<Version>& version, bool is_free_threaded) const;
};

// A pre-release interpreter says "3.15.0a8+"; the plus is not a version.
std::optional<Version> version_of(const Interpreter& interpreter) {
  std::string_view text = interpreter.version;
  while (text.ends_with('+')) text.remove_suffix(1);
  auto version = Version::parse(text);
  if (!version) return std::nullopt;
  return *version;
}

bool Wanted::admits(const Interpreter& interpreter) const {
  return admits(interpreter.implementation, version_of(interpreter), interpreter.free_threaded);
}

bool Wanted::admits(std::string_view what, const std::optional<Version>& version,
                    bool is_free_threaded) const {
  if (!implementation.empty() && what != implementation) return false;
  if (free_threaded != is_free_threaded && (free_threaded || versions)) return false;
  return !versions || (version && versions->contains(*version));
}

// "3.12", "3.12.1", ">=3.10,<3.13": a version means all that begin with it.
std::optional<SpecifierSet> parse_versions(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (is_ascii_digit(text.front())) {
    const auto version = Version::parse(text);
    if (!version) return std::nullopt;
    const bool whole = version->release().size() >= 3 || version->is_prerelease();
    auto set = SpecifierSet::parse("==" + std::string(text) + (whole ? "" : ".*"));
    if (!set) return std::nullopt;
    return *set;
  }
  auto set = SpecifierSet::parse(text);
  if (!set || set->empty()) return std::nullopt;
  return *set;
}

// nullopt: not of the form [implementation][@]versions.
std::optional<Wanted> parse_wanted(std::string_view spec) {
  Wanted wanted;
  for (const std::string_view name : {"cpython", "pypy", "python"}) {
    if (!spec.starts_with(name)) continue;
    if (name != "python") wanted.implementation = name;
    spec.remove_prefix(name.size());
    if (spec.starts_with('@') || spec.starts_with('-')) spec.remove_prefix(1);
    if (spec.empty()) return wanted;
    break;
  }
  // pyenv's names of PyPys: "pypy3.9-7.3.11", the language's version first.
  if (wanted.implementation == "pypy") spec = spec.substr(0, spec.find('-'));
  if (spec.ends_with('t')) {
    wanted.free_threaded = true;
    spec.remove_suffix(1);
  }
  wanted.versions = parse_versions(spec);
  if (!wanted.versions) return std::nullopt;
  return wanted;
}

bool is_python_name(std::string_view name) {
  for (const std::string_view stem : {"python", "pypy"}) {
    if (!name.starts_with(stem)) continue;
    name.remove_prefix(stem.size());
    if (name.ends_with('t')) name.remove_suffix(1);
    if (name.empty() || name == "3") return true;
    if (!name.starts_with("3.")) return false;
    return name.size() > 2 && std::ranges::all_of(name.substr(2), is_ascii_digit);
  }
  return false;
}

// ~/.pyenv/shims: scripts that run the version pyenv chooses. The versions themselves are listed from
// versions/.
bool holds_shims(const fs::path& folder) {
  std::error_code ignored;
  return folder.filename() == "shims" && fs::is_directory(folder.parent_path() / "versions", ignored);
}

std::vector<fs::path> folders_of(std::string_view path) {
  std::vector<fs::path> out;
  for (const std::string_view folder : split(path, ':'))
    if (folder.starts_with('/')) out.emplace_back(folder);
  return out;
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end; it.increment(failure))
    out.push_back(it->path());
  std::ranges::sort(out);
  return out;
}

fs::path pyenv_versions(const DiscoveryOptions& options) {
  const fs::path root = options.pyenv_root.empty() ? options.home / ".pyenv" : options.pyenv_root;
  return root / "versions";
}

// Files that may be interpreters, PATH's own first.
std::vector<fs::path> candidates(const DiscoveryOptions& options) {
  std::vector<fs::path> folders = folders_of(options.path);
  std::erase_if(folders, holds_shims);
  for (const fs::path& version : sorted_entries(pyenv_versions(options))) folders.push_back(version / "bin");
  for (const fs::path& managed : sorted_entries(options.managed)) folders.push_back(managed / "bin");
  for (const char* usual : {"/usr/local/bin", "/usr/bin", "/bin"}) folders.emplace_back(usual);

  std::vector<fs::path> out;
  std::set<fs::path> seen;  // real paths: most names are links to one file
  for (const fs::path& folder : folders) {
    for (const fs::path& file : sorted_entries(folder)) {
      if (!is_python_name(file.filename().native())) continue;
      std::error_code failure;
      const fs::path real = fs::canonical(file, failure);
      if (!failure && seen.insert(real).second) out.push_back(file);
    }
  }
  return out;
}

ProbeContext context_of(const DiscoveryOptions& options) {
  ProbeContext context{.directory = options.working_directory, .variables = {}};
  if (!options.home.empty()) context.variables.emplace_back("HOME", options.home.string());
  if (!options.pyenv_root.empty()) context.variables.emplace_back("PYENV_ROOT", options.pyenv_root.string());
  if (!options.pyenv_version.empty()) context.variables.emplace_back("PYENV_VERSION", options.pyenv_version);
  return context;
}

std::optional<Interpreter> probe_quietly(const fs::path& python, const DiscoveryOptions& options,
                                         const Store& store) {
  try {
    return probe_interpreter(python, store, context_of(options));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Interpreter) throw;
    return std::nullopt;  // something on PATH that does not start is not what anyone asked for
  }
}

constexpr std::string_view kPinName = ".python-version";

struct Pin {
  fs::path file;
  std::vector<std::string> specs;  // never empty
};

// As pyenv writes it: words on one or several lines, and comments.
std::vector<std::string> read_pin(std::string_view text) {
  std::vector<std::string> specs;
  if (constexpr std::string_view kMark = "\xef\xbb\xbf"; text.starts_with(kMark))
    text.remove_prefix(kMark.size());
  for (const std::string_view line : split_lines(text)) {
    std::string_view rest = line.substr(0, line.find('#'));
    while (!(rest = trim(rest)).empty()) {
      const std::size_t end = std::min(rest.find_first_of(" \t\r"), rest.size());
      specs.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end);
    }
  }
  return specs;
}

// The non-empty .python-version in the nearest folder upwards.
std::optional<Pin> find_pin(const fs::path& from) {
  std::optional<Pin> pin;
  find_upwards(from, std::string(kPinName), [&](const fs::path& file) {
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored) || !is_obeyed(file, from)) return false;
    std::vector<std::string> specs = read_pin(read_file_if_exists(file).value_or(""));
    if (!specs.empty()) pin = Pin{file, std::move(specs)};
    return pin.has_value();
  });
  return pin;
}

// The Python that pyenv's shim of this name would run, found as pyenv does but without its 100 ms of shell:
// PYENV_VERSION, else .python-version upwards, else ROOT/version. nullopt if that is not a plain folder of
// versions/ (a prefix, say).
std::optional<fs::path> behind_shim(const fs::path& shim, const DiscoveryOptions& options) {
  const fs::path root = shim.parent_path().parent_path();
  std::string chosen = options.pyenv_version;
  if (chosen.empty())
    if (const auto pin = find_pin(options.working_directory)) chosen = join(pin->specs, ":");
  if (chosen.empty()) chosen = read_file_if_exists(root / "version").value_or("");
  for (const std::string_view line : split_lines(chosen)) {
    for (const std::string_view version : split(line, ':')) {
      const fs::path program = root / "versions" / trim(version) / "bin" / shim.filename();
      std::error_code ignored;
      const bool is_name = !trim(version).empty() && version.find('/') == std::string_view::npos &&
                           !trim(version).starts_with('.');
      if (is_name && fs::exists(program, ignored)) return program;
    }
  }
  return std::nullopt;
}

// All of that name on PATH, the first that starts.
std::optional<Interpreter> first_on_path(const std::string& name, const DiscoveryOptions& options,
                                         const Store& store) {
  for (const fs::path& folder : folders_of(options.path)) {
    if (const auto file = find_program(name, folder.string())) {
      const auto behind = holds_shims(folder) ? behind_shim(*file, options) : std::nullopt;
      if (auto interpreter = probe_quietly(behind.value_or(*file), options, store)) return interpreter;
    }
  }
  return std::nullopt;
}

[[noreturn]] void nothing_found(const std::string& message, const std::vector<Interpreter>& found) {
  if (found.empty())
    throw Error(ErrorKind::NoInterpreter, message + "; no Python was found at all",
                {"moat python install 3    (downloads the newest Python 3)"});
  std::vector<std::string> names;
  for (const Interpreter& one : found)
    names.push_back((one.implementation == "cpython" ? "" : one.implementation + "@") + one.version);
  throw Error(ErrorKind::NoInterpreter, message + "; available: " + join(names, ", "),
              {"moat python list    (lists the interpreters found)"});
}

Interpreter choose(const Wanted& wanted, const std::string& described, const DiscoveryOptions& options,
                   const Store& store) {
  if (const auto usual = first_on_path("python3", options, store); usual && wanted.admits(*usual))
    return *usual;
  const std::vector<Interpreter> all = list_interpreters(options, store);
  const auto admits = [&](const Interpreter& one) { return wanted.admits(one); };
  auto found = all.end();
  // CPython unless another is asked for; the list is newest first.
  if (wanted.implementation.empty())
    found = std::ranges::find_if(
        all, [&](const Interpreter& one) { return one.implementation == "cpython" && admits(one); });
  if (found == all.end()) found = std::ranges::find_if(all, admits);
  if (found == all.end()) nothing_found(described + " not found", all);
  return *found;
}

Interpreter interpreter_at(fs::path path, const DiscoveryOptions& options, const Store& store) {
  if (path.is_relative()) path = options.working_directory / path;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    for (const char* name : {"bin/python3", "bin/python", "bin/pypy3", "python3", "python"})
      if (fs::exists(path / name, ignored)) return probe_interpreter(path / name, store, context_of(options));
    throw Error(ErrorKind::Interpreter, quote(path.string()) + " is a folder without bin/python3");
  }
  return probe_interpreter(path, store, context_of(options));
}

// A folder of versions/, which may be an environment made by pyenv-virtualenv: the user put it there.
std::optional<fs::path> pyenv_folder(const std::string& name, const DiscoveryOptions& options) {
  if (name.find('/') != std::string::npos || name.starts_with('.')) return std::nullopt;
  fs::path folder = pyenv_versions(options) / name;
  std::error_code ignored;
  return fs::is_directory(folder, ignored) ? std::optional(std::move(folder)) : std::nullopt;
}

// The first python3 of PATH that is not pyenv's choice.
Interpreter system_python(const DiscoveryOptions& options, const Store& store) {
  DiscoveryOptions without_shims = options;
  std::vector<std::string> folders;
  for (const fs::path& folder : folders_of(options.path))
    if (!holds_shims(folder)) folders.push_back(folder.string());
  without_shims.path = join(folders, ":");
  if (auto python = first_on_path("python3", without_shims, store)) return std::move(*python);
  throw Error(ErrorKind::NoInterpreter, "no python3 on PATH except pyenv's");
}

// pyenv's own names first.
Interpreter pinned_as(const std::string& spec, const DiscoveryOptions& options, const Store& store) {
  if (spec == "system") return system_python(options, store);
  if (const auto named = pyenv_folder(spec, options)) return interpreter_at(*named, options, store);
  // "3.14-dev" is the newest of its line, whether released or not.
  const std::string line = spec.substr(0, spec.rfind("-dev"));
  if (line != spec && !line.empty() && is_ascii_digit(line.front()) && names_version(line))
    return find_interpreter(fmt::format(">={0}.dev0,=={0}.*", line), options, store);
  if (!names_version(spec))
    throw Error(ErrorKind::NoInterpreter,
                "a project file can only name a version of Python, not a path or another program",
                {"`moat python pin 3.12` writes a version into the file",
                 "`-p PATH` names an interpreter by its path"});
  return find_interpreter(spec, options, store);
}

// The first installed one that `requires_python` admits.
Interpreter pinned(const Pin& pin, const DiscoveryOptions& options, const Store& store,
                   const std::optional<SpecifierSet>& requires_python) {
  const std::string told = quote(pin.file.string()) + " requires " + quote(join(pin.specs, " "));
  std::optional<Error> missing;
  std::optional<Interpreter> outside;
  for (const std::string& spec : pin.specs) {
    try {
      Interpreter python = pinned_as(spec, options, store);
      if (!requires_python ||
          requires_python->contains(Version::of({python.major, python.minor, python.micro})))
        return python;
      if (!outside) outside = std::move(python);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::NoInterpreter && error.kind() != ErrorKind::Interpreter) throw;
      if (!missing) missing = error;
    }
  }
  if (!outside) throw missing->with_context(told);
  throw Error(
      ErrorKind::NoInterpreter,
      fmt::format("{} (Python {}), but the project requires Python {}", told, outside->version,
                  requires_python->to_string()),
      {fmt::format("change one of the two; `-p '{}'` overrides the file", requires_python->to_string())});
}

}  // namespace

bool names_version(std::string_view spec) {
  spec = trim(spec);
  return is_python_name(spec) || parse_wanted(spec).has_value();
}

bool spec_admits(std::string_view spec, std::string_view implementation, const Version& version,
                 bool free_threaded) {
  const auto wanted = parse_wanted(trim(spec));
  return wanted && wanted->admits(implementation, version, free_threaded);
}

Interpreter find_interpreter(std::string_view spec, const DiscoveryOptions& options, const Store& store) {
  spec = trim(spec);
  if (spec.starts_with("~/")) return interpreter_at(options.home / spec.substr(2), options, store);
  if (spec.starts_with('.') || spec.find('/') != std::string_view::npos)
    return interpreter_at(fs::path(spec), options, store);
  const std::string name(spec);
  if (!spec.empty() && (spec == "python" || !parse_wanted(spec) || is_python_name(spec)))
    if (auto interpreter = first_on_path(name, options, store)) return *interpreter;
  if (const auto wanted = parse_wanted(spec)) return choose(*wanted, "Python " + quote(spec), options, store);
  const auto all = list_interpreters(options, store);
  nothing_found(quote(spec) + " not found as a Python version or as a program on PATH", all);
}

bool is_here(std::string_view spec, const DiscoveryOptions& options, const Store& store) {
  try {
    find_interpreter(spec, options, store);
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::NoInterpreter) throw;
    return false;
  }
}

std::vector<std::string> pinned_specs(const fs::path& folder) {
  const auto pin = find_pin(folder);
  return pin ? pin->specs : std::vector<std::string>();
}

bool meets_spec(const Interpreter& interpreter, std::string_view spec, const DiscoveryOptions& options,
                const Store& store) {
  spec = trim(spec);
  const bool is_path = spec.starts_with("~/") || spec.starts_with('.') || spec.find('/') != spec.npos;
  if (const auto wanted = parse_wanted(spec); wanted && !is_path) return wanted->admits(interpreter);
  const Interpreter named = find_interpreter(spec, options, store);
  return named.implementation == interpreter.implementation && named.version == interpreter.version &&
         named.free_threaded == interpreter.free_threaded;
}

Interpreter default_interpreter(const DiscoveryOptions& options, const Store& store,
                                const std::optional<SpecifierSet>& requires_python) {
  if (const auto pin = find_pin(options.working_directory); pin && pin->specs.front() != "system")
    return pinned(*pin, options, store, requires_python);
  if (requires_python) {
    const Wanted wanted{.implementation = "", .versions = *requires_python, .free_threaded = false};
    return choose(wanted, "Python " + quote(requires_python->to_string()) + " (requires-python)", options,
                  store);
  }
  return choose({}, "Python 3", options, store);
}

std::vector<Interpreter> list_interpreters(const DiscoveryOptions& options, const Store& store) {
  std::vector<Interpreter> found;
  std::set<fs::path> bases;
  for (const fs::path& candidate : candidates(options)) {
    auto interpreter = probe_quietly(candidate, options, store);
    if (interpreter && bases.insert(interpreter->executable).second) found.push_back(std::move(*interpreter));
  }
  const auto key = [](const Interpreter& one) { return version_of(one).value_or(Version::of({0})); };
  // Stable: of the same version, what stands first on PATH comes first.
  std::ranges::stable_sort(found,
                           [&](const Interpreter& a, const Interpreter& b) { return key(a) > key(b); });
  return found;
}

}  // namespace moat
