#include "envs/build_variables.h"

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

std::string value_of(const BuildVariables& variables, std::string_view name) {
  for (const auto& [key, value] : variables)
    if (key == name) return value;
  return {};
}

}  // namespace

BuildVariables passed_to_builds(const BuildVariables& users) {
  return kept(users, [](const std::string& name) {
    return holds(kTools, name) ||
           std::any_of(kToolPrefixes.begin(), kToolPrefixes.end(),
                       [&](std::string_view prefix) { return name.starts_with(prefix); });
  });
}

BuildVariables network_variables(const BuildVariables& users) {
  return kept(users, [](const std::string& name) { return holds(kNetwork, name); });
}

BuildVariables build_variables(const BuildVariables& passed, const BuildFolders& folders) {
  BuildVariables out = passed;
  std::string path = (folders.environment / "bin").string();
  // Compilers that the user keeps at home are found where their home is named.
  if (const std::string cargo = value_of(passed, "CARGO_HOME"); !cargo.empty()) path += ":" + cargo + "/bin";
  out.emplace_back("PATH", path + ":/usr/local/bin:/usr/bin:/bin");
  out.emplace_back("VIRTUAL_ENV", folders.environment.string());
  out.emplace_back("HOME", folders.home.string());
  out.emplace_back("TMPDIR", folders.temporary.string());
  out.emplace_back("LANG", "C.UTF-8");
  out.emplace_back("LC_ALL", "C.UTF-8");
  // The same sources give the same bytes.
  out.emplace_back("TZ", "UTC");
  out.emplace_back("PYTHONHASHSEED", "0");
  if (value_of(passed, "SOURCE_DATE_EPOCH").empty())
    out.emplace_back("SOURCE_DATE_EPOCH", "1580601600");  // 2020-02-02: zip files know no time before 1980
  return out;
}

}  // namespace moat
