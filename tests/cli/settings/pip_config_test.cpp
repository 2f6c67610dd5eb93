#include "cli/settings/pip_config.h"

#include "cli/pip/translate.h"
#include "cli/settings/pip_import.h"
#include "cli/settings/setting_layers.h"
#include "fetch/os/file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct PipConfigTest : ::testing::Test {
  TempDir folder{fs::temp_directory_path(), "pip-config"};
  fs::path home = folder.path() / "home";
  fs::path env = folder.path() / "env";
  // Nothing of this machine's own configuration.
  Variables variables{{"HOME", home.native()}, {"XDG_CONFIG_DIRS", (folder.path() / "system").native()}};

  void write(const fs::path& path, const std::string& text) const {
    fs::create_directories((folder.path() / path).parent_path());
    write_file_atomically(folder.path() / path, text);
  }
  std::string value(const std::string& command, const std::string& key, bool isolated = false) const {
    for (const PipSetting& setting :
         pip_settings_for(command, read_pip_settings(variables, home, env, isolated)))
      if (setting.key == key) return setting.value;
    return "";
  }
  Invocation translated(const std::vector<std::string>& words) const {
    Invocation invocation = std::get<Invocation>(parse_arguments(words));
    translate_pip(invocation, variables, folder.path());
    return invocation;
  }
};

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
  const Invocation invocation = translated({"pip", "--proxy", "http://proxy.example:3128", "install", "x"});
  Variables seen = make_settings(invocation, variables, folder.path(), 0).variables;
  EXPECT_EQ(seen["https_proxy"], "http://proxy.example:3128");
}

TEST_F(PipConfigTest, WaitsAndTriesAgainAsToldInPipsUnits) {
  variables["PIP_TIMEOUT"] = "0.5";
  variables["PIP_RETRIES"] = "0";
  Settings settings = make_settings(translated({"pip", "list"}), variables, folder.path(), 0);
  EXPECT_EQ(settings.timeout, std::chrono::seconds(1));
  EXPECT_EQ(settings.retries, 0);
  settings = make_settings(translated({"pip", "list", "--timeout", "15", "--retries", "7"}), variables,
                           folder.path(), 0);
  EXPECT_EQ(settings.timeout, std::chrono::seconds(15));
  EXPECT_EQ(settings.retries, 7);
  EXPECT_THROW(make_settings(translated({"pip", "list", "--timeout", "soon"}), variables, folder.path(), 0),
               Error);
}

TEST_F(PipConfigTest, PythonNamesAnEnvironmentOrAnInterpreter) {
  write("env/pyvenv.cfg", "home = /usr/bin\n");
  write("env/bin/python", "");
  EXPECT_EQ(translated({"pip", "--python", "env", "list"}).shared.env, env.native());
  EXPECT_EQ(translated({"pip", "--python", "env/bin/python", "list"}).shared.env, env.native());
  EXPECT_EQ(translated({"pip", "--python", "3.11", "list"}).shared.python, "3.11");
  EXPECT_THROW(translated({"pip", "--python", "absent/bin/python", "list"}), Error);
}

// "index-url=https://x" of what was taken, "timeout: why" of what was left.
std::pair<std::vector<std::string>, std::vector<std::string>> imported(const std::vector<PipSetting>& all) {
  std::pair<std::vector<std::string>, std::vector<std::string>> out;
  const PipImport import = import_pip_settings(all, "/home/me");
  for (const auto& [pip, moat] : import.taken) {
    EXPECT_TRUE(setting_kind(moat.name)) << moat.name;
    out.first.push_back(moat.name + "=" + fmt::format("{}", fmt::join(moat.values, "|")));
  }
  for (const auto& [pip, why] : import.left) out.second.push_back(pip.key + ": " + why);
  return out;
}

TEST(PipImport, PutsPipsValuesIntoMoatsWords) {
  const auto [taken, left] = imported({{"global", "index-url", "https://x.example", "f:1"},
                                       {"global", "extra-index-url", "https://a\nhttps://b", "f:2"},
                                       {"global", "find-links", "~/wheels /more", "f:3"},
                                       {"global", "cert", "~/ca.pem", "f:4"},
                                       {"global", "only-binary", ":all:", "f:5"},
                                       {"install", "no-binary", "a,b", "f:6"},
                                       {"", "pre", "y", "PIP_PRE"},
                                       {"", "no-input", "0", "PIP_NO_INPUT"},
                                       {"", "timeout", "60", "PIP_TIMEOUT"},
                                       {"", "uploaded-prior-to", "P3D", "PIP_UPLOADED_PRIOR_TO"}});
  EXPECT_THAT(taken, ElementsAre("index-url=https://x.example", "extra-index-url=https://a|https://b",
                                 "find-links=/home/me/wheels|/more", "cert=/home/me/ca.pem",
                                 "only-binary=:all:", "no-binary=a|b", "pre=true", "no-input=false",
                                 "timeout=60", "exclude-newer=P3D"));
  EXPECT_THAT(left, IsEmpty());
}

TEST(PipImport, TellsOfEachSettingThatStaysWhy) {
  const auto [taken, left] = imported({{"global", "index-url", "https://x.example", "f:1"},
                                       {"install", "index-url", "https://y.example", "f:2"},
                                       {"download", "pre", "yes", "f:3"},
                                       {"global", "no-build-isolation", "yes", "f:4"},
                                       {"", "prefer-binary", "1", "PIP_PREFER_BINARY"},
                                       {"", "config-file", "f", "PIP_CONFIG_FILE"},
                                       {"", "find-links", "https://me:pw@z.example", "PIP_FIND_LINKS"}});
  EXPECT_THAT(taken, ElementsAre("index-url=https://y.example"));
  EXPECT_THAT(
      left, ElementsAre("index-url: f:2 counts more", "pre: it is for `pip download` only",
                        HasSubstr("pip reads `yes` as `no` here"), "prefer-binary: moat has no such setting",
                        HasSubstr("`MOAT_FIND_LINKS` in place of it")));
  EXPECT_THROW(imported({{"global", "pre", "maybe", "f:1"}}), Error);
}

}  // namespace
}  // namespace moat
