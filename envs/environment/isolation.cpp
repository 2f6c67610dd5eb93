#include "envs/environment/isolation.h"

#include "envs/launcher/python_path.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace moat {

namespace {

using Json = nlohmann::json;
constexpr std::string_view kAnswerMark = "moat-observed ";

// Extension modules first: the libraries they need are to be seen among the mapped files.
constexpr const char* kObserve = R"PY(
import sys
before = list(sys.path)
import json, os
for name in ("ssl", "sqlite3", "ctypes", "lzma", "bz2", "zlib", "hashlib", "decimal", "socket", "uuid", "select"):
    try:
        __import__(name)
    except ImportError:
        pass
import site, sysconfig
mapped = []
if os.path.exists("/proc/self/maps"):
    with open("/proc/self/maps") as lines:
        mapped = sorted(set(line.split(None, 5)[5].rstrip("\n") for line in lines if "/" in line))
values = ["%s=%s" % item for item in sorted(sysconfig.get_config_vars().items())
          if isinstance(item[1], str) and "/" in item[1]]
modules = sorted(set(module.__file__ for module in list(sys.modules.values())
                     if isinstance(getattr(module, "__file__", None), str)))
print("\nmoat-observed " + json.dumps({
    "sys_path": [entry for entry in before if entry], "mapped_files": mapped, "sysconfig_values": values,
    "prefix": sys.prefix, "base_prefix": sys.base_prefix, "executable": sys.executable,
    "base_executable": getattr(sys, "_base_executable", None) or sys.executable,
    "stdlib": os.path.dirname(os.path.abspath(os.__file__)),
    "user_site_enabled": bool(site.ENABLE_USER_SITE), "modules": modules}))
)PY";

// The end of a path in a build variable: a blank, a quote or a colon.
bool is_path_character(char c) {
  return !is_ascii_space(c) && std::string_view("'\":,;)").find(c) == std::string_view::npos;
}

bool is_below(std::string_view path, std::string_view folder) {
  if (folder.empty() || !path.starts_with(folder)) return false;
  return path.size() == folder.size() || folder.ends_with('/') || path[folder.size()] == '/';
}

// Judges paths by their place: in the environment, in another Python, or elsewhere.
class Places {
 public:
  Places(const ObservedPython& observed, const Environment& environment)
      : root_(environment.root().string()),
        base_(environment.interpreter()),
        own_folders_(observed.own_folders) {
    if (!inside(observed.base_prefix)) foreign_base_ = observed.base_prefix;
  }

  bool inside(std::string_view path) const { return is_below(path, root_); }

  // The base this environment was made from, the one it runs on, or anybody else's packages and libraries.
  bool of_another_python(std::string_view path) const {
    if (inside(path)) return false;
    for (const fs::path& part : {base_.stdlib, base_.include, base_.executable})
      if (is_below(path, part.native())) return true;
    for (const std::string& prefix : {base_.prefix.string(), foreign_base_})
      if (prefix != "/usr" && prefix != "/" && is_below(path, prefix)) return true;
    for (const std::string& folder : own_folders_)
      if (is_below(path, folder)) return false;
    for (const std::string_view part : split(path, '/')) {
      if (part == "site-packages" || part == "dist-packages" || part == "lib-dynload") return true;
      if (part.starts_with("libpython") || part.starts_with("libpypy")) return true;
      if ((part.starts_with("python3") || part.starts_with("pypy3")) &&
          path.find("/lib") != std::string_view::npos)
        return true;
    }
    return false;
  }

 private:
  std::string root_;
  const Interpreter& base_;
  const std::vector<std::string>& own_folders_;
  std::string foreign_base_;
};

Finding ok(std::string check, std::string message) {
  return {.level = Finding::Level::Ok, .check = std::move(check), .message = std::move(message)};
}

std::string count_of(std::size_t count, std::string_view one, std::string_view several) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : several);
}

std::string hint_replace(const Environment& environment) {
  return (environment.is_foreign() ? "moat env adopt " : "moat create --replace ") +
         environment.root().string();
}

void judge_prefixes(const ObservedPython& observed, const Environment& environment, const Places& places,
                    std::vector<Finding>& out) {
  const std::string root = environment.root().string();
  std::vector<std::string> wrong;
  const auto look = [&](std::string_view name, const std::string& path, bool fits) {
    if (!fits) wrong.push_back(std::string(name) + " = " + path);
  };
  look("sys.prefix", observed.prefix, observed.prefix == root);
  look("sys.base_prefix", observed.base_prefix, places.inside(observed.base_prefix));
  look("sys.executable", observed.executable, places.inside(observed.executable));
  look("sys._base_executable", observed.base_executable, places.inside(observed.base_executable));
  look("standard library", observed.stdlib, places.inside(observed.stdlib));
  if (wrong.empty()) {
    out.push_back(ok("interpreter", "interpreter and standard library are the environment's own"));
    return;
  }
  out.push_back({.level = Finding::Level::Leak,
                 .check = "interpreter",
                 .message = "the interpreter or its standard library is outside the environment: a change "
                            "there is a change here",
                 .details = std::move(wrong),
                 .hint = hint_replace(environment)});
}

