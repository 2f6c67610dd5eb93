#include "resolver/pep/marker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

MarkerEnvironment linux_cpython(std::string full = "3.11.7") {
  MarkerEnvironment environment;
  environment.os_name = "posix";
  environment.sys_platform = "linux";
  environment.platform_machine = "x86_64";
  environment.platform_python_implementation = "CPython";
  environment.platform_release = "6.8.0-100-generic";
  environment.platform_system = "Linux";
  environment.platform_version = "#100-Ubuntu SMP";
  environment.python_version = full.substr(0, full.find('.', 2));
  environment.python_full_version = full;
  environment.implementation_name = "cpython";
  environment.implementation_version = full;
  return environment;
}

std::set<ExtraName> extras(std::initializer_list<const char*> names) {
  std::set<ExtraName> out;
  for (const char* name : names) out.insert(ExtraName::parse(name).value());
  return out;
}

Marker marker(std::string_view text) { return Marker::parse(text).value(); }
bool holds(std::string_view text, const MarkerEnvironment& environment = linux_cpython()) {
  return marker(text).evaluate(environment);
}
bool holds(std::string_view text, const std::set<ExtraName>& requested) {
  return marker(text).evaluate(linux_cpython(), requested);
}

TEST(Marker, ComparesPythonVersionsAsVersions) {
  const MarkerEnvironment ten = linux_cpython("3.10.4");
  for (const char* text : {"python_version == '3.10'", "python_version > '3.9'", "python_version ~= '3.8'",
                           "python_version == '3.*'", "python_version >= '3.10.0'", "python_version != '3.1'",
                           "python_version < '3.10.1'", "'3.8' <= python_version", "'3.11' > python_version",
                           "'3.*' == python_version", "python_full_version >= '3.10.4'",
                           "implementation_version < '3.11'", "python_version == 'v3.10'"})
    EXPECT_TRUE(holds(text, ten)) << text;
  for (const char* text : {"python_version == '3.1'", "python_version < '3.9'", "python_version == '3.1.*'",
                           "'3.8' >= python_version", "python_version >= 'dev'", "python_version > '3.9.*'",
                           "python_full_version === '3.10'"})
    EXPECT_FALSE(holds(text, ten)) << text;
}

TEST(Marker, FindsVersionsInLists) {
  EXPECT_TRUE(holds("python_version in '3.10, 3.11'"));
  EXPECT_FALSE(holds("python_version in '2.7, 3.6'"));
  EXPECT_TRUE(holds("python_version not in '2.7, 3.6'"));
  EXPECT_TRUE(holds("'3.1' in python_version"));
}

TEST(Marker, LessThanAVersionExcludesItsPreReleases) {
  EXPECT_FALSE(holds("python_full_version < '3.15'", linux_cpython("3.15.0rc1")));
  EXPECT_TRUE(holds("python_full_version >= '3.15.0a1'", linux_cpython("3.15.0rc1")));
}

TEST(Marker, ReadsDevelopmentBuilds) {
  EXPECT_TRUE(holds("python_full_version >= '3.15'", linux_cpython("3.15.0+")));
  EXPECT_TRUE(holds("python_full_version >= '3.15.0a8'", linux_cpython("3.15.0a8+")));
  EXPECT_FALSE(holds("python_full_version < '3.14'", linux_cpython("3.15.0a8+")));
}

TEST(Marker, ComparesStringsWithoutOrder) {
  for (const char* text : {"sys_platform == 'linux'", "sys_platform >= 'linux'", "sys_platform <= 'linux'",
                           "sys_platform ~= 'linux'", "sys_platform === 'linux'", "'lin' in sys_platform",
                           "sys_platform in 'linux darwin'", "sys_platform not in 'win32'", "os_name != 'nt'",
                           "'nt' not in os_name"})
    EXPECT_TRUE(holds(text)) << text;
  for (const char* text : {"sys_platform >= 'darwin'", "sys_platform > 'aix'", "sys_platform < 'win32'",
                           "platform_system == 'linux'", "os_name == 'POSIX'"})
    EXPECT_FALSE(holds(text)) << text;
}

