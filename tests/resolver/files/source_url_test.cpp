#include "resolver/files/source_url.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace moat {
namespace {

SourceUrl source(const std::string& text) {
  auto parsed = SourceUrl::parse(text);
  EXPECT_TRUE(parsed) << text << ": " << parsed.error().message;
  return parsed ? std::move(*parsed) : SourceUrl();
}

TEST(SourceUrl, TakesGitApart) {
  const SourceUrl git =
      source("git+https://me:secret@h:8443/o/r.git@feature/x%23y#subdirectory=a//b/.&egg=Foo[x,y]");
  EXPECT_EQ(git.kind, SourceKind::Git);
  EXPECT_EQ(git.url.to_string(), "https://me:secret@h:8443/o/r.git");
  EXPECT_EQ(git.revision, "feature/x#y");
  EXPECT_EQ(git.subdirectory, "a/b");
  EXPECT_EQ(git.name->display(), "Foo");
  EXPECT_EQ(git.extras.size(), 2U);
  EXPECT_EQ(git.display().find("secret"), std::string::npos);
}

TEST(SourceUrl, AUserBeforeTheHostIsNoRevision) {
  EXPECT_EQ(source("git+ssh://git@h/o/r.git").revision, "");
  EXPECT_EQ(source("git+ssh://git@h/o/r.git@v1").revision, "v1");
  EXPECT_EQ(source("git+file:///tmp/r@0123456").url.to_string(), "file:///tmp/r");
  EXPECT_EQ(source("git+file:/tmp/r@0123456").url.to_string(), "file:///tmp/r");
  EXPECT_EQ(source("file:/tmp/r").url.to_string(), "file:///tmp/r");
}

TEST(SourceUrl, ATagMayHoldWhatSeparates) {
  for (const char* text : {"git+https://h/r.git@pkg%401.0", "git+https://h/r.git@a%23b#subdirectory=a",
                           "git+https://h/r.git@a%2540"}) {
    const SourceUrl source = SourceUrl::parse(text).value();
    EXPECT_EQ(source.url.to_string(), "https://h/r.git");
    EXPECT_EQ(pinned_text(source), text);
    EXPECT_EQ(source.display(), text);
  }
}

TEST(SourceUrl, ThePinnedTextHoldsTheCommit) {
  SourceUrl git = source("git+https://h/r.git@main#subdirectory=a&egg=foo");
  git.commit = std::string(40, 'a');
  EXPECT_EQ(pinned_text(git), "git+https://h/r.git@" + git.commit + "#subdirectory=a");
}

TEST(SourceUrl, OneThingHasManySpellings) {
  const std::string sha(64, 'a');
  const std::vector<std::pair<std::string, std::string>> equal = {
      {"https://h/foo-1.0-py3-none-any.whl", "https://h/foo-1.0-py3-none-any.whl#egg=foo"},
      {"https://h/foo-1.0-py3-none-any.whl", "https://me:secret@H/foo-1.0-py3-none-any.whl"},
      {"https://h/foo-1.0.tar.gz#sha256=" + sha + "&egg=foo",
       "https://h/foo-1.0.tar.gz#egg=foo&sha256=" + std::string(64, 'A')},
      {"git+https://h/r.git@v1#subdirectory=a&egg=x", "git+https://u@h/r.git@v1#egg=x&subdirectory=a/"},
      {"file:///a/foo", "file://localhost/a/foo"},
      {"no url", "no url"}};
  for (const auto& [a, b] : equal) EXPECT_TRUE(same_reference(a, b)) << a << " " << b;
  const std::vector<std::pair<std::string, std::string>> different = {
      {"https://h/foo-1.0-py3-none-any.whl", "http://h/foo-1.0-py3-none-any.whl"},
      {"https://h/foo-1.0-py3-none-any.whl?x=1", "https://h/foo-1.0-py3-none-any.whl?x=2"},
      {"https://h/foo-1.0.tar.gz", "https://h/foo-1.0.tar.gz#sha256=" + sha},
      {"https://h/foo-1.0.tar.gz#subdirectory=a", "https://h/foo-1.0.tar.gz#subdirectory=b"},
      {"git+https://h/r.git@v1", "git+https://h/r.git@v2"},
      {"git+https://h/r.git@v1", "git+https://h/r.git"},
      {"no url", "another"}};
  for (const auto& [a, b] : different) EXPECT_FALSE(same_reference(a, b)) << a << " " << b;
}

TEST(SourceUrl, KindsByTheirNames) {
  EXPECT_EQ(source("https://h/foo-1.0-py3-none-any.whl").kind, SourceKind::Wheel);
  EXPECT_EQ(source("https://h/foo-1.0.tar.xz?token=1").kind, SourceKind::Archive);
  EXPECT_EQ(source("file:///a/foo").kind, SourceKind::Directory);
  EXPECT_EQ(source("file:///a/foo-1.0.tar.gz").kind, SourceKind::Archive);
}

TEST(SourceUrl, NothingBecomesAnOptionOrLeavesTheTree) {
  for (const char* text :
       {"git+https://h/r.git@--upload-pack=x", "git+https://h/r.git@", "git+https://h/r.git@a..b",
        "git+https://h/r.git@a%20b", "git+https://h/r.git@a%0Ab", "git+ssh://-oProxyCommand=x/r",
        "git+ssh://%2DoProxyCommand=x@h/r", "git+ext://sh -c x", "git+ext::sh", "git+https://h", "git+r.git",
        "git+https://h/r.git#subdirectory=../x", "git+https://h/r.git#subdirectory=%2e%2e/x",
        "https://h/foo-1.0.tar.gz#subdirectory=/etc", "git+https://h/r#egg=-x"})
    EXPECT_FALSE(SourceUrl::parse(text)) << text;
}

}  // namespace
}  // namespace moat
