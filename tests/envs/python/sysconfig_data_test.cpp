#include "envs/python/sysconfig_data.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

std::string before_the_tail(const std::string& text) {
  return text.substr(0, text.find("\n\ndef _relocate"));
}

std::string relocated(const std::string& value, const std::string& prefix = "/opt/py") {
  return before_the_tail(relocatable_build_variables("{'KEY': '" + value + "'}", prefix, "x86_64-linux-gnu"));
}

TEST(SysconfigData, FlagsThatNameTheBaseGo) {
  EXPECT_EQ(relocated("-L/opt/py/lib -lpython3.11"), "{'KEY': '-lpython3.11'}");
  EXPECT_EQ(relocated("-Wl,-rpath,/opt/py/lib -O2"), "{'KEY': '-O2'}");
  EXPECT_EQ(relocated("-Wl,-rpath=/opt/py/lib -Wl,-R/opt/py/lib -O2"), "{'KEY': '-O2'}");
  EXPECT_EQ(relocated("-O2 -I/opt/py/include"), "{'KEY': '-O2 '}");
  EXPECT_EQ(relocated("-L/usr/local/lib -L/opt/py/lib64"), "{'KEY': '-L/usr/local/lib '}");
}

TEST(SysconfigData, OtherPathsBecomeRelativeToTheRuntime) {
  EXPECT_EQ(relocated("/opt/py/lib/python3.11"), "{'KEY': '@MOAT_RUNTIME@/lib/python3.11'}");
  EXPECT_EQ(relocated("--prefix=/opt/py"), "{'KEY': '--prefix=@MOAT_RUNTIME@'}");
  EXPECT_EQ(relocated("-L/opt/py/lib/special"), "{'KEY': '-L@MOAT_RUNTIME@/lib/special'}");
}

// A base that was moved or copied still records where it was built.
TEST(SysconfigData, TheRecordedPrefixGoesToo) {
  const std::string text =
      "build_time_vars = {'LDFLAGS': '-L/built/here/lib -O2 -L/opt/py/lib',\n 'LIBDIR': '/built/here/lib',\n"
      " 'TOOL': '/built/here2/x',\n 'exec_prefix': '/opt/py',\n 'prefix': '/built/here'}";
  EXPECT_EQ(before_the_tail(relocatable_build_variables(text, "/opt/py", "")),
            "build_time_vars = {'LDFLAGS': '-O2 ',\n 'LIBDIR': '@MOAT_RUNTIME@/lib',\n"
            " 'TOOL': '/built/here2/x',\n 'exec_prefix': '@MOAT_RUNTIME@',\n 'prefix': '@MOAT_RUNTIME@'}");
  EXPECT_EQ(
      relocatable_makefile("# x\nprefix=\t/built/here\nLIBDIR=\t/built/here/lib\nX=/opt/py/y\n", "/opt/py"),
      "# x\nprefix=\t@MOAT_RUNTIME@\nLIBDIR=\t@MOAT_RUNTIME@/lib\nX=@MOAT_RUNTIME@/y\n");
  // A distribution's, unpacked elsewhere.
  EXPECT_EQ(
      before_the_tail(relocatable_build_variables(
          "{'INSTALL': '/usr/bin/install', 'LIBDIR': '/usr/lib', 'prefix': '/usr'}", "/opt/py/usr", "")),
      "{'INSTALL': '/usr/bin/install', 'LIBDIR': '@MOAT_RUNTIME@/lib', 'prefix': '@MOAT_RUNTIME@'}");
}

TEST(SysconfigData, NeighboursOfThePrefixStay) {
  EXPECT_EQ(relocated("/opt/python /opt/py2 /opt/py-old -L/opt/py2/lib"),
            "{'KEY': '/opt/python /opt/py2 /opt/py-old -L/opt/py2/lib'}");
}

TEST(SysconfigData, OfASharedPrefixOnlyTheKnownKeysChange) {
  const std::string text =
      "build_time_vars = {'BINDIR': '/usr/bin',\n 'INSTALL': '/usr/bin/install -c',\n"
      " 'DESTDIRS': '/usr /usr/lib/x86_64-linux-gnu '\n             '/usr/lib/python3.11',\n"
      " 'EXENAME': '/usr/bin/python3.13',\n 'LIBDIR': '/usr/lib/x86_64-linux-gnu',\n 'prefix': '/usr'}";
  EXPECT_EQ(
      before_the_tail(relocatable_build_variables(text, "/usr", "x86_64-linux-gnu")),
      "build_time_vars = {'BINDIR': '@MOAT_RUNTIME@/bin',\n 'INSTALL': '/usr/bin/install -c',\n"
      " 'DESTDIRS': '@MOAT_RUNTIME@ @MOAT_RUNTIME@/lib '\n             '@MOAT_RUNTIME@/lib/python3.11',\n"
      " 'EXENAME': '@MOAT_RUNTIME@/bin/python3.13',\n 'LIBDIR': '@MOAT_RUNTIME@/lib',\n 'prefix': "
      "'@MOAT_RUNTIME@'}");
  EXPECT_EQ(relocatable_makefile("prefix= /usr\n", "/usr"), "prefix= /usr\n");
  EXPECT_EQ(relocatable_makefile("prefix= /opt/py\nL= -L/opt/py/lib x\n", "/opt/py"),
            "prefix= @MOAT_RUNTIME@\nL= x\n");
}

}  // namespace
}  // namespace moat
