#include "resolver/files/foreign_lock.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace moat {
namespace {

TEST(ForeignLock, PoetrysVersionsInPep440) {
  for (const auto& [poetry, pep440] :
       std::vector<std::pair<std::string, std::string>>{{"^1.2.3", ">=1.2.3,<2"},
                                                        {"^1.2", ">=1.2,<2"},
                                                        {"^1", ">=1,<2"},
                                                        {"^0.2.3", ">=0.2.3,<0.3"},
                                                        {"^0.0.3", ">=0.0.3,<0.0.4"},
                                                        {"^0.0", ">=0.0,<0.1"},
                                                        {"^0", ">=0,<1"},
                                                        {"~1.2.3", ">=1.2.3,<1.3"},
                                                        {"~1.2", ">=1.2,<1.3"},
                                                        {"~1", ">=1,<2"},
                                                        {"*", ""},
                                                        {"1.*", "==1.*"},
                                                        {"1.2", "==1.2"},
                                                        {"=1.2", "==1.2"},
                                                        {">=1.0, <2", ">=1.0,<2"},
                                                        {"~=1.2", "~=1.2"},
                                                        {"!=1.5", "!=1.5"}})
    EXPECT_EQ(pep440_of_poetry(poetry).value(), pep440) << poetry;
  for (const char* text : {"^1 || ^2", "^x", ">>1", "~"}) EXPECT_FALSE(pep440_of_poetry(text)) << text;
}

std::string told(const ForeignProject& project) {
  std::string out;
  for (const ForeignRequirement& one : project.requirements)
    out += fmt::format(
        "{}: {}{}\n", one.list == RequirementList{} ? "-" : one.list.name, one.text,
        one.source ? fmt::format(" from {}{}", one.source->path, one.source->editable ? " (editable)" : "")
                   : "");
  for (const std::string& text : project.left_out) out += "left out: " + text + "\n";
  return out;
}

TEST(ForeignLock, ReadsAPoetryProject) {
  const TomlTable table = parse_toml(R"(
name = "shop"
version = "1.2"
description = "sells"
[dependencies]
python = "^3.9"
flask = "^3.0"
httpx = {version = "~0.27", extras = ["http2"], markers = "sys_platform == 'linux'"}
old = {version = "*", python = "<3.11"}
mysql = {version = "^1", optional = true}
tool = {git = "https://host/tool.git", tag = "v1"}
mine = {git = "git@host:me/mine.git"}
lib = {path = "../lib", develop = true}
odd = "^1 || ^2"
[extras]
db = ["mysql"]
[group.dev.dependencies]
pytest = "^8"
[dev-dependencies]
black = "*"
)")
                              .value();
  const ForeignProject project = read_poetry_project(table);
  EXPECT_EQ(project.name + " " + project.version + " " + project.requires_python, "shop 1.2 >=3.9,<4");
  EXPECT_EQ(told(project),
            "-: flask>=3.0,<4\n"
            "-: httpx[http2]>=0.27,<0.28; sys_platform == \"linux\"\n"
            "-: lib from ../lib (editable)\n"
            "-: mine @ git+ssh://git@host/me/mine.git\n"
            "db: mysql>=1,<2\n"
            "-: old; python_version < \"3.11\"\n"
            "-: tool @ git+https://host/tool.git@v1\n"
            "dev: black\n"
            "dev: pytest>=8,<9\n"
            "left out: odd: `^1 || ^2`: alternatives of versions have no counterpart\n");
}

TEST(ForeignLock, ReadsAPipfileAndItsLock) {
  const ForeignProject project =
      read_pipfile(
          "[packages]\nflask = \"*\"\nrequests = {version = \">=2\", extras = [\"socks\"]}\n"
          "[dev-packages]\npytest = \"==8.0\"\n[requires]\npython_version = \"3.11\"\n")
          .value();
  EXPECT_EQ(told(project), "dev: pytest==8.0\n-: flask\n-: requests[socks]>=2\n");
  EXPECT_EQ(project.requires_python, ">=3.11");
  const ForeignVersions versions =
      read_pipfile_lock(R"({"_meta": {}, "default": {"Flask": {"version": "==3.0.3"}, "x": {"git": "y"}},
                            "develop": {"pytest": {"version": "==8.0"}}})")
          .value();
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(versions.begin()->second.front().to_string(), "3.0.3");
  EXPECT_FALSE(read_pipfile_lock("[]"));
}

TEST(ForeignLock, ReadsTablesOfPackages) {
  const ForeignVersions versions =
      read_package_tables(
          "[[package]]\nname = \"a\"\nversion = \"1\"\n[[package]]\nname = \"a\"\nversion = \"2\"\n"
          "[[package]]\nname = \"me\"\nversion = \"0\"\nsource = { editable = \".\" }\n"
          "[[package]]\nname = \"p\"\nversion = \"0\"\n[package.source]\ntype = \"directory\"\n")
          .value();
  ASSERT_EQ(versions.size(), 1U);
  EXPECT_EQ(versions.begin()->second.size(), 2U);
  EXPECT_FALSE(read_package_tables("package = 1"));
}

TEST(ForeignLock, ReadsWhereUvGetsThingsFrom) {
  const ProjectEdit lists =
      ProjectEdit::parse(
          "[project]\nname = \"shop\"\ndependencies = [\"near\", \"far[x]>=1; os_name == 'nt'\", "
          "\"packed\", \"some\", \"kin\", \"ours\"]\n[dependency-groups]\ndev = [\"near\"]\n")
          .value();
  const TomlTable uv =
      parse_toml(
          "[sources]\nnear = { path = \"libs/near\", editable = true }\n"
          "far = { git = \"https://example.org/far\", tag = \"v1\", subdirectory = \"py\" }\n"
          "packed = { url = \"https://example.org/packed.zip\", subdirectory = \"src\" }\n"
          "some = { git = \"https://example.org/some\", marker = \"os_name == 'nt'\" }\n"
          "kin = { workspace = true }\nours = { index = \"corp\" }\nabsent = { path = \"x\" }\n")
          .value();
  const ForeignProject project = read_uv_sources(uv, lists);
  std::vector<std::string> lines;
  for (const ForeignRequirement& one : project.requirements) {
    EXPECT_TRUE(one.replaces);
    lines.push_back(one.list.told() + ": " + one.text + (one.source ? " in " + one.source->path : ""));
  }
  std::sort(lines.begin(), lines.end());
  const std::string main = RequirementList{}.told(),
                    dev = RequirementList{RequirementList::Kind::Group, "dev"}.told();
  std::vector<std::string> expected = {
      main + ": far[x] @ git+https://example.org/far@v1#subdirectory=py ; os_name == \"nt\"",
      main + ": kin in ", main + ": near in libs/near",
      main + ": packed @ https://example.org/packed.zip#subdirectory=src", dev + ": near in libs/near"};
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(lines, expected);
  ASSERT_EQ(project.left_out.size(), 2U);  // `some` is only for some environments; `ours` is of an index
}

}  // namespace
}  // namespace moat
