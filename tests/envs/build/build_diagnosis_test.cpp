#include "envs/build/build_diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Said {
  const char* output;
  const char* hint;  // part of the first one
  BuildFacts facts = {.python_minor = 11};
};

class Diagnosis : public ::testing::TestWithParam<Said> {};

TEST_P(Diagnosis, NamesWhatIsMissing) {
  const std::vector<std::string> hints = diagnose_build(GetParam().output, GetParam().facts);
  ASSERT_FALSE(hints.empty()) << GetParam().output;
  EXPECT_THAT(hints.front(), HasSubstr(GetParam().hint)) << GetParam().output;
}

INSTANTIATE_TEST_SUITE_P(
    Headers, Diagnosis,
    ::testing::Values(
        Said{"psycopg/psycopg.h:36:10: fatal error: libpq-fe.h: No such file or directory",
             "apt install libpq-dev`"},
        Said{"x.c:1:10: fatal error: 'zlib.h' file not found", "apt install zlib1g-dev`"},
        Said{"x.c:1:10: fatal error: Python.h: No such file or directory", "apt install python3-dev`"},
        Said{"x.c:1:10: fatal error: openssl/opensslv.h: No such file or directory",
             "apt install libssl-dev`"},
        Said{"x.c:1:10: fatal error: libxml/xmlversion.h: No such file or directory",
             "apt install libxml2-dev`"},
        Said{"x.c:1:10: fatal error: ffi.h: No such file or directory", "apt install libffi-dev`"},
        Said{"x.c:1:10: fatal error: security/pam_appl.h: No such file or directory",
             "apt install libpam0g-dev`"},
        Said{"x.c:1:10: fatal error: odd/one.h: No such file or directory", "`apt-file search odd/one.h`"},
        Said{"x.c:1:10: fatal error: longintrepr.h: No such file or directory", "older than this Python"}));

INSTANTIATE_TEST_SUITE_P(
    Programs, Diagnosis,
    ::testing::Values(
        Said{"error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory",
             "the program gcc: `apt install gcc`"},
        Said{"error: command '/usr/bin/gcc-12' failed: No such file or directory", "the program gcc:"},
        Said{"unable to execute 'g++': No such file or directory", "apt install g++`"},
        Said{"/bin/sh: 1: gfortran: not found", "apt install gfortran`"},
        Said{"bash: line 1: swig: command not found", "apt install swig`"},
        Said{"FileNotFoundError: [Errno 2] No such file or directory: 'cmake'", "apt install cmake`"},
        Said{"Error: pg_config executable not found.", "apt install libpq-dev`"},
        Said{"/bin/sh: 1: mysql_config: not found", "apt install libmariadb-dev`"},
        Said{"Exception: Can not find valid pkg-config name.", "apt install libmariadb-dev`"},
        Said{"error: can't find Rust compiler", "apt install cargo`"},
        Said{"Cargo, the Rust package manager, is not installed or is not on PATH.", "apt install cargo`"},
        Said{"../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['clang']]",
             "apt install gcc`"},
        Said{"../meson.build:1:0: ERROR: Program 'ninja' not found or not executable",
             "apt install ninja-build`"},
        Said{"CMake Error: CMake was unable to find a build program corresponding to \"Unix Makefiles\".",
             "apt install make`"},
        Said{"  No CMAKE_CXX_COMPILER could be found.", "apt install g++`"},
        Said{"gcc: fatal error: cannot execute 'cc1plus': x\ngcc: error trying to exec 'cc1plus': execvp: No "
             "such file",
             "apt install g++`"},
        Said{"Did not find pkg-config by name 'pkg-config'", "apt install pkg-config`"},
        Said{"[Errno 2] No such file or directory: 'git'", "apt install git`"}));

INSTANTIATE_TEST_SUITE_P(
    Libraries, Diagnosis,
    ::testing::Values(
        Said{"/usr/bin/ld: cannot find -lxml2: No such file or directory",
             "the library xml2: `apt install libxml2-dev`"},
        Said{"No package 'cairo' found", "apt install libcairo2-dev`"},
        Said{"Package 'libffi', required by 'virtual:world', not found", "apt install libffi-dev`"},
        Said{"Package dbus-1 was not found in the pkg-config search path.", "apt install libdbus-1-dev`"},
        Said{"../meson.build:3:0: ERROR: Dependency \"openblas\" not found, tried pkgconfig",
             "apt install libopenblas-dev`"},
        Said{"Run-time dependency glib-2.0 found: NO (tried pkgconfig)", "apt install libglib2.0-dev`"},
        Said{"/usr/bin/ld: cannot find -loddity", "`apt-cache search oddity`"}));

