#include "resolver/files/toml.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

TEST(Toml, ReadsEveryKindOfValueWithItsLine) {
  const TomlTable table =
      parse_toml("a = \"x\"\nb = 3\nc = true\nd = [1, 2]\n[e.f]\ng = 1979-05-27T07:32:00+01:00\n").value();
  EXPECT_EQ(*find_key(table, "a")->string(), "x");
  EXPECT_EQ(*find_key(table, "b")->integer(), 3);
  EXPECT_EQ(find_key(table, "b")->line, 2U);
  EXPECT_TRUE(*find_key(table, "c")->boolean());
  EXPECT_EQ(find_key(table, "d")->array()->size(), 2U);
  const TomlValue* when = find_path(table, {"e", "f", "g"});
  ASSERT_NE(when, nullptr);
  EXPECT_EQ(when->datetime()->unix_seconds, 296634720);
  EXPECT_TRUE(when->datetime()->has_offset);
  EXPECT_EQ(find_path(table, {"a", "b"}), nullptr);
}

TEST(Toml, SaysWhereItBreaks) {
  const Expected<TomlTable> broken = parse_toml("a = 1\nb = = 2\n");
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("(line 2, column"), std::string::npos) << broken.error().message;
}

TEST(Toml, KeysWithoutEndAreRefused) {
  std::string chain = "a";
  for (int i = 0; i < 100'000; ++i) chain += ".a";
  EXPECT_FALSE(parse_toml(chain + " = 1\n"));
  EXPECT_FALSE(parse_toml("[" + chain + "]\n"));
  EXPECT_FALSE(parse_toml("x = {" + chain + " = 1}\n"));
  EXPECT_TRUE(parse_toml("x = '" + chain + "' # " + chain + "\n"));
  const std::string quotes(3, '"');
  EXPECT_TRUE(
      parse_toml("x = " + quotes + "\n" + chain + "\\\"\n" + quotes + "\ny = '''\n" + chain + "'''\n"));
}

TEST(Toml, QuotedTextComesBack) {
  for (const std::string text :
       {"plain", "with \"quotes\" and \\", "line\nbreak\ttab", "\x01\x7f", "ä€😀", ""}) {
    const Expected<TomlTable> table = parse_toml("key = " + toml_quote(text));
    ASSERT_TRUE(table) << toml_quote(text);
    EXPECT_EQ(*find_key(*table, "key")->string(), text);
  }
}

TEST(Toml, TimesComeBack) {
  for (const std::int64_t seconds : {0L, 951782400L, 1735689599L, 4102444800L}) {
    const TomlTable table = parse_toml("t = " + toml_datetime(seconds)).value();
    EXPECT_EQ(find_key(table, "t")->datetime()->unix_seconds, seconds) << toml_datetime(seconds);
  }
}

}  // namespace
}  // namespace moat
