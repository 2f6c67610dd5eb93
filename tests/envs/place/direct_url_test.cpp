#include "envs/place/direct_url.h"

#include <gtest/gtest.h>

#include <string>

namespace moat {
namespace {

const std::string kCommit(40, 'a');
const Digest kHash{"sha256", std::string(64, 'b')};

SourceUrl source(const std::string& text) { return SourceUrl::parse(text).value(); }

std::string text_of(const std::string& url, bool editable = false) {
  SourceUrl from = source(url);
  if (from.kind == SourceKind::Git) from.commit = kCommit;
  return DirectUrl::of(from, kHash, editable).to_text();
}

TEST(DirectUrl, IsWrittenAsTheStandardSays) {
  EXPECT_EQ(text_of("git+https://h/r.git@v1#subdirectory=a"),
            R"({"vcs_info":{"commit_id":")" + kCommit +
                R"(","requested_revision":"v1","vcs":"git"},"subdirectory":"a","url":"https://h/r.git"})");
  EXPECT_EQ(text_of("git+https://h/r.git"),
            R"({"vcs_info":{"commit_id":")" + kCommit + R"(","vcs":"git"},"url":"https://h/r.git"})");
  EXPECT_EQ(text_of("https://h/foo-1.0.tar.gz#sha256=" + kHash.hex),
            R"({"archive_info":{"hash":"sha256=)" + kHash.hex + R"(","hashes":{"sha256":")" + kHash.hex +
                R"("}},"url":"https://h/foo-1.0.tar.gz"})");
  EXPECT_EQ(text_of("file:///a/b"), R"({"dir_info":{},"url":"file:///a/b"})");
  EXPECT_EQ(text_of("file:///a/b", true), R"({"dir_info":{"editable":true},"url":"file:///a/b"})");
}

TEST(DirectUrl, CredentialsGoButForWhatIsNone) {
  const std::pair<const char*, const char*> cases[] = {
      {"https://me:secret@h/x.tar.gz", "https://h/x.tar.gz"},
      {"https://token@h/x.tar.gz", "https://h/x.tar.gz"},
      {"https://me:p@ss@h/x.tar.gz", "https://h/x.tar.gz"},
      {"https://${USER}:${PASS_1}@h/x.tar.gz", "https://${USER}:${PASS_1}@h/x.tar.gz"},
      {"https://${TOKEN}@h/x.tar.gz", "https://${TOKEN}@h/x.tar.gz"},
      {"https://me:${PASS}@h/x.tar.gz", "https://h/x.tar.gz"},
      {"ssh://git@h/r.git", "ssh://git@h/r.git"}};
  for (const auto& [url, want] : cases) EXPECT_EQ(without_secrets(*Url::parse(url)).to_string(), want);
}

TEST(DirectUrl, ReadsWhatOtherToolsWrite) {
  const auto old = DirectUrl::parse(R"({"url": "https://h/f.tar.gz", "archive_info": {"hash": "sha256=)" +
                                    kHash.hex + "\"}}");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->reference(), "https://h/f.tar.gz#sha256=" + kHash.hex);
  const auto folder = DirectUrl::parse(R"({"url": "file:///a", "dir_info": {"editable": true}})");
  ASSERT_TRUE(folder);
  EXPECT_TRUE(folder->editable);
  for (const char* text : {"", "[]", "{}", R"({"url": 1, "dir_info": {}})", R"({"url": "file:///a"})", "{"})
    EXPECT_FALSE(DirectUrl::parse(text)) << text;
}

TEST(DirectUrl, AFrozenLineMeansTheSameAgain) {
  const PackageName name = PackageName::parse("Foo").value();
  SourceUrl git = source("git+ssh://git@h/r.git@main#subdirectory=a b");
  git.commit = kCommit;
  EXPECT_EQ(frozen_line(name, DirectUrl::of(git, {}, false)),
            "Foo @ git+ssh://git@h/r.git@" + kCommit + "#subdirectory=a%20b");
  EXPECT_EQ(frozen_line(name, DirectUrl::of(source("file:///a%20b/c"), {}, true)), "-e file:///a%20b/c");
  EXPECT_EQ(frozen_line(name, DirectUrl::of(source("file:///a/c"), {}, true)), "-e /a/c");
  EXPECT_EQ(frozen_line(name, DirectUrl::of(source("file:///a/c"), {}, false)), "Foo @ file:///a/c");
}

}  // namespace
}  // namespace moat