// Paths split into those of another Python (leaks) and the rest.
struct Sorted {
  std::vector<std::string> leaks, others;
};
Sorted sort_paths(const std::vector<std::string>& paths, const Places& places) {
  Sorted out;
  for (const std::string& path : paths) {
    if (!path.starts_with('/') || places.inside(path)) continue;
    (places.of_another_python(path) ? out.leaks : out.others).push_back(path);
  }
  return out;
}

void judge_sys_path(const ObservedPython& observed, const Environment& environment, const Places& places,
                    std::vector<Finding>& out) {
  Sorted sorted = sort_paths(observed.sys_path, places);
  if (!sorted.leaks.empty())
    out.push_back({.level = Finding::Level::Leak,
                   .check = "sys.path",
                   .message = "modules are imported from another Python's folders",
                   .details = std::move(sorted.leaks),
                   .hint = environment.is_foreign()
                               ? hint_replace(environment)
                               : "PYTHONPATH or a .pth file in " + environment.site_packages().string() +
                                     " names them: remove that"});
  else
    out.push_back(ok("sys.path", "nothing is imported from another Python's folders"));
  if (!sorted.others.empty())
    out.push_back(
        {.level = Finding::Level::Note,
         .check = "sys.path",
         .message = "your own folders are on sys.path (PYTHONPATH, or a .pth file of an editable install)",
         .details = std::move(sorted.others)});
  if (!observed.left_out.empty())
    out.push_back({.level = Finding::Level::Note,
                   .check = "sys.path",
                   .message = "these folders of PYTHONPATH belong to another Python and are left out",
                   .details = observed.left_out});
}

void judge_mapped_files(const ObservedPython& observed, const Environment& environment, const Places& places,
                        std::vector<Finding>& out) {
  Sorted sorted = sort_paths(observed.mapped_files, places);
  if (!sorted.leaks.empty())
    out.push_back(
        {.level = Finding::Level::Leak,
         .check = "mapped files",
         .message = "binary files of another Python are loaded",
         .details = std::move(sorted.leaks),
         .hint = environment.is_foreign()
                     ? hint_replace(environment)
                     : "LD_PRELOAD or LD_LIBRARY_PATH may name them (`env | grep ^LD_`); else `moat doctor "
                       "--repair --env " +
                           environment.root().string() + "`"});
  else
    out.push_back(ok("mapped files", "no binary file of another Python is loaded"));
  std::erase_if(sorted.others, [](const std::string& path) {
    return path.starts_with("/dev/") || path.starts_with("/memfd:") || path.starts_with("/usr/lib/locale/") ||
           path.find(".so") == std::string::npos;
  });
  if (!sorted.others.empty())
    out.push_back({.level = Finding::Level::Note,
                   .check = "system libraries",
                   .message = count_of(sorted.others.size(), "library is", "libraries are") +
                              " shared with the operating system; its upgrades apply here too",
                   .details = std::move(sorted.others)});
}

// The environment's own paths are removed first: its root may hold any character, also a blank.
std::string without_root(std::string_view value, std::string_view root) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t found = value.find(root, at);
    out += value.substr(at, found == value.npos ? found : found - at);
    if (found == value.npos) return out;
    at = found + root.size();
    const bool is_whole = at == value.size() || value[at] == '/' || !is_path_character(value[at]);
    out += is_whole ? std::string_view("ENV") : root;
  }
}

// Where a path may begin in a build variable: not inside a longer one ("/x/usr" is no "/usr").
bool names_another_python(std::string_view value, const Places& places) {
  for (std::size_t at = value.find('/'); at != std::string_view::npos; at = value.find('/', at)) {
    std::size_t end = at;
    while (end < value.size() && is_path_character(value[end])) ++end;
    const bool begins_path =
        at == 0 ||
        !(is_ascii_alnum(value[at - 1]) || value[at - 1] == '.' || value[at - 1] == ')' ||
          value[at - 1] == '_' || value[at - 1] == '-' || value[at - 1] == '}') ||
        (at >= 2 && value[at - 2] == '-' && (value[at - 1] == 'L' || value[at - 1] == 'I'));
    if (begins_path && places.of_another_python(value.substr(at, end - at))) return true;
    at = end;
  }
  return false;
}

void judge_sysconfig(const ObservedPython& observed, const Environment& environment, const Places& places,
                     std::vector<Finding>& out) {
  std::vector<std::string> wrong;
  for (const std::string& entry : observed.sysconfig_values) {
    const auto equals = entry.find('=');
    if (equals != std::string::npos &&
        names_another_python(
            without_root(std::string_view(entry).substr(equals + 1), environment.root().native()), places))
      wrong.push_back(entry);
  }
  if (wrong.empty()) {
    out.push_back(ok("sysconfig", "build settings name no other Python"));
    return;
  }
  const std::string names = count_of(wrong.size(), "build setting names", "build settings name");
  out.push_back({.level = Finding::Level::Leak,
                 .check = "sysconfig",
                 .message = names + " another Python: what is built here would carry its paths",
                 .details = std::move(wrong),
                 .hint = hint_replace(environment)});
}

