#include "cli/settings/user_config.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

std::string set(std::string_view text, std::string_view name, const std::optional<std::string>& value) {
  const Expected<std::string> out = with_setting(text, name, value);
  return out ? *out : "error: " + out.error().message;
}

TEST(UserConfig, OnlyTheLineOfTheSettingChanges) {
  const std::string text =
      "# mine\npre = true\nfind-links = [\n  \"a\",  # one\n  \"b\",\n]\n\n[pins]\nx = \"y\"\n";
  EXPECT_EQ(set(text, "pre", "false"),
            "# mine\npre = false\nfind-links = [\n  \"a\",  # one\n  \"b\",\n]\n\n[pins]\nx = \"y\"\n");
  EXPECT_EQ(set(text, "find-links", "[\"c\"]"),
            "# mine\npre = true\nfind-links = [\"c\"]\n\n[pins]\nx = \"y\"\n");
  EXPECT_EQ(set(text, "find-links", std::nullopt), "# mine\npre = true\n\n[pins]\nx = \"y\"\n");
  EXPECT_EQ(set(text, "offline", std::nullopt), text);
}

TEST(UserConfig, ANewSettingStandsBeforeTheTables) {
  EXPECT_EQ(set("", "pre", "true"), "pre = true\n");
  EXPECT_EQ(set("# no end", "pre", "true"), "# no end\npre = true\n");
  EXPECT_EQ(set("a = 1\n[pins]\nx = \"y\"\n", "pre", "true"), "a = 1\npre = true\n[pins]\nx = \"y\"\n");
  EXPECT_EQ(set("a = [\n[1],\n]\n[pins]\n", "pre", "true"), "a = [\n[1],\n]\npre = true\n[pins]\n");
  EXPECT_EQ(set("a = \"\"\"\n[x]\n\"\"\"\n", "pre", "true"), "a = \"\"\"\n[x]\n\"\"\"\npre = true\n");
  EXPECT_EQ(set("a = ", "pre", "true").substr(0, 6), "error:");
}

}  // namespace
}  // namespace moat