TEST(Marker, ComparesReleasesAsVersionsOnlyIfBothAreOne) {
  EXPECT_FALSE(holds("platform_release >= '20'"));
  EXPECT_FALSE(holds("platform_release < '20'"));
  EXPECT_TRUE(holds("platform_release != '20'"));
  EXPECT_TRUE(holds("platform_release == '6.8.0-100-generic'"));
  MarkerEnvironment mac = linux_cpython();
  mac.platform_release = "23.1.0";
  mac.platform_version = "10.0.19045";
  EXPECT_TRUE(holds("platform_release >= '20'", mac));
  EXPECT_TRUE(holds("platform_release < '100'", mac));
  EXPECT_TRUE(holds("platform_version > '9'", mac));
}

TEST(Marker, ExtraStandsForTheWholeSet) {
  EXPECT_TRUE(holds("extra == 'Foo_Bar'", extras({"foo.bar"})));
  EXPECT_TRUE(holds("'foo-bar' == extra", extras({"FOO-BAR", "x"})));
  EXPECT_FALSE(holds("extra == 'a'", extras({})));
  EXPECT_TRUE(holds("extra != 'a'", extras({})));
  EXPECT_FALSE(holds("extra != 'a'", extras({"a", "b"})));
  EXPECT_TRUE(holds("extra == 'a' and extra == 'b'", extras({"a", "b"})));
  EXPECT_TRUE(holds("extra == 't' and python_version > '3.9'", extras({"t"})));
  EXPECT_FALSE(holds("extra == 't' and python_version < '3.9'", extras({"t"})));
  EXPECT_FALSE(holds("extra == ''", extras({})));
}

TEST(Marker, AndBindsTighterThanOr) {
  EXPECT_TRUE(holds("os_name == 'posix' or os_name == 'nt' and os_name == 'x'"));
  EXPECT_FALSE(holds("(os_name == 'posix' or os_name == 'nt') and os_name == 'x'"));
}

TEST(Marker, KnowsWhatNeverHoldsWhateverTheExtras) {
  const MarkerEnvironment here = linux_cpython();
  for (const char* text :
       {"os_name == 'nt'", "extra == 'a' and os_name == 'nt'", "os_name == 'nt' or python_version < '3'",
        "(extra == 'a' or extra != 'b') and os_name == 'nt'"})
    EXPECT_TRUE(marker(text).never_holds(here)) << text;
  for (const char* text : {"os_name == 'posix'", "extra == 'a'", "extra != 'a'",
                           "extra == 'a' or os_name == 'nt'", "extra == 'a' and os_name == 'posix'"})
    EXPECT_FALSE(marker(text).never_holds(here)) << text;
  EXPECT_TRUE(marker("os_name == 'nt' or extra == 'a'").mentions_extra());
  EXPECT_FALSE(marker("os_name == 'extra'").mentions_extra());
  std::vector<std::string> named;
  for (const ExtraName& name : marker("(extra == 'B.a' or 'c' == extra) and os_name == 'nt'").extras_named())
    named.push_back(name.normalized());
  EXPECT_THAT(named, ::testing::ElementsAre("b-a", "c"));
}

TEST(Marker, ReadsOldSpellings) {
  EXPECT_EQ(marker("os.name == 'x' and python_implementation == 'y'").to_string(),
            "os_name == \"x\" and platform_python_implementation == \"y\"");
  EXPECT_TRUE(
      holds("sys.platform == 'linux' and platform.machine == 'x86_64' and platform.python_implementation == "
            "'CPython'"));
  EXPECT_EQ(*linux_cpython().find("platform.machine"), "x86_64");
  EXPECT_EQ(linux_cpython().find("extra"), nullptr);
  EXPECT_EQ(linux_cpython().find("python"), nullptr);
}

TEST(Marker, WritesTheNormalForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"python_version<'3'", "python_version < \"3\""},
      {"\t((os_name=='a'))", "os_name == \"a\""},
      {"(os_name=='a' and os_name=='b')or os_name=='c'",
       "os_name == \"a\" and os_name == \"b\" or os_name == \"c\""},
      {"os_name=='a' and(os_name=='b' or os_name=='c')",
       "os_name == \"a\" and (os_name == \"b\" or os_name == \"c\")"},
      {"os_name not  in'say \"x\"'", "os_name not in 'say \"x\"'"},
      {"extra == 'Foo_Bar'", "extra == \"foo-bar\""}};
  for (const auto& [text, want] : cases) {
    EXPECT_EQ(marker(text).to_string(), want);
    EXPECT_EQ(marker(want).to_string(), want);
  }
  EXPECT_EQ(marker("os_name == 'a' or os_name == 'b'").both(marker("extra == 'x'")).to_string(),
            "(os_name == \"a\" or os_name == \"b\") and extra == \"x\"");
  EXPECT_EQ(marker("os_name == 'a'").either(marker("os_name == 'b' or os_name == 'c'")),
            marker("os_name == 'a' or os_name == 'b' or os_name == 'c'"));
}

