// Line by line, table by table: the first error of a build is the one that matters, so hints come in the
// order of the output.
#include "envs/build_diagnosis.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace moat {
namespace {

struct Provided {
  std::string_view thing;    // a header, a program, a library, a module of pkg-config
  std::string_view package;  // of Debian and Ubuntu
};

// A name that ends in '/' is a folder of headers. Longer names come before the folders they are in.
constexpr Provided kHeaders[] = {
    {"Python.h", "python3-dev"},
    {"X11/", "libx11-dev"},
    {"alsa/", "libasound2-dev"},
    {"archive.h", "libarchive-dev"},
    {"bluetooth/", "libbluetooth-dev"},
    {"boost/", "libboost-all-dev"},
    {"bzlib.h", "libbz2-dev"},
    {"cairo.h", "libcairo2-dev"},
    {"cblas.h", "libopenblas-dev"},
    {"cups/", "libcups2-dev"},
    {"curl/", "libcurl4-openssl-dev"},
    {"curses.h", "libncurses-dev"},
    {"dbus/", "libdbus-1-dev"},
    {"event.h", "libevent-dev"},
    {"expat.h", "libexpat1-dev"},
    {"ffi.h", "libffi-dev"},
    {"fftw3.h", "libfftw3-dev"},
    {"fontconfig/", "libfontconfig1-dev"},
    {"freetype/", "libfreetype-dev"},
    {"ft2build.h", "libfreetype-dev"},
    {"fuse.h", "libfuse-dev"},
    {"gdal.h", "libgdal-dev"},
    {"geos_c.h", "libgeos-dev"},
    {"git2.h", "libgit2-dev"},
    {"gmp.h", "libgmp-dev"},
    {"gnutls/", "libgnutls28-dev"},
    {"graphviz/", "libgraphviz-dev"},
    {"gssapi.h", "libkrb5-dev"},
    {"gssapi/", "libkrb5-dev"},
    {"hdf5.h", "libhdf5-dev"},
    {"ibase.h", "firebird-dev"},
    {"jpeglib.h", "libjpeg-dev"},
    {"krb5.h", "libkrb5-dev"},
    {"lber.h", "libldap2-dev"},
    {"lcms2.h", "liblcms2-dev"},
    {"ldap.h", "libldap2-dev"},
    {"leveldb/", "libleveldb-dev"},
    {"libpq-fe.h", "libpq-dev"},
    {"librdkafka/", "librdkafka-dev"},
    {"libssh2.h", "libssh2-1-dev"},
    {"libusb.h", "libusb-1.0-0-dev"},
    {"libxml/", "libxml2-dev"},
    {"libxslt/", "libxslt1-dev"},
    {"linux/", "linux-libc-dev"},
    {"lz4.h", "liblz4-dev"},
    {"lzma.h", "liblzma-dev"},
    {"lzo/", "liblzo2-dev"},
    {"magic.h", "libmagic-dev"},
    {"mpc.h", "libmpc-dev"},
    {"mpfr.h", "libmpfr-dev"},
    {"mpi.h", "libopenmpi-dev"},
    {"my_config.h", "libmariadb-dev"},
    {"mysql.h", "libmariadb-dev"},
    {"mysql/", "libmariadb-dev"},
    {"ncurses.h", "libncurses-dev"},
    {"netcdf.h", "libnetcdf-dev"},
    {"nfc/", "libnfc-dev"},
    {"openjpeg.h", "libopenjp2-7-dev"},
    {"openssl/", "libssl-dev"},
    {"pcap.h", "libpcap-dev"},
    {"pcap/", "libpcap-dev"},
    {"pcre.h", "libpcre3-dev"},
    {"pcre2.h", "libpcre2-dev"},
    {"png.h", "libpng-dev"},
    {"portaudio.h", "portaudio19-dev"},
    {"proj.h", "libproj-dev"},
    {"readline/", "libreadline-dev"},
    {"rocksdb/", "librocksdb-dev"},
    {"sasl.h", "libsasl2-dev"},
    {"sasl/", "libsasl2-dev"},
    {"security/pam_", "libpam0g-dev"},
    {"selinux/", "libselinux1-dev"},
    {"snappy-c.h", "libsnappy-dev"},
    {"snappy.h", "libsnappy-dev"},
    {"sndfile.h", "libsndfile1-dev"},
    {"sodium.h", "libsodium-dev"},
    {"spatialindex/", "libspatialindex-dev"},
    {"sql.h", "unixodbc-dev"},
    {"sqlext.h", "unixodbc-dev"},
    {"sqlite3.h", "libsqlite3-dev"},
    {"sys/acl.h", "libacl1-dev"},
    {"sys/capability.h", "libcap-dev"},
    {"sys/prctl.h", "libc6-dev"},
    {"stdio.h", "libc6-dev"},
    {"stdlib.h", "libc6-dev"},
    {"string.h", "libc6-dev"},
    {"errno.h", "libc6-dev"},
    {"limits.h", "libc6-dev"},
    {"systemd/", "libsystemd-dev"},
    {"tcl.h", "tcl-dev"},
    {"tiff.h", "libtiff-dev"},
    {"tiffio.h", "libtiff-dev"},
    {"tk.h", "tk-dev"},
    {"turbojpeg.h", "libturbojpeg0-dev"},
    {"unicode/", "libicu-dev"},
    {"uuid/", "uuid-dev"},
    {"webp/", "libwebp-dev"},
    {"xmlsec/", "libxmlsec1-dev"},
    {"xxhash.h", "libxxhash-dev"},
    {"yaml.h", "libyaml-dev"},
    {"zlib.h", "zlib1g-dev"},
    {"zmq.h", "libzmq3-dev"},
    {"zstd.h", "libzstd-dev"},
};

constexpr Provided kPrograms[] = {
    {"autoconf", "autoconf"},
    {"autoreconf", "autoconf automake libtool"},
    {"automake", "automake"},
    {"bison", "bison"},
    {"c++", "g++"},
    {"cargo", "cargo"},
    {"cc", "gcc"},
    {"clang", "clang"},
    {"clang++", "clang"},
    {"cmake", "cmake"},
    {"curl-config", "libcurl4-openssl-dev"},
    {"flex", "flex"},
    {"g++", "g++"},
    {"gcc", "gcc"},
    {"gdal-config", "libgdal-dev"},
    {"geos-config", "libgeos-dev"},
    {"gfortran", "gfortran"},
    {"git", "git"},
    {"go", "golang-go"},
    {"hg", "mercurial"},
    {"krb5-config", "libkrb5-dev"},
    {"libtool", "libtool"},
    {"libtoolize", "libtool"},
    {"llvm-config", "llvm-dev"},
    {"m4", "m4"},
    {"make", "make"},
    {"mariadb_config", "libmariadb-dev"},
    {"meson", "meson"},
    {"mpicc", "libopenmpi-dev"},
    {"mysql_config", "libmariadb-dev"},
    {"nasm", "nasm"},
    {"nc-config", "libnetcdf-dev"},
    {"ninja", "ninja-build"},
    {"node", "nodejs"},
    {"npm", "npm"},
    {"patch", "patch"},
    {"patchelf", "patchelf"},
    {"pcap-config", "libpcap-dev"},
    {"pg_config", "libpq-dev"},
    {"pkg-config", "pkg-config"},
    {"protoc", "protobuf-compiler"},
    {"rustc", "rustc"},
    {"svn", "subversion"},
    {"swig", "swig"},
    {"xml2-config", "libxml2-dev"},
    {"xslt-config", "libxslt1-dev"},
};

// What `ld -l` and pkg-config call by another name than their package.
constexpr Provided kLibraries[] = {
    {"alsa", "libasound2-dev"},
    {"asound", "libasound2-dev"},
    {"atlas", "libopenblas-dev"},
    {"blas", "libopenblas-dev"},
    {"bz2", "libbz2-dev"},
    {"c", "libc6-dev"},
    {"cairo", "libcairo2-dev"},
    {"crypto", "libssl-dev"},
    {"curl", "libcurl4-openssl-dev"},
    {"dbus-1", "libdbus-1-dev"},
    {"expat", "libexpat1-dev"},
    {"fftw3", "libfftw3-dev"},
    {"fontconfig", "libfontconfig1-dev"},
    {"freetype", "libfreetype-dev"},
    {"freetype2", "libfreetype-dev"},
    {"fuse", "libfuse-dev"},
    {"fuse3", "libfuse3-dev"},
    {"gdal", "libgdal-dev"},
    {"geos_c", "libgeos-dev"},
    {"girepository-1.0", "libgirepository1.0-dev"},
    {"glib-2.0", "libglib2.0-dev"},
    {"gobject-introspection-1.0", "libgirepository1.0-dev"},
    {"gtk+-3.0", "libgtk-3-dev"},
    {"gssapi_krb5", "libkrb5-dev"},
    {"hdf5", "libhdf5-dev"},
    {"icu-i18n", "libicu-dev"},
    {"icuuc", "libicu-dev"},
    {"jpeg", "libjpeg-dev"},
    {"krb5", "libkrb5-dev"},
    {"lapack", "liblapack-dev"},
    {"lber", "libldap2-dev"},
    {"ldap", "libldap2-dev"},
    {"libavcodec", "libavcodec-dev"},
    {"libavdevice", "libavdevice-dev"},
    {"libavformat", "libavformat-dev"},
    {"libcurl", "libcurl4-openssl-dev"},
    {"libffi", "libffi-dev"},
    {"libgit2", "libgit2-dev"},
    {"libjpeg", "libjpeg-dev"},
    {"libpng", "libpng-dev"},
    {"libpq", "libpq-dev"},
    {"libsodium", "libsodium-dev"},
    {"libsystemd", "libsystemd-dev"},
    {"libsystemd-daemon", "libsystemd-dev"},
    {"libxml-2.0", "libxml2-dev"},
    {"libxslt", "libxslt1-dev"},
    {"libzmq", "libzmq3-dev"},
    {"libzstd", "libzstd-dev"},
    {"lzma", "liblzma-dev"},
    {"liblzma", "liblzma-dev"},
    {"mariadb", "libmariadb-dev"},
    {"libmariadb", "libmariadb-dev"},
    {"mysqlclient", "libmariadb-dev"},
    {"netcdf", "libnetcdf-dev"},
    {"openblas", "libopenblas-dev"},
    {"openssl", "libssl-dev"},
    {"pango", "libpango1.0-dev"},
    {"pangocairo", "libpango1.0-dev"},
    {"png", "libpng-dev"},
    {"pq", "libpq-dev"},
    {"proj", "libproj-dev"},
    {"sqlite3", "libsqlite3-dev"},
    {"ssl", "libssl-dev"},
    {"systemd", "libsystemd-dev"},
    {"usb-1.0", "libusb-1.0-0-dev"},
    {"libusb-1.0", "libusb-1.0-0-dev"},
    {"uuid", "uuid-dev"},
    {"x11", "libx11-dev"},
    {"X11", "libx11-dev"},
    {"xml2", "libxml2-dev"},
    {"xmlsec1", "libxmlsec1-dev"},
    {"xslt", "libxslt1-dev"},
    {"yaml", "libyaml-dev"},
    {"yaml-0.1", "libyaml-dev"},
    {"z", "zlib1g-dev"},
    {"zlib", "zlib1g-dev"},
    {"zmq", "libzmq3-dev"},
    {"zstd", "libzstd-dev"},
};

// Packages that once could do, and no longer can, what a setup.py asks of them.
struct Outdated {
  std::string_view said;
  std::string_view asks;
  std::string_view constraint;
};
constexpr Outdated kOutdated[] = {
    {"use_2to3 is invalid", "it asks setuptools to translate Python 2", "setuptools<58"},
    {"No module named 'pkg_resources'", "it uses pkg_resources, which setuptools no longer brings",
     "setuptools<81"},
    {"cannot import name 'Feature' from 'setuptools'", "it was written for an old setuptools",
     "setuptools<46"},
    {"module 'setuptools' has no attribute 'Feature'", "it was written for an old setuptools",
     "setuptools<46"},
    {"No module named 'setuptools.command.test'", "it was written for an old setuptools", "setuptools<72"},
    {"cannot import name 'test' from 'setuptools.command'", "it was written for an old setuptools",
     "setuptools<72"},
    {"Invalid dash-separated", "its setup.cfg is written for an old setuptools", "setuptools<78"},
    {"No module named 'setuptools.extern", "it was written for an old setuptools", "setuptools<71"},
    {"invalid command 'bdist_wheel'", "it was written for a setuptools with a separate wheel",
     "setuptools<70"},
    {"No module named 'numpy.distutils'", "it was written for an old numpy", "numpy<1.26"},
    {"Cython.Compiler.Errors.CompileError", "its Cython code may be older than Cython 3", "Cython<3"},
};

// Modules that a Python no longer has.
struct Removed {
  std::string_view module;
  unsigned minor;
};
constexpr Removed kRemoved[] = {{"asynchat", 12}, {"asyncore", 12}, {"cgi", 13},      {"crypt", 13},
                                {"imp", 12},      {"lib2to3", 13},  {"parser", 10},   {"pipes", 13},
                                {"smtpd", 12},    {"symbol", 10},   {"telnetlib", 13}};

std::optional<std::string_view> between(std::string_view line, std::string_view before,
                                        std::string_view after) {
  const std::size_t begin = line.find(before);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::string_view rest = line.substr(begin + before.size());
  const std::size_t end = after.empty() ? rest.size() : rest.find(after);
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  return rest.substr(0, end);
}

bool holds(std::string_view line, std::string_view part) { return line.find(part) != std::string_view::npos; }

template <class Table>
std::optional<std::string_view> package_of(const Table& table, std::string_view thing) {
  for (const Provided& provided : table)
    if (provided.thing == thing || (provided.thing.ends_with('/') && thing.starts_with(provided.thing)) ||
        (provided.thing.ends_with('_') && thing.starts_with(provided.thing)))
      return provided.package;
  return std::nullopt;
}

// `x86_64-linux-gnu-gcc-12`, `/usr/bin/gcc`, `gcc'`: the program as one would install it.
std::string plain_program(std::string_view text) {
  text = text.substr(text.rfind('/') == std::string_view::npos ? 0 : text.rfind('/') + 1);
  for (const std::string_view triplet : {"x86_64-linux-gnu-", "aarch64-linux-gnu-", "arm-linux-gnueabihf-"})
    if (text.starts_with(triplet)) text.remove_prefix(triplet.size());
  const std::size_t dash = text.rfind('-');
  if (dash != std::string_view::npos && dash + 1 < text.size() &&
      std::all_of(text.begin() + static_cast<std::ptrdiff_t>(dash) + 1, text.end(), is_ascii_digit))
    text = text.substr(0, dash);
  return std::string(text);
}

std::string install(std::string_view package) {
  return fmt::format("`apt install {}` (Debian, Ubuntu)", package);
}

std::optional<std::string> missing_header(std::string_view line) {
  auto header = between(line, "fatal error: ", ": No such file");
  if (!header) header = between(line, "fatal error: '", "' file not found");
  if (!header) return std::nullopt;
  if (*header == "longintrepr.h")
    return "its C code is older than this Python: try a newer version of the package, or `--python 3.10`";
  const auto package = package_of(kHeaders, *header);
  if (!package)
    return fmt::format("it needs the header {}: `apt-file search {}` names the package", quote(*header),
                       *header);
  return fmt::format("it needs the header {}: {}", *header, install(*package));
}

std::optional<std::string> needs_program(std::string_view text) {
  const std::string program = plain_program(text);
  const auto package = package_of(kPrograms, program);
  if (!package) return std::nullopt;
  return fmt::format("it needs the program {}: {}", program, install(*package));
}

// The names that are tried one after another, each in the way some tool says "there is no such program".
std::optional<std::string> missing_program(std::string_view line) {
  constexpr std::pair<std::string_view, std::string_view> kSaid[] = {
      {"error: command '", "' failed: No such file"},
      {"error: command '", "' failed: None"},
      {"unable to execute '", "': No such file"},
      {"No such file or directory: '", "'"},
      {"Program '", "' not found"},
      {"Command '", "' not found"},
      {"could not find program `", "`"},
  };
  for (const auto& [before, after] : kSaid)
    if (const auto program = between(line, before, after))
      if (auto hint = needs_program(*program)) return hint;
  // sh: 1: gcc: not found; bash: line 1: gcc: command not found; make: gcc: No such file or directory
  for (const std::string_view ending : {": not found", ": command not found", ": No such file or directory",
                                        " executable not found", " is not installed"}) {
    const std::size_t end = line.find(ending);
    if (end == std::string_view::npos) continue;
    const std::string_view head = line.substr(0, end);
    const std::size_t begin = head.find_last_of(" :'\"`");
    if (auto hint = needs_program(begin == std::string_view::npos ? head : head.substr(begin + 1)))
      return hint;
  }
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"can't find Rust compiler", "cargo"},
      {"Rust toolchain not found", "cargo"},
      {"the Rust package manager, is not installed", "cargo"},
      {"Unknown compiler(s): [['cc']", "gcc"},
      {"Unknown compiler(s): [['c++']", "g++"},
      {"Unknown compiler(s): [['gfortran']", "gfortran"},
      {"No CMAKE_C_COMPILER could be found", "gcc"},
      {"No CMAKE_CXX_COMPILER could be found", "g++"},
      {"No CMAKE_Fortran_COMPILER could be found", "gfortran"},
      {"CMake must be installed", "cmake"},
      {"Could not find CMake", "cmake"},
      {"CMake was unable to find a build program corresponding to \"Ninja\"", "ninja"},
      {"CMake was unable to find a build program corresponding to \"Unix Makefiles\"", "make"},
      {"Could not detect Ninja", "ninja"},
      {"Did not find pkg-config by name", "pkg-config"},
      {"Pkg-config for machine host machine not found", "pkg-config"},
      {"pkg-config is not installed", "pkg-config"},
      {"pg_config executable not found", "pg_config"},
      {"mysql_config not found", "mysql_config"},
      {"Can not find valid pkg-config name", "mysql_config"},
      {"error trying to exec 'cc1plus'", "g++"},
      {"Please make sure the libxml2 and libxslt development packages are installed", "xslt-config"},
  };
  for (const auto& [said, program] : kWords)
    if (holds(line, said)) return needs_program(program);
  return std::nullopt;
}

