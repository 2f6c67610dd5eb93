#include "resolver/files/dependency_groups.h"

#include "resolver/base/text.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

std::string told(const Expected<std::vector<ProjectLine>>& lines) {
  if (!lines) return lines.error().message;
  std::string out;
  for (const ProjectLine& line : *lines)
    out += (out.empty() ? "" : " | ") + std::to_string(line.line) + ":" + line.text;
  return out;
}

std::string group(const char* name, const std::string& toml) {
  const Expected<PyProject> file = PyProject::parse(toml);
  return file ? told(expand_group(*file, GroupName::parse(name).value())) : file.error().message;
}

TEST(DependencyGroups, IncludesExpandInPlaceAndNothingIsDropped) {
  const std::string toml =
      "[dependency-groups]\ncoverage = [\"cov[toml]\"]\ntest = [\n\"pytest>7\",\n"
      "{include-group = \"Coverage\"},\n\"a\", {include-group = \"coverage\"}]\n";
  EXPECT_EQ(group("TEST", toml), "4:pytest>7 | 2:cov[toml] | 6:a | 2:cov[toml]");
  EXPECT_EQ(group("e", "[dependency-groups]\ne = []\n"), "");
}

TEST(DependencyGroups, WhatIsWrongIsNamed) {
  const std::string toml =
      "[dependency-groups]\na = [{include-group = 'b'}]\nb = [{include-group = 'C'}]\n"
      "C = [{include-group = 'A'}]\nd = [{include-group = 'nope'}]\n"
      "e = [{include-group = 'a', x = 1}]\nf = [1]\ng = 'x'\nh = ['a>']\nok = ['a']\n";
  EXPECT_EQ(group("b", toml), "dependency groups include each other in a circle: b -> C -> a -> b (line 2)");
  EXPECT_EQ(group("nope", toml), "there is no dependency group `nope`; there are a, b, C, d, e, f, g, h, ok");
  EXPECT_EQ(group("d", toml),
            "there is no dependency group `nope`; there are a, b, C, d, e, f, g, h, ok (line 5)");
  EXPECT_EQ(group("e", toml),
            "the dependency group `e` holds something that is neither a requirement nor "
            "{include-group = \"NAME\"} (line 6)");
  EXPECT_NE(group("f", toml).find("(line 7)"), std::string::npos);
  EXPECT_EQ(group("g", toml), "the dependency group `g` is not a list (line 8)");
  EXPECT_NE(group("h", toml).find("`a>` in the dependency group `h` is not a requirement"),
            std::string::npos);
  EXPECT_EQ(group("ok", toml), "10:a") << "others do not count";
  EXPECT_EQ(group("x", ""), "there is no dependency group `x`: there are none");
}

TEST(DependencyGroups, NamesThatAreOneAreAnError) {
  EXPECT_NE(group("ok", "[dependency-groups]\nok = []\nTest_x = []\ntest-X = []\n").find("the same name"),
            std::string::npos);
}

std::string own(const std::string& lines) {
  const Expected<PyProject> file = PyProject::parse(
      "[project]\nname = 'Pkg'\n[project.optional-dependencies]\na = ['x>1']\nb = ['y; os_name == \"nt\"']\n"
      "all = ['pkg[a,B]']\nloop = ['pkg[loop2]', 'z']\nloop2 = ['pkg[loop] ; os_name == \"nt\"']\n"
      "old = ['pkg[all] ; python_version < \"3\"']\n");
  std::vector<ProjectLine> asked;
  for (const std::string_view line : split(lines, '|')) asked.push_back({std::string(line), 1});
  return told(expand_own_extras(**file->project(), asked));
}

TEST(OwnExtras, AreWhatTheirListsSay) {
  EXPECT_EQ(own("q|pkg[all]>=1|r"), "1:q | 4:x>1 | 5:y; os_name == \"nt\" | 1:r");
  EXPECT_EQ(own("pkg"), "");
  EXPECT_EQ(own("pkg[loop]"), "7:z");
  EXPECT_EQ(own("pkg[old]"),
            "4:x>1; python_version < \"3\" | 5:y; os_name == \"nt\" and python_version < \"3\"");
  EXPECT_EQ(own("pkg[nope]"), "`pkg[nope]` asks for an extra that Pkg does not have: nope (line 1)");
  EXPECT_EQ(own("pkg[a]|pkg[a]"), "4:x>1");
}

}  // namespace
}  // namespace moat
