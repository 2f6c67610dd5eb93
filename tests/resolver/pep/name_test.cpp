#include "resolver/pep/name.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

TEST(Name, NormalizesAndRemembersHowItWasWritten) {
  const PackageName name = PackageName::parse("Foo._-Bar.baz").value();
  EXPECT_EQ(name.normalized(), "foo-bar-baz");
  EXPECT_EQ(name.display(), "Foo._-Bar.baz");
  EXPECT_EQ(name.escaped(), "foo_bar_baz");
  EXPECT_EQ(name, PackageName::parse("foo-bar_BAZ").value());
  EXPECT_EQ(std::hash<PackageName>()(name),
            std::hash<PackageName>()(PackageName::parse("foo.bar.baz").value()));
}

TEST(Name, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", "-a", "a-", "_a", "a.", "foo\n", "foo bar", "ſoo", "fo\xc3\xa9", "a/b", " a", "."})
    EXPECT_FALSE(PackageName::parse(text)) << text;
  EXPECT_FALSE(is_valid_name(std::string_view("a\0b", 3)));
  for (const char* text : {"a", "0", "A1", "a.b-c_d", "a--b"}) EXPECT_TRUE(is_valid_name(text)) << text;
}

}  // namespace
}  // namespace moat
