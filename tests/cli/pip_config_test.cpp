#include "cli/pip/config.h"
#include "cli/pip/translate.h"
#include "fetch/os/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct PipConfigTest : ::testing::Test {
  TempDir folder{fs::temp_directory_path(), "pip-config"};
  fs::path home = folder.path() / "home";
  fs::path env = folder.path() / "env";
  // Nothing of this machine's own configuration.
  Variables variables{{"HOME", home.native()}, {"XDG_CONFIG_DIRS", (folder.path() / "system").native()}};

  void write(const fs::path& path, const std::string& text) {
    fs::create_directories((folder.path() / path).parent_path());
    write_file_atomically(folder.path() / path, text);
  }
  std::string value(const std::string& command, const std::string& key, bool isolated = false) {
    for (const PipSetting& setting :
         pip_settings_for(command, read_pip_settings(variables, home, env, isolated)))
      if (setting.key == key) return setting.value;
    return "";
  }
  Invocation translated(const std::vector<std::string>& words) {
    Invocation invocation = std::get<Invocation>(parse_arguments(words));
    translate_pip(invocation, variables, folder.path());
    return invocation;
  }
};

TEST_F(PipConfigTest, ReadsSectionsContinuationsAndComments) {
  const auto settings = parse_pip_conf(
      "; a comment\n[global]\nindex_url = https://a.example/simple  \nextra-index-url =\n    "
      "https://b.example\n"
      "    # not this\n    https://c.example\nempty =\n[install]\nNo-Deps: yes\n",
      "pip.conf");
  ASSERT_TRUE(settings);
  std::vector<std::string> told;
  for (const PipSetting& one : *settings)
    told.push_back(one.section + "|" + one.key + "|" + one.value + "|" + one.where);
  EXPECT_THAT(told, ElementsAre("global|index-url|https://a.example/simple|pip.conf:3",
                                "global|extra-index-url|https://b.example\nhttps://c.example|pip.conf:4",
                                "install|no-deps|yes|pip.conf:10"));
}

TEST_F(PipConfigTest, NamesTheLineThatIsNoSetting) {
  EXPECT_THAT(parse_pip_conf("index-url = x\n", "f").error().message, HasSubstr("line 1 stands before"));
  EXPECT_THAT(parse_pip_conf("[global]\nnonsense\n", "f").error().message, HasSubstr("line 2"));
  EXPECT_THAT(parse_pip_conf("[global\n", "f").error().message, HasSubstr("does not end"));
}

TEST_F(PipConfigTest, LaterFilesCountMoreAndVariablesMost) {
  write("system/pip/pip.conf", "[global]\nindex-url = https://system.example\n");
  EXPECT_EQ(value("install", "index-url"), "https://system.example");
  write("home/.config/pip/pip.conf", "[global]\nindex-url = https://user.example\n");
  EXPECT_EQ(value("install", "index-url"), "https://user.example");
  write("env/pip.conf", "[global]\nindex-url = https://env.example\n");
  EXPECT_EQ(value("install", "index-url"), "https://env.example");
  write("home/.config/pip/pip.conf", "[install]\nindex-url = https://command.example\n");
  EXPECT_EQ(value("install", "index-url"), "https://command.example");
  EXPECT_EQ(value("list", "index-url"), "https://env.example");
  variables["PIP_INDEX_URL"] = "https://variable.example";
  EXPECT_EQ(value("install", "index-url"), "https://variable.example");
  EXPECT_EQ(value("install", "index-url", true), "https://env.example");
  variables["PIP_INDEX_URL"] = "";
  EXPECT_EQ(value("install", "index-url"), "https://command.example");
}

TEST_F(PipConfigTest, ANamedFileReplacesTheUsersAndDevNullAll) {
  write("home/.config/pip/pip.conf", "[global]\nindex-url = https://user.example\nno-index = true\n");
  write("own.conf", "[global]\nindex-url = https://own.example\n");
  variables["PIP_CONFIG_FILE"] = (folder.path() / "own.conf").native();
  EXPECT_EQ(value("install", "index-url"), "https://own.example");
  EXPECT_EQ(value("install", "no-index"), "");
  variables["PIP_CONFIG_FILE"] = (folder.path() / "absent.conf").native();
  EXPECT_EQ(value("install", "index-url"), "https://user.example");
  variables["PIP_CONFIG_FILE"] = "/dev/null";
  EXPECT_EQ(value("install", "index-url"), "");
}

TEST_F(PipConfigTest, IndexSettingsStandBelowTheCommandLine) {
  variables["PIP_INDEX_URL"] = "https://variable.example";
  variables["PIP_EXTRA_INDEX_URL"] = "https://a.example https://b.example";
  variables["PIP_NO_INDEX"] = "0";
  const Invocation invocation = translated({"pip", "install", "--extra-index-url", "https://c.example", "x"});
  EXPECT_EQ(invocation.shared.index_url, "https://variable.example");
  EXPECT_THAT(invocation.shared.extra_index_urls,
              ElementsAre("https://a.example", "https://b.example", "https://c.example"));
  EXPECT_FALSE(invocation.shared.no_index);
  EXPECT_EQ(translated({"pip", "install", "-i", "https://line.example", "x"}).shared.index_url,
            "https://line.example");
  EXPECT_THAT(invocation.warnings, IsEmpty());
}

TEST_F(PipConfigTest, WhatWouldHaveChangedTheAnswerIsNotIgnoredSilently) {
  variables["PIP_CONSTRAINT"] = "limits.txt";
  variables["PIP_NO_CACHE_DIR"] = "1";
  EXPECT_THAT(translated({"pip", "install", "x"}).warnings,
              ElementsAre(HasSubstr("PIP_CONSTRAINT is not obeyed")));
  EXPECT_THAT(translated({"pip", "install", "-c", "limits.txt", "x"}).warnings, IsEmpty());
  EXPECT_THAT(translated({"pip", "list"}).warnings, IsEmpty());
}

TEST_F(PipConfigTest, AProxyReachesTheNetworkAsAVariable) {
  translated({"pip", "--proxy", "http://proxy.example:3128", "install", "x"});
  EXPECT_EQ(variables["https_proxy"], "http://proxy.example:3128");
}

TEST_F(PipConfigTest, PythonNamesAnEnvironmentOrAnInterpreter) {
  write("env/pyvenv.cfg", "home = /usr/bin\n");
  write("env/bin/python", "");
  EXPECT_EQ(translated({"pip", "--python", "env", "list"}).shared.env, env.native());
  EXPECT_EQ(translated({"pip", "--python", "env/bin/python", "list"}).shared.env, env.native());
  EXPECT_EQ(translated({"pip", "--python", "3.11", "list"}).shared.python, "3.11");
  EXPECT_THROW(translated({"pip", "--python", "absent/bin/python", "list"}), Error);
}

}  // namespace
}  // namespace moat
