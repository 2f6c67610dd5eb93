#include "cli/settings/settings.h"

#include "cli/settings/index_list.h"
#include "fetch/os/file.h"
#include "resolver/solve/fold_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr UnixTime kNow = 1'750'000'000;

struct SettingsTest : ::testing::Test {
  TempDir folder{fs::temp_directory_path(), "settings"};
  fs::path work = folder.path() / "work";
  Variables variables{{"HOME", (folder.path() / "home").native()}};

  SettingsTest() {
    fs::create_directories(work);
    fs::create_directories(folder.path() / "home" / ".config" / "moat");
  }
  void write(const fs::path& path, const std::string& text) const {
    write_file_atomically(folder.path() / path, text);
  }
  Settings settings(const std::vector<std::string>& words) const {
    return make_settings(std::get<Invocation>(parse_arguments(words)), variables, work, kNow);
  }
  std::string refusal(const std::vector<std::string>& words) {
    try {
      settings(words);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(SettingsTest, AFlagBeatsAVariableBeatsTheProjectBeatsTheUsersFile) {
  write("home/.config/moat/config.toml", "index-url = \"https://user.example\"\n");
  EXPECT_EQ(settings({"install", "x"}).index_url, "https://user.example");
  write("work/pyproject.toml", "[tool.moat]\nindex-url = \"https://project.example\"\n");
  EXPECT_EQ(settings({"install", "x"}).index_url, "https://project.example");
  variables["MOAT_INDEX_URL"] = "https://variable.example";
  EXPECT_EQ(settings({"install", "x"}).index_url, "https://variable.example");
  EXPECT_EQ(settings({"install", "x", "-i", "https://flag.example"}).index_url, "https://flag.example");
  variables.erase("MOAT_INDEX_URL");
  EXPECT_EQ(settings({"install", "x", "--no-config"}).index_url, std::nullopt);
}

TEST_F(SettingsTest, TheProjectIsFoundUpwardsAndWithProject) {
  write("work/pyproject.toml", "[tool.moat]\nlink-mode = \"copy\"\n");
  fs::create_directories(work / "a" / "b");
  work = work / "a" / "b";
  EXPECT_EQ(settings({"list"}).link_mode, LinkMode::Copy);
  work = folder.path();
  EXPECT_EQ(settings({"list"}).link_mode, LinkMode::Auto);
  EXPECT_EQ(settings({"list", "--project", "work/a"}).link_mode, LinkMode::Copy);
}

TEST_F(SettingsTest, FoldersFollowTheXdgVariablesAndMoatHomeIsForAll) {
  EXPECT_EQ(settings({"list"}).store_dir, folder.path() / "home/.cache/moat");
  EXPECT_EQ(settings({"list"}).data_dir, folder.path() / "home/.local/share/moat");
  EXPECT_EQ(settings({"list"}).bin_dir, folder.path() / "home/.local/bin");
  variables["XDG_CACHE_HOME"] = "/c";
  variables["XDG_DATA_HOME"] = "/d";
  EXPECT_EQ(settings({"list"}).store_dir, "/c/moat");
  EXPECT_EQ(settings({"list"}).data_dir, "/d/moat");
  variables["MOAT_HOME"] = "/m";
  EXPECT_EQ(settings({"list"}).store_dir, "/m/store");
  EXPECT_EQ(settings({"list"}).data_dir, "/m/data");
  variables["MOAT_STORE_DIR"] = "/s";
  EXPECT_EQ(settings({"list"}).store_dir, "/s");
  EXPECT_EQ(settings({"list", "--store-dir", "mine"}).store_dir, work / "mine");
}

TEST_F(SettingsTest, ABadValueIsToldWithWhereItStands) {
  EXPECT_THAT(refusal({"install", "x", "--link-mode", "fast"}),
              HasSubstr("--link-mode: `fast` must be one of: auto, clone"));
  EXPECT_THAT(refusal({"install", "x", "--exclude-newer", "soon"}),
              HasSubstr("`soon` is not a valid date or age"));
  variables["MOAT_OFFLINE"] = "maybe";
  EXPECT_THAT(refusal({"list"}), HasSubstr("MOAT_OFFLINE must be 1 or 0"));
  variables.erase("MOAT_OFFLINE");
  write("work/pyproject.toml", "[tool.moat]\n\npre = \"yes\"\n");
  EXPECT_THAT(refusal({"list"}), HasSubstr("work/pyproject.toml:3 must be true or false"));
  write("work/pyproject.toml", "[tool.moat\n");
  EXPECT_THAT(refusal({"list"}), HasSubstr("work/pyproject.toml: "));
}

TEST_F(SettingsTest, EachSettingIsReadAsTheKindItIsToldToBe) {
  for (const std::string& name : setting_names()) {
    const SettingKind kind = *setting_kind(name);
    if (name == "compile") continue;  // true and false are what it took before it had names
    const std::string wrong = kind == SettingKind::Flag ? "\"true\"" : "true";
    EXPECT_THROW(check_settings(name + " = " + wrong + "\n", "config.toml"), Error) << name;
    if (kind == SettingKind::Flag) {
      EXPECT_NO_THROW(check_settings(name + " = true\n", "config.toml")) << name;
    }
  }
}

TEST_F(SettingsTest, TheWayToTheNetworkIsASettingToo) {
  using std::chrono::seconds;
  EXPECT_EQ(settings({"list"}).timeout, std::nullopt);
  write("home/.config/moat/config.toml", "proxy = \"http://proxy.example:3128\"\ntimeout = 5\nretries = 0\n");
  variables["https_proxy"] = "http://other.example";
  Settings told = settings({"list"});
  EXPECT_EQ(told.variables["https_proxy"], "http://proxy.example:3128");
  EXPECT_EQ(told.timeout, seconds(5));
  EXPECT_EQ(told.retries, 0);
  variables["MOAT_TIMEOUT"] = "90";
  EXPECT_EQ(settings({"list"}).timeout, seconds(90));
  for (const char* wrong : {"0", "-1", "1.5", "soon", "1000001"}) {
    variables["MOAT_TIMEOUT"] = wrong;
    EXPECT_THAT(refusal({"list"}), HasSubstr("MOAT_TIMEOUT")) << wrong;
  }
  variables.erase("MOAT_TIMEOUT");
  write("home/.config/moat/config.toml", "\nretries = \"3\"\n");
  EXPECT_THAT(refusal({"list"}), HasSubstr("config.toml:2 must be a number"));
}

TEST_F(SettingsTest, AProjectSetsWhatItsCodeNeedsAndNoMore) {
  const std::set<std::string> allowed = {
      "allow-licences", "audit-ignore", "deny-licences",  "all-releases",  "build-constraint",
      "build-env",      "compile",      "default-groups", "exclude-newer", "extra-index-url",
      "find-links",     "fork",         "index",          "index-url",     "link-mode",
      "index-strategy", "no-binary",    "no-build",       "no-index",      "no-vulnerable",
      "only-binary",    "only-final",   "pins",           "pre",           "python",
      "resolution",     "strict-files", "targets",        "window"};
  for (const std::string& name : setting_names())
    EXPECT_EQ(project_may(name) != ProjectMay::NotSet, allowed.count(name) != 0) << name;
  write("work/pyproject.toml", "[tool.moat]\nproxy = \"http://evil.example\"\noffline = true\n");
  const Settings told = settings({"list"});
  EXPECT_FALSE(told.offline);
  EXPECT_EQ(told.variables.count("https_proxy"), 0U);
  EXPECT_THAT(told.warnings,
              ElementsAre(HasSubstr("`offline` in"), HasSubstr("pyproject.toml:2 has no effect")));
}

TEST_F(SettingsTest, AProjectForbidsAndDoesNotPermit) {
  write("home/.config/moat/config.toml", "no-build = true\n");
  write("work/pyproject.toml", "[tool.moat]\nno-build = false\nno-index = true\n");
  EXPECT_TRUE(settings({"list"}).no_build);
  EXPECT_TRUE(settings({"list"}).no_index);
  EXPECT_THAT(settings({"list"}).warnings, ElementsAre(HasSubstr("`no-build` in")));
}

TEST_F(SettingsTest, VariablesOfBuildsAddUp) {
  write("home/.config/moat/config.toml", "build-env = [\"MODE\", \"A=user\"]\n");
  write("work/pyproject.toml", "[tool.moat]\nbuild-env = [\"A=project\"]\n");
  EXPECT_THAT(settings({"install", "x", "--build-env", "A=flag"}).build_env,
              ElementsAre("MODE", "A=user", "A=project", "A=flag"));
  write("work/pyproject.toml", "[tool.moat]\nbuild-env = [\"TOKEN\"]\n");
  EXPECT_THAT(settings({"install", "x"}).build_env, ElementsAre("MODE", "A=user"));
}

TEST_F(SettingsTest, TheWindowIsAYearUnlessToldOtherwise) {
  using std::chrono::hours;
  EXPECT_EQ(settings({"lock"}).window, hours(365 * 24));
  EXPECT_EQ(settings({"lock", "--window", "90d"}).window, hours(90 * 24));
  EXPECT_EQ(settings({"lock", "--window", "52w"}).window, hours(52 * 7 * 24));
  EXPECT_EQ(settings({"lock", "--window", "2Y"}).window, hours(2 * 365 * 24));
  EXPECT_EQ(settings({"lock", "--window", "off"}).window, std::nullopt);
  variables["MOAT_WINDOW"] = "off";
  EXPECT_EQ(settings({"lock"}).window, std::nullopt);
  EXPECT_EQ(settings({"lock", "--window", "1y"}).window, hours(365 * 24));
  EXPECT_THAT(refusal({"lock", "--window", "0d"}), HasSubstr("--window: `0d` is not a valid duration"));
  variables["MOAT_WINDOW"] = "2025-01-01";
  EXPECT_THAT(refusal({"lock"}), HasSubstr("MOAT_WINDOW: `2025-01-01` is not a valid duration"));
}

TEST_F(SettingsTest, AnUnknownSettingIsAWarningWithTheNearestName) {
  write("work/pyproject.toml", "[tool.moat]\nindex_url = \"https://x.example\"\n");
  EXPECT_THAT(settings({"list"}).warnings,
              ElementsAre(HasSubstr(
                  "pyproject.toml:2 sets `index_url`, which is not a setting; did you mean `index-url`?")));
}

TEST_F(SettingsTest, IndexesAreAskedInTheOrderOfTheReference) {
  const IndexList list =
      index_list(settings({"install", "x", "--extra-index-url", "https://extra.example", "-i",
                           "https://last.example", "--index", "in=https://first.example", "-f", "wheels"}));
  std::vector<std::string> hosts;
  for (const Index& index : list.indexes) hosts.push_back(index.url.host());
  EXPECT_THAT(hosts, ElementsAre("first.example", "extra.example", "last.example"));
  EXPECT_EQ(list.indexes.front().name, "in");
  EXPECT_THAT(list.find_links, ElementsAre((work / "wheels").native()));
  EXPECT_TRUE(index_list(settings({"install", "x", "--no-index"})).indexes.empty());
  EXPECT_EQ(index_list(settings({"install", "x", "-i", "simple"})).indexes.back().url.file_path(),
            (work / "simple").native());
}

TEST_F(SettingsTest, WhatARequirementsFileSaysOfIndexesJoinsAndTheUserWins) {
  const RequirementsOptions file{.index_url = "https://file.example",
                                 .extra_index_urls = {"https://more.example"}};
  EXPECT_EQ(index_list(settings({"install", "x"}), file).indexes.back().url.host(), "file.example");
  const IndexList list = index_list(settings({"install", "x", "-i", "https://user.example"}), file);
  EXPECT_EQ(list.indexes.front().url.host(), "more.example");
  EXPECT_EQ(list.indexes.back().url.host(), "user.example");
}

TEST_F(SettingsTest, ANamedPackageCountsMoreThanAllOfThem) {
  write("work/pyproject.toml", "[tool.moat]\nonly-binary = [\":all:\"]\nno-binary = [\"foo\"]\n");
  const BinaryPolicy policy = fold_binary(settings({"install", "x"}).binary);
  EXPECT_FALSE(policy.wheels(*PackageName::parse("foo")));
  EXPECT_FALSE(policy.sdists(*PackageName::parse("bar")));
  EXPECT_TRUE(fold_binary(settings({"install", "x", "--only-binary", "foo"}).binary)
                  .wheels(*PackageName::parse("foo")));
}

TEST(FoldBinary, LaterWordsOverrideAndNoneEmpties) {
  const auto name = [](const char* text) { return *PackageName::parse(text); };
  BinaryPolicy policy =
      fold_binary({{"only-binary", ":all:"}, {"no-binary", "Foo_Bar,baz"}, {"only-binary", "baz"}});
  EXPECT_FALSE(policy.sdists(name("other")));
  EXPECT_TRUE(policy.wheels(name("other")));
  EXPECT_FALSE(policy.wheels(name("foo-bar")));
  EXPECT_TRUE(policy.sdists(name("foo-bar")));
  EXPECT_TRUE(policy.wheels(name("baz")));
  EXPECT_FALSE(policy.sdists(name("baz")));
  policy = fold_binary({{"no-binary", ":all:"}, {"no-binary", ":none:"}});
  EXPECT_TRUE(policy.wheels(name("other")));
  EXPECT_THROW(fold_binary({{"no-binary", "not a name"}}), Error);
}

}  // namespace
}  // namespace moat
