#include "envs/build/build_variables.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace moat {
namespace {

constexpr std::array<std::string_view, 48> kTools = {
    "AR",
    "ARCHFLAGS",
    "AS",
    "CARGO_HOME",
    "CC",
    "CFLAGS",
    "CLANG_PATH",
    "CPATH",
    "CPLUS_INCLUDE_PATH",
    "CPP",
    "CPPFLAGS",
    "CUDA_HOME",
    "CUDA_PATH",
    "CXX",
    "CXXFLAGS",
    "C_INCLUDE_PATH",
    "F77",
    "F90",
    "FC",
    "FCFLAGS",
    "FFLAGS",
    "LD",
    "LDFLAGS",
    "LDSHARED",
    "LD_LIBRARY_PATH",
    "LIBCLANG_PATH",
    "LIBRARY_PATH",
    "LLVM_CONFIG",
    "MAKE",
    "MAKEFLAGS",
    "MAX_JOBS",
    "NINJA",
    "NM",
    "NPY_BLAS_ORDER",
    "NPY_LAPACK_ORDER",
    "OBJCOPY",
    "PKG_CONFIG",
    "PKG_CONFIG_LIBDIR",
    "PKG_CONFIG_PATH",
    "PKG_CONFIG_SYSROOT_DIR",
    "RANLIB",
    "ROCM_HOME",
    "RUSTC",
    "RUSTFLAGS",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "SOURCE_DATE_EPOCH",
    "STRIP",
};

constexpr std::array<std::string_view, 6> kToolPrefixes = {"CARGO_BUILD_", "CARGO_PROFILE_",  "CMAKE_",
                                                           "HATCH_BUILD_", "SETUPTOOLS_SCM_", "SKBUILD_"};

// Where something lies, and how it is to be built: HDF5_DIR, OPENSSL_ROOT, PYCURL_SSL_LIBRARY,
// TORCH_CUDA_ARCH_LIST.
constexpr std::array<std::string_view, 22> kEndings = {
    "_ARCHS", "_ARCH_LIST", "_CFLAGS",   "_CONFIG",  "_CPPFLAGS",  "_CXXFLAGS",  "_DIR",     "_DIRS",
    "_HOME",  "_INCLUDE",   "_INCLUDES", "_LDFLAGS", "_LIB",       "_LIBDIR",    "_LIBRARY", "_LIBRARIES",
    "_LIBS",  "_PREFIX",    "_ROOT",     "_SYSROOT", "_TOOLCHAIN", "_USE_SYSTEM"};

// Variables of sessions, other tools and CI services, whatever their ending.
constexpr std::array<std::string_view, 26> kOthers = {
    "AGENT_",  "ANDROID_SDK_", "AWS_",    "AZURE_",  "BASH_", "BUILDKITE_", "CI_",         "CONDA_", "DBUS_",
    "DOCKER_", "GITHUB_",      "GIT_",    "GOOGLE_", "GPG_",  "KUBE",       "MOAT_",       "NVM_",   "PIP_",
    "PYENV_",  "PYTHON",       "RUNNER_", "SSH_",    "SUDO_", "UV_",        "VIRTUAL_ENV", "XDG_"};

constexpr std::array<std::string_view, 7> kSecrets = {"AUTH",     "CREDENTIAL", "KEY",  "PASSWD",
                                                      "PASSWORD", "SECRET",     "TOKEN"};

// Every shell and session sets them, and no build reads them.
constexpr std::array<std::string_view, 32> kShells = {
    "COLORTERM", "COLUMNS",   "DISPLAY", "EDITOR",   "HISTFILE", "HISTSIZE",  "HOME",     "HOSTNAME",
    "HUSHLOGIN", "INFOPATH",  "LANG",    "LANGUAGE", "LESS",     "LESSCLOSE", "LESSOPEN", "LINES",
    "LOGNAME",   "LS_COLORS", "MAIL",    "MANPATH",  "OLDPWD",   "PAGER",     "PATH",     "PS1",
    "PWD",       "SHELL",     "SHLVL",   "TERM",     "TMPDIR",   "TZ",        "USER",     "_"};

constexpr std::array<std::string_view, 12> kNetwork = {
    "ALL_PROXY",    "CURL_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY",    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR", "SSL_CERT_FILE",  "all_proxy",   "http_proxy", "https_proxy", "no_proxy"};

template <class Table>
bool holds(const Table& table, std::string_view name) {
  return std::find(table.begin(), table.end(), name) != table.end();
}

template <class Keep>
BuildVariables kept(const BuildVariables& users, const Keep& keep) {
  BuildVariables out;
  std::copy_if(users.begin(), users.end(), std::back_inserter(out),
               [&](const auto& variable) { return keep(variable.first); });
  std::sort(out.begin(), out.end());
  return out;
}

bool begins_with_one(const auto& beginnings, std::string_view name) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](std::string_view beginning) { return name.starts_with(beginning); });
}

