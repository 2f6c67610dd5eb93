#include "resolver/files/requirement_line.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace moat {
namespace {

// "name @ url" of a requirement, "? @ url" where the name is to be learned.
std::string shown(const RequirementLine& line) {
  if (const auto* requirement = std::get_if<Requirement>(&line)) return requirement->to_string();
  const auto text = std::get<UnnamedSource>(line).named(*PackageName::parse("x")).to_string();
  return "?" + text.substr(1);
}

TEST(RequirementLine, PathsAndUrlsBecomeDirectReferences) {
  const std::string hash(64, 'a');
  const std::pair<std::string, std::string> cases[] = {
      {"foo>=1", "foo>=1"},
      {"./dist/Foo-1.0-py3-none-any.whl", "foo @ file:///w/dist/Foo-1.0-py3-none-any.whl"},
      {"../foo-1.0-py3-none-any.whl[x,y] ; os_name == 'nt'",
       "foo[x,y] @ file:///foo-1.0-py3-none-any.whl ; os_name == \"nt\""},
      {"foo-1.0-py3-none-any.whl", "foo @ file:///w/foo-1.0-py3-none-any.whl"},
      {"/a b/foo-1.0-py3-none-any.whl", "foo @ file:///a%20b/foo-1.0-py3-none-any.whl"},
      {"file:foo-1.0-py3-none-any.whl", "foo @ file:///w/foo-1.0-py3-none-any.whl"},
      {"https://h/x/foo-1.0-py3-none-any.whl#sha256=" + hash,
       "foo @ https://h/x/foo-1.0-py3-none-any.whl#sha256=" + hash},
      {"foo @ https://h/x/foo-1.0-py3-none-any.whl", "foo @ https://h/x/foo-1.0-py3-none-any.whl"},
      {"foo @ ./x/foo-1.0-py3-none-any.whl", "foo @ file:///w/x/foo-1.0-py3-none-any.whl"},
      {".", "? @ file:///w"},
      {"./", "? @ file:///w"},
      {".[dev]", "?[dev] @ file:///w"},
      {"./a/../tree/ [x] ; python_version > '3'", "?[x] @ file:///w/tree ; python_version > \"3\""},
      {"file:../tree", "? @ file:///tree"},
      {"foo @ file:./tree", "foo @ file:///w/tree"},
      {"file:///a/tree#egg=foo[x]", "foo[x] @ file:///a/tree#egg=foo"},
      {"./foo-1.0.tar.gz", "? @ file:///w/foo-1.0.tar.gz"},
      {"foo-1.0.zip[x]", "?[x] @ file:///w/foo-1.0.zip"},
      {"https://h/archive/v1.tar.gz", "? @ https://h/archive/v1.tar.gz"},
      {"git+https://h/o/foo.git@v1#egg=foo", "foo @ git+https://h/o/foo.git@v1#egg=foo"},
      {"git+ssh://git@h/o/foo.git ; os_name == 'nt'", "? @ git+ssh://git@h/o/foo.git ; os_name == \"nt\""},
      {"foo[x] @ git+https://h/o/foo.git@a/b#subdirectory=p",
       "foo[x] @ git+https://h/o/foo.git@a/b#subdirectory=p"},
      {"foo@git+https://h/o/foo.git", "foo @ git+https://h/o/foo.git"}};
  for (const auto& [text, want] : cases) {
    const auto line = parse_requirement_line(text, "/w");
    ASSERT_TRUE(line) << text << ": " << line.error().message;
    EXPECT_EQ(shown(*line), want) << text;
  }
}

TEST(RequirementLine, WhatCannotBeTakenSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"hg+https://h/x", "git only"},
      {"foo @ svn+https://h/x", "git only"},
      {"git+git@github.com:o/r.git", "git+ssh://"},
      {"git+http://h/x.git", "https, ssh and file only"},
      {"ftp://h/foo-1.0.tar.gz", "not from `ftp:`"},
      {"https://h/page.html", "neither a wheel nor a source archive"},
      {"bar @ https://h/foo-1.0-py3-none-any.whl", "not of `bar`"},
      {"bar @ git+https://h/x#egg=foo", "egg=foo"},
      {"./foo-1.0.tar.gz[a b]", "not an extra"},
      {"https://h/foo-1.0.tar.gz#sha256=00", "not a hash"},
      {"./foo-1.0.whl", "not the name of a wheel"}};
  for (const auto& [text, want] : cases) {
    const auto line = parse_requirement_line(text, "/w");
    ASSERT_FALSE(line) << text;
    EXPECT_NE(line.error().message.find(want), std::string::npos) << text << ": " << line.error().message;
  }
}

}  // namespace
}  // namespace moat