void judge_user_site(const ObservedPython& observed, const Environment& environment,
                     std::vector<Finding>& out) {
  if (!observed.user_site_enabled) {
    out.push_back(ok("user site", "packages in ~/.local are not seen"));
    return;
  }
  out.push_back({.level = Finding::Level::Leak,
                 .check = "user site",
                 .message = "packages in ~/.local are imported",
                 .hint = environment.is_foreign()
                             ? hint_replace(environment)
                             : "moat doctor --repair --env " + environment.root().string()});
}

void judge_modules(const ObservedPython& observed, const Places& places, std::vector<Finding>& out) {
  Sorted sorted = sort_paths(observed.loaded_modules_outside, places);
  if (!sorted.leaks.empty())
    out.push_back({.level = Finding::Level::Leak,
                   .check = "modules",
                   .message = "modules loaded at start come from another Python",
                   .details = std::move(sorted.leaks)});
  if (!sorted.others.empty())
    out.push_back({.level = Finding::Level::Note,
                   .check = "modules",
                   .message = "modules loaded at start come from your own folders",
                   .details = std::move(sorted.others)});
}

// The name of Python's folder in lib: "python3.11".
std::string version_folder(const Environment& environment) {
  return fs::path(environment.scheme().purelib).parent_path().filename();
}

void sort_folders(ObservedPython& observed, const Environment& environment,
                  const std::vector<std::pair<std::string, std::string>>& variables) {
  const auto value = [&](std::string_view name) {
    const auto found = std::ranges::find_if(variables, [&](const auto& one) { return one.first == name; });
    return found == variables.end() ? std::string() : found->second;
  };
  const std::string version = version_folder(environment), home = value("HOME");
  const auto is_another = [&](const std::string& folder) {
    return moat_belongs_to_another_python(folder.c_str(), environment.root().c_str(), version.c_str(),
                                          home.c_str()) != 0;
  };
  std::error_code gone;
  for (const std::string& folder : observed.sys_path)
    if (fs::is_directory(folder, gone) && !is_another(folder)) observed.own_folders.push_back(folder);
  if (environment.is_foreign()) return;
  const std::string path = value("PYTHONPATH");
  for (const std::string_view entry : split(path, ':'))
    if (!entry.empty() && is_another(std::string(entry))) observed.left_out.emplace_back(entry);
}

std::vector<std::string> strings_of(const Json& list) { return list.get<std::vector<std::string>>(); }

}  // namespace

ObservedPython observe(const Environment& environment,
                       const std::vector<std::pair<std::string, std::string>>& variables) {
  Command command;
  command.argv = {environment.python().string(), "-B", "-c", kObserve};
  command.environment = variables;
  command.directory = environment.root();
  command.timeout = std::chrono::seconds(60);
  const ProcessResult result = run_process(command);
  const auto at = result.output.rfind(kAnswerMark);
  const Json answer = result.status != 0 || at == std::string::npos
                          ? Json()
                          : Json::parse(result.output.substr(at + kAnswerMark.size()), nullptr, false);
  if (!answer.is_object()) {
    const auto lines = split_lines(result.errors);
    throw Error(
        ErrorKind::Interpreter,
        quote(environment.python().string()) + " does not start: " +
            (lines.empty() ? "exit status " + std::to_string(result.status) : std::string(lines.back())),
        {hint_replace(environment)});
  }
  ObservedPython observed;
  observed.sys_path = strings_of(answer.at("sys_path"));
  observed.mapped_files = strings_of(answer.at("mapped_files"));
  observed.sysconfig_values = strings_of(answer.at("sysconfig_values"));
  observed.prefix = answer.at("prefix").get<std::string>();
  observed.base_prefix = answer.at("base_prefix").get<std::string>();
  observed.executable = answer.at("executable").get<std::string>();
  observed.base_executable = answer.at("base_executable").get<std::string>();
  observed.stdlib = answer.at("stdlib").get<std::string>();
  observed.user_site_enabled = answer.at("user_site_enabled").get<bool>();
  for (std::string& module : strings_of(answer.at("modules")))
    if (!is_below(module, environment.root().native()))
      observed.loaded_modules_outside.push_back(std::move(module));
  sort_folders(observed, environment, variables);
  return observed;
}

std::vector<Finding> judge(const ObservedPython& observed, const Environment& environment) {
  const Places places(observed, environment);
  std::vector<Finding> out;
  judge_prefixes(observed, environment, places, out);
  judge_sys_path(observed, environment, places, out);
  judge_mapped_files(observed, environment, places, out);
  judge_sysconfig(observed, environment, places, out);
  judge_user_site(observed, environment, out);
  judge_modules(observed, places, out);
  return out;
}

}  // namespace moat