bool is_meant_for_builds(std::string_view name) {
  if (holds(kTools, name) || begins_with_one(kToolPrefixes, name)) return true;
  const auto within = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (begins_with_one(kOthers, name) || std::any_of(kSecrets.begin(), kSecrets.end(), within)) return false;
  return std::any_of(kEndings.begin(), kEndings.end(), [&](std::string_view ending) {
    return name.size() > ending.size() && name.ends_with(ending);
  });
}

void set(BuildVariables& variables, const std::string& name, const std::string& value) {
  std::erase_if(variables, [&](const auto& variable) { return variable.first == name; });
  variables.emplace_back(name, value);
}

std::string value_of(const BuildVariables& variables, std::string_view name) {
  for (const auto& [key, value] : variables)
    if (key == name) return value;
  return {};
}

}  // namespace

BuildVariables passed_to_builds(const BuildVariables& users, const std::vector<std::string>& named) {
  BuildVariables out = kept(users, [](const std::string& name) { return is_meant_for_builds(name); });
  for (const std::string& text : named) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const auto own =
        std::find_if(users.begin(), users.end(), [&](const auto& one) { return one.first == name; });
    if (equals != std::string::npos)
      set(out, name, text.substr(equals + 1));
    else if (own != users.end())
      set(out, name, own->second);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> withheld_from_builds(const BuildVariables& users, const BuildVariables& passed) {
  std::vector<std::string> out;
  for (const auto& [name, value] : users) {
    const bool is_known = holds(kShells, name) || holds(kNetwork, name) || begins_with_one(kOthers, name) ||
                          name.starts_with("LC_");
    const bool is_passed = std::any_of(passed.begin(), passed.end(),
                                       [&, key = name](const auto& one) { return one.first == key; });
    if (!is_known && !is_passed) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

namespace {

// Of PATH, apart from the system's.
std::vector<std::string> users_folders(std::string_view path, bool with_python) {
  namespace fs = std::filesystem;
  constexpr std::array<std::string_view, 6> kSystem = {"/usr/local/bin",  "/usr/bin",  "/bin",
                                                       "/usr/local/sbin", "/usr/sbin", "/sbin"};
  std::vector<std::string> out;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string folder(path.substr(begin, end - begin));
    begin = end + 1;
    std::error_code unknown;
    const bool of_a_python = fs::exists(fs::path(folder) / "python3", unknown) ||
                             fs::exists(fs::path(folder) / "python", unknown) ||
                             fs::exists(fs::path(folder).parent_path() / "pyvenv.cfg", unknown);
    if (folder.starts_with('/') && !holds(kSystem, folder) && of_a_python == with_python &&
        fs::is_directory(folder, unknown))
      out.push_back(folder);
  }
  return out;
}

}  // namespace

std::vector<std::string> tool_folders(std::string_view path) { return users_folders(path, false); }

std::map<std::string, std::string> hidden_programs(std::string_view path) {
  namespace fs = std::filesystem;
  std::map<std::string, std::string> out;
  for (const std::string& folder : users_folders(path, true)) {
    std::error_code unknown;
    for (fs::directory_iterator it(folder, unknown), end; !unknown && it != end; it.increment(unknown))
      if (const std::string name = it->path().filename(); !name.starts_with("python"))
        out.emplace(name, it->path());
  }
  return out;
}

BuildVariables network_variables(const BuildVariables& users) {
  return kept(users, [](const std::string& name) { return holds(kNetwork, name); });
}

BuildVariables build_variables(const BuildVariables& passed, const BuildFolders& folders) {
  BuildVariables out = passed;
  // The user cannot set variables that moat sets, even by name.
  std::erase_if(out, [](const auto& variable) {
    constexpr std::array<std::string_view, 8> kOurs = {"HOME",           "LANG",   "LC_ALL", "PATH",
                                                       "PYTHONHASHSEED", "TMPDIR", "TZ",     "VIRTUAL_ENV"};
    return holds(kOurs, variable.first);
  });
  std::string path = (folders.environment / "bin").string();
  // A compiler in the user's home is found if a variable names its folder: HOME of a build is empty.
  if (const std::string cargo = value_of(passed, "CARGO_HOME"); !cargo.empty()) path += ":" + cargo + "/bin";
  for (const std::string& folder : folders.tools) path += ":" + folder;
  out.emplace_back("PATH", path + ":/usr/local/bin:/usr/bin:/bin");
  out.emplace_back("VIRTUAL_ENV", folders.environment.string());
  out.emplace_back("HOME", folders.home.string());
  out.emplace_back("TMPDIR", folders.temporary.string());
  out.emplace_back("LANG", "C.UTF-8");
  out.emplace_back("LC_ALL", "C.UTF-8");
  // So that the same sources give the same bytes.
  out.emplace_back("TZ", "UTC");
  out.emplace_back("PYTHONHASHSEED", "0");
  if (value_of(passed, "SOURCE_DATE_EPOCH").empty())
    out.emplace_back("SOURCE_DATE_EPOCH", "1580601600");  // 2020-02-02: zip files know no time before 1980
  return out;
}

}  // namespace moat
