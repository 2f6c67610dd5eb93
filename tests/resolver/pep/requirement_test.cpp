#include "resolver/pep/requirement.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

std::string normal(std::string_view text) {
  const auto requirement = Requirement::parse(text);
  return requirement ? requirement->to_string() : "error: " + requirement.error().message;
}

TEST(Requirement, WritesTheNormalForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"foo", "foo"},
      {" Foo.Bar ", "foo-bar"},
      {"foo[]", "foo"},
      {"foo [ B_c , a ]", "foo[a,b-c]"},
      {"foo>=1,<2", "foo<2,>=1"},
      {"foo (>=1, <2)", "foo<2,>=1"},
      {"foo()", "foo"},
      {"foo>=1,", "foo>=1"},
      {"foo===1.0-x; os_name == 'nt'", "foo===1.0-x; os_name == \"nt\""},
      {"foo;python_version<'3'", "foo; python_version < \"3\""},
      {"foo@https://h/x.whl", "foo @ https://h/x.whl"},
      {"foo[a] @ git+https://h/x@v1#egg=y ; extra == 'z'",
       "foo[a] @ git+https://h/x@v1#egg=y ; extra == \"z\""},
      {"foo @ ./dir", "foo @ ./dir"},
      {"foo==1.* ; extra=='a'", "foo==1.*; extra == \"a\""}};
  for (const auto& [text, want] : cases) {
    EXPECT_EQ(normal(text), want) << text;
    EXPECT_EQ(normal(want), want);
  }
}

TEST(Requirement, AnythingMayFollowArbitraryEquality) {
  EXPECT_EQ(normal("foo=== =1'x"), "foo====1'x");
  EXPECT_EQ(normal("foo====1'x"), "foo====1'x");
}

TEST(Requirement, AUrlEndsAtABlank) {
  const Requirement requirement = Requirement::parse("name@http://x;python_version<\"3\"").value();
  EXPECT_EQ(requirement.url, "http://x;python_version<\"3\"");
  EXPECT_FALSE(requirement.marker);
  EXPECT_TRUE(Requirement::parse("name@http://x ;python_version<\"3\"").value().marker);
}

TEST(Requirement, KeepsTheSpellingForPeople) {
  const Requirement requirement = Requirement::parse("Foo.Bar[Test_X]").value();
  EXPECT_EQ(requirement.name.display(), "Foo.Bar");
  EXPECT_EQ(requirement.extras.begin()->display(), "Test_X");
  EXPECT_EQ(requirement, Requirement::parse("foo-bar[test-x]").value());
}

TEST(Requirement, RefusesWhatTheGrammarDoesNotHave) {
  for (const char* text : {"",
                           " ",
                           "-foo",
                           "foo-",
                           "foo bar",
                           "foo[a",
                           "foo[a,]",
                           "foo[,a]",
                           "foo[a b]",
                           "foo]",
                           "foo>=1<2",
                           "foo>=",
                           "foo 1.0",
                           "foo,>=1",
                           "foo>=1,,<2",
                           "foo(>=1",
                           "foo>=1)",
                           "foo[a][b]",
                           "foo;",
                           "foo; ",
                           "foo @",
                           "foo @ ; os_name == 'x'",
                           "foo @ http://x os_name",
                           "foo>=1 @ http://x",
                           "foo\n",
                           "foo>=1\n",
                           "foo=>1",
                           "foo=1",
                           "foo~=1",
                           "foo>=1.*",
                           "foo==1 ; python == '3'",
                           "foo>=1+x",
                           "f\xc3\xb6o",
                           "foo==\xef\xbc\x91",
                           "foo @ http://x\n",
                           "foo @ http://x\x01y",
                           "foo #c",
                           "foo>=1 # c"})
    EXPECT_FALSE(Requirement::parse(text)) << text;
}

TEST(Requirement, SaysWhereItWentWrong) {
  EXPECT_EQ(Requirement::parse("foo>=1, <x").error().offset, 9u);
  EXPECT_EQ(Requirement::parse("foo ; os_nam == 'x'").error().offset, 6u);
  EXPECT_EQ(Requirement::parse("foo>=1<2").error().offset, 6u);
}

TEST(Requirement, MendsWhatIsKnownToBeMisspelt) {
  const std::pair<const char*, const char*> cases[] = {
      {"elasticsearch-dsl (>=7.2.0<8.0.0)", "elasticsearch-dsl<8.0.0,>=7.2.0"},
      {"jupyter-core (!=~5.0,>=4.12)", "jupyter-core!=5.0.*,>=4.12"},
      {"foo>=1.9.*", "foo>=1.9"},
      {"foo (<2.*,>1.*)", "foo<2,>1"},
      {"foo>=2.7'", "foo>=2.7"},
      {"foo (>dev)", "foo>0.0.0.dev0"},
      {"foo!=3.0*", "foo!=3.0.*"},
      {"foo (>=9.0.0a1.0)", "foo>=9.0.0a1"},
      {"foo[x]> = 1.4.0;os_name=='nt'", "foo[x]>=1.4.0; os_name == \"nt\""},
      {"foo==1.0rc1.*", "foo==1.0rc1"},
      {"foo>=1!2.0<1!3.0", "foo<1!3.0,>=1!2.0"}};
  for (const auto& [text, want] : cases) {
    EXPECT_FALSE(Requirement::parse(text)) << text;
    const auto lenient = Requirement::parse_lenient(text);
    ASSERT_TRUE(lenient) << text << ": " << lenient.error().message;
    EXPECT_EQ(lenient->requirement.to_string(), want) << text;
    EXPECT_TRUE(lenient->mended) << text;
  }
  EXPECT_EQ(Requirement::parse_lenient("foo>=1<2").value().mended, "a comma was missing");
}

TEST(Requirement, LenientReadingMendsNothingElse) {
  EXPECT_EQ(Requirement::parse_lenient(" foo>=1\n").value().mended, std::nullopt);
  for (const char* text : {"foo bar", "foo>=x", "foo>=1 || <2", "foo[", "foo @ http://x y",
                           "foo; os_nam == 'x'", "foo=>1", "foo>=", "'foo'>=1", "foo>=1'; python_version<'3"})
    EXPECT_FALSE(Requirement::parse_lenient(text)) << text;
}

}  // namespace
}  // namespace moat