INSTANTIATE_TEST_SUITE_P(
    Pythons, Diagnosis,
    ::testing::Values(
        Said{"ModuleNotFoundError: No module named 'numpy'",
             "`moat install numpy`, then try again with `--no-build-isolation`"},
        Said{"ModuleNotFoundError: No module named 'Cython.Build'", "`moat install Cython`"},
        Said{"ModuleNotFoundError: No module named 'numpy'",
             "the environment must hold",
             {.python_minor = 11, .isolated = false}},
        Said{"ModuleNotFoundError: No module named 'pkg_resources'", "`setuptools<81`"},
        Said{"ModuleNotFoundError: No module named 'distutils'", "`--python 3.11`", {.python_minor = 12}},
        Said{"ModuleNotFoundError: No module named 'imp'", "`--python 3.11`", {.python_minor = 13}},
        Said{"error in foo setup command: use_2to3 is invalid.", "`setuptools<58`"},
        Said{"ImportError: cannot import name 'Feature' from 'setuptools'", "`setuptools<46`"},
        Said{"ModuleNotFoundError: No module named 'setuptools.command.test'", "`setuptools<72`"},
        Said{"ModuleNotFoundError: No module named 'numpy.distutils'", "`numpy<1.26`"},
        Said{"Cython.Compiler.Errors.CompileError: foo.pyx", "`Cython<3`"}));

INSTANTIATE_TEST_SUITE_P(
    Others, Diagnosis,
    ::testing::Values(
        Said{"fatal: unable to access: Could not resolve host: example.org", "`--build-network`"},
        Said{"socket.gaierror: [Errno -3] Temporary failure in name resolution", "`--build-network`"},
        Said{"LookupError: setuptools-scm was unable to detect version for /x.",
             "SETUPTOOLS_SCM_PRETEND_VERSION"},
        Said{"c++: fatal error: Killed signal terminated program cc1plus", "MAKEFLAGS=-j1"},
        Said{"OSError: [Errno 28] No space left on device", "the disk is full"}));

TEST(Diagnosis, SaysNothingOfWhatItDoesNotKnow) {
  EXPECT_THAT(diagnose_build(
                  "Traceback (most recent call last):\nValueError: x\ncat: README: No such file or directory",
                  {.python_minor = 11}),
              IsEmpty());
  EXPECT_THAT(diagnose_build("", {}), IsEmpty());
  // With the network open it is not ours that is closed.
  EXPECT_THAT(diagnose_build("Could not resolve host: example.org", {.network = true}), IsEmpty());
}

TEST(Diagnosis, TellsEachOnceAndNotTooMany) {
  EXPECT_THAT(diagnose_build("a.c: fatal error: zlib.h: No such file\nb.c: fatal error: zlib.h: No such file",
                             {.python_minor = 11}),
              SizeIs(1));
  EXPECT_THAT(diagnose_build("a: fatal error: zlib.h: No such file\nb: fatal error: ffi.h: No such file\n"
                             "c: fatal error: yaml.h: No such file\nd: fatal error: expat.h: No such file",
                             {.python_minor = 11}),
              SizeIs(3));
}

TEST(Diagnosis, NamesTheUsersProgramsThatBuildsDoNotSee) {
  const BuildFacts facts{
      .python_minor = 11,
      .hidden = {{"cmake", "/opt/conda/bin/cmake"}, {"odd-tool", "/opt/conda/bin/odd-tool"}}};
  EXPECT_THAT(diagnose_build("FileNotFoundError: [Errno 2] No such file or directory: 'cmake'", facts),
              ElementsAre(HasSubstr("builds do not see /opt/conda/bin/cmake")));
  EXPECT_THAT(diagnose_build("/bin/sh: 1: odd-tool: not found", facts),
              ElementsAre(HasSubstr("builds do not see /opt/conda/bin/odd-tool")));
  EXPECT_THAT(diagnose_build("/bin/sh: 1: swig: not found", facts),
              ElementsAre(HasSubstr("apt install swig")));
}

TEST(Diagnosis, LooksPastWhatMesonCanDoWithout) {
  EXPECT_THAT(diagnose_build("Program swig found: NO\nRun-time dependency zlib found: NO\n"
                             "x.c:1:10: fatal error: ffi.h: No such file or directory",
                             {.python_minor = 11}),
              ElementsAre(HasSubstr("libffi-dev")));
}

}  // namespace
}  // namespace moat::test