std::optional<std::string> needs_library(std::string_view said) {
  const std::string_view library = said.substr(0, said.find_first_of(": "));
  if (library.empty()) return std::nullopt;
  if (const auto package = package_of(kLibraries, library))
    return fmt::format("it needs the library {}: {}", library, install(*package));
  return fmt::format(
      "it needs the library {}: on Debian and Ubuntu `apt-cache search {}` finds its -dev package", library,
      library);
}

std::optional<std::string> missing_library(std::string_view line) {
  constexpr std::pair<std::string_view, std::string_view> kSaid[] = {
      {"cannot find -l", ""},
      {"No package '", "' found"},
      {"Package '", "', required by"},
      {"Package ", " was not found in the pkg-config search path"},
      {"ERROR: Dependency \"", "\" not found"},
  };
  for (const auto& [before, after] : kSaid)
    if (const auto found = between(line, before, after))
      if (auto hint = needs_library(*found)) return hint;
  return std::nullopt;
}

// meson tells of everything it looked for, also of what it can do without.
std::optional<std::string> looked_for(std::string_view line) {
  if (const auto program = between(line, "Program ", " found: NO")) return needs_program(*program);
  if (const auto library = between(line, "Run-time dependency ", " found: NO"))
    return needs_library(*library);
  return std::nullopt;
}