TEST(Marker, RefusesWhatTheGrammarDoesNotHave) {
  for (const char* text : {"",
                           "os_name",
                           "os_name ==",
                           "== 'a'",
                           "os_name == posix",
                           "os_name = 'a'",
                           "os_name => 'a'",
                           "python == '3'",
                           "'a' == 'b'",
                           "os_name == 'a' and",
                           "os_name == 'a' os_name == 'b'",
                           "(os_name == 'a'",
                           "os_name == 'a')",
                           "not (os_name == 'a')",
                           "not os_name == 'a'",
                           "'3' < python_version < '4'",
                           "os_name notin 'a'",
                           "os_name == 'a",
                           "os_name == 'a\"",
                           "os_name == 'a' && os_name == 'b'",
                           "OS_NAME == 'a'",
                           "os_name == 'a'\n",
                           "os_name inside 'a'",
                           "os_name == 'a' orextra == 'b'",
                           "os.name.x == 'a'",
                           "platform.release == 'a'",
                           "os_name == 'a\nb'",
                           "extra == os_name",
                           "python_version in ('3.8', '3.9')"})
    EXPECT_FALSE(Marker::parse(text)) << text;
  EXPECT_FALSE(Marker::parse(std::string(100000, '(')));
  EXPECT_EQ(Marker::parse("os_name == 'a' and python == '3'").error().offset, 19u);
}

TEST(Marker, SetsOfNamesAreForLockFiles) {
  EXPECT_FALSE(Marker::parse("'a' in extras"));
  EXPECT_FALSE(Marker::parse("'a' in dependency_groups"));
  const auto in_lock = [](std::string_view text) { return Marker::parse(text, MarkerContext::LockFile); };
  EXPECT_FALSE(in_lock("extra == 'a'"));
  EXPECT_FALSE(in_lock("extras == 'a'"));
  EXPECT_FALSE(in_lock("extras in 'a'"));
  EXPECT_FALSE(in_lock("'a' == extras"));
  const std::set<GroupName> groups = {GroupName::parse("Dev").value()};
  const MarkerEnvironment here = linux_cpython();
  EXPECT_TRUE(in_lock("'Foo_Bar' in extras").value().evaluate(here, extras({"foo-bar"}), groups));
  EXPECT_TRUE(in_lock("'dev' in dependency_groups").value().evaluate(here, {}, groups));
  EXPECT_FALSE(in_lock("'dev' in extras").value().evaluate(here, {}, groups));
  EXPECT_TRUE(in_lock("'dev' not in extras and os_name == 'posix'").value().evaluate(here, {}, groups));
  EXPECT_FALSE(in_lock("'dev' in extras").value().never_holds(here));
  EXPECT_TRUE(in_lock("'dev' in extras").value().mentions_extra());
  EXPECT_FALSE(in_lock("'dev' in dependency_groups").value().mentions_extra());
}

TEST(Marker, WhatIsLeftOnceExtrasAndGroupsAreSettled) {
  const std::set<GroupName> groups = {GroupName::parse("dev").value()};
  for (const auto& [text, left] : std::vector<std::pair<std::string, std::string>>{
           {"'dev' in dependency_groups", "always"},
           {"'docs' in dependency_groups", "never"},
           {"'x' in extras or 'y' in extras", "always"},
           {"'y' in extras", "never"},
           {"'x' in extras and os_name == 'nt'", "os_name == \"nt\""},
           {"'y' in extras and os_name == 'nt'", "never"},
           {"'y' in extras or os_name == 'nt'", "os_name == \"nt\""},
           {"('y' in extras or os_name == 'nt') and 'dev' in dependency_groups and python_version < '3.9'",
            "os_name == \"nt\" and python_version < \"3.9\""},
           {"os_name == 'nt'", "os_name == \"nt\""}}) {
    const Marker::Settled settled =
        Marker::parse(text, MarkerContext::LockFile).value().settle(extras({"x"}), groups);
    EXPECT_EQ(settled.never ? "never" : settled.rest ? settled.rest->to_string() : "always", left) << text;
  }
}

}  // namespace
}  // namespace moat