std::string constrained(std::string_view asks, std::string_view constraint) {
  return fmt::format("{}: `--build-constraint FILE` with a line `{}` in FILE", asks, constraint);
}

std::optional<std::string> missing_module(std::string_view line, const BuildFacts& facts) {
  const auto name = between(line, "No module named '", "'");
  if (!name) return std::nullopt;
  const std::string_view top = name->substr(0, name->find('.'));
  if (top == "distutils" && facts.python_minor >= 12)
    return fmt::format("it uses distutils, which Python 3.12 removed: try `--python 3.11`");
  for (const Removed& removed : kRemoved)
    if (top == removed.module && facts.python_minor >= removed.minor)
      return fmt::format("it uses the module {}, which Python 3.{} removed: try `--python 3.{}`", top,
                         removed.minor, removed.minor - 1);
  if (!facts.isolated)
    return fmt::format(
        "with --no-build-isolation the environment must hold what builds need: `moat install {}`", top);
  return fmt::format(
      "it uses {} and does not declare it as a build requirement: `moat install {}`, then try "
      "again with `--no-build-isolation`",
      top, top);
}

std::optional<std::string> other_trouble(std::string_view line, const BuildFacts& facts) {
  constexpr std::string_view kNoNetwork[] = {"Temporary failure in name resolution",
                                             "Network is unreachable",
                                             "Could not resolve host",
                                             "Name or service not known",
                                             "getaddrinfo failed",
                                             "failed to download from"};
  if (!facts.network)
    for (const std::string_view said : kNoNetwork)
      if (holds(line, said))
        return "it wants the network, which builds do not get: `--build-network` opens it";
  if (holds(line, "No space left on device")) return "the disk is full: `moat store prune` frees some";
  if (holds(line, "Killed signal terminated program"))
    return "the compiler ran out of memory: try again with MAKEFLAGS=-j1";
  if (holds(line, "was unable to detect version for") || holds(line, "unable to detect version"))
    return "it takes its version from git, and there is no history here: set "
           "SETUPTOOLS_SCM_PRETEND_VERSION=VERSION";
  return std::nullopt;
}

std::optional<std::string> outdated(std::string_view line) {
  for (const Outdated& one : kOutdated)
    if (holds(line, one.said)) return constrained(one.asks, one.constraint);
  return std::nullopt;
}

constexpr std::size_t kMostHints = 3;
constexpr std::size_t kLongestLine = 2000;

}  // namespace

std::vector<std::string> diagnose_build(std::string_view output, const BuildFacts& facts) {
  std::vector<std::string> hints;
  const auto look = [&](const auto& rule) {
    for (const std::string_view line : split_lines(output)) {
      std::optional<std::string> hint = rule(line.substr(0, kLongestLine));
      if (!hint || std::find(hints.begin(), hints.end(), *hint) != hints.end()) continue;
      hints.push_back(std::move(*hint));
      if (hints.size() == kMostHints) return;
    }
  };
  look([&](std::string_view line) {
    std::optional<std::string> hint = missing_header(line);
    if (!hint) hint = outdated(line);
    if (!hint) hint = missing_module(line, facts);
    if (!hint) hint = missing_program(line);
    if (!hint) hint = missing_library(line);
    if (!hint) hint = other_trouble(line, facts);
    return hint;
  });
  if (hints.empty()) look(looked_for);
  return hints;
}

}  // namespace moat
