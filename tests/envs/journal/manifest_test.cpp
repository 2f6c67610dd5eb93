#include "envs/journal/manifest.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

const std::string kHash(64, 'a');

Manifest sample() {
  Manifest manifest;
  manifest.state = 7;
  manifest.runtime = "3.11.7-0123456789abcdef";
  manifest.packages = {{"zope", "1.0", kHash, false, "https://a.example/simple/"},
                       {"attrs", "23.1", "", true}};
  manifest.entries = {{"lib/x y.py", kHash, 12, 0644, "attrs"},
                      {"bin/python", kHash, 0, 0755, ""},
                      {"lib/odd\nname\\", kHash, 3, 0120777, ""}};
  manifest.requests = {{"zope", false, "command", "moat pip install zope", "zope"},
                       {"attrs", true, "file", "/a b\\c.txt", "attrs >=23 ; python_version>'3'"}};
  manifest.others = {{"lib/x y.py", kHash, 13, 0644, "zope"}, {"lib/x y.py", kHash, 12, 0644, "six"}};
  return manifest;
}

TEST(Manifest, IsWrittenSortedAndReadBack) {
  const std::string text = format_manifest(sample());
  EXPECT_EQ(text,
            "moat-manifest 2\nstate 7\nruntime 3.11.7-0123456789abcdef\n"
            "package attrs 23.1 - requested\npackage zope 1.0 " +
                kHash +
                " - https://a.example/simple/\n"
                "request attrs moat file /a\\sb\\\\c.txt attrs >=23 ; python_version>'3'\n"
                "request zope pip command moat\\spip\\sinstall\\szope zope\n"
                "file " +
                kHash +
                " 0 755 - bin/python\n"
                "file " +
                kHash +
                " 3 120777 - lib/odd\\nname\\\\\n"
                "file " +
                kHash +
                " 12 644 attrs lib/x y.py\n"
                "other " +
                kHash +
                " 12 644 six lib/x y.py\n"
                "other " +
                kHash + " 13 644 zope lib/x y.py\n");
  const auto manifest = parse_manifest(text);
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->entries.at(1).path, "lib/odd\nname\\");
  EXPECT_EQ(manifest->entries.at(1).mode, 0120777U);
  EXPECT_EQ(manifest->entries.at(2).owner, "attrs");
  EXPECT_TRUE(manifest->packages.at(0).requested);
  EXPECT_EQ(manifest->packages.at(0).index, "");
  EXPECT_EQ(manifest->packages.at(1).index, "https://a.example/simple/");
  EXPECT_EQ(manifest->requests.at(0).origin, "/a b\\c.txt");
  EXPECT_EQ(manifest->requests.at(0).requirement, "attrs >=23 ; python_version>'3'");
  EXPECT_FALSE(manifest->requests.at(1).binding);
  EXPECT_EQ(manifest->others.at(1).owner, "zope");
  EXPECT_EQ(format_manifest(*manifest), text);
}

TEST(Manifest, CanBeReadWithoutItsFiles) {
  Manifest manifest{.state = 7, .runtime = "3.11.7-abc"};
  manifest.packages.push_back({"foo", "1.0", kHash, true});
  for (const bool with_files : {false, true}) {
    if (with_files) manifest.entries.push_back({"a file b", kHash, 1, 0644, "foo"});
    const auto head = parse_manifest_head(format_manifest(manifest));
    ASSERT_TRUE(head);
    EXPECT_EQ(head->state, 7);
    ASSERT_EQ(head->packages.size(), 1U);
    EXPECT_TRUE(head->packages[0].requested);
    EXPECT_TRUE(head->entries.empty());
  }
  EXPECT_FALSE(parse_manifest_head("moat-manifest 3\nfile x\n"));
}

TEST(Manifest, OfFormat1IsRead) {
  const std::string text = "moat-manifest 1\nstate 7\nruntime x\nfile " + kHash + " 1 644 - a\n";
  const auto manifest = parse_manifest(text);
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->format, 1);
  EXPECT_EQ(manifest->entries.size(), 1U);
  EXPECT_EQ(format_manifest(*manifest), "moat-manifest 2" + text.substr(15));
}

TEST(Manifest, OfANewerFormatIsSaidToBeNewer) {
  const auto manifest = parse_manifest("moat-manifest 3\nstate 7\n");
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().message, "it has format 3, and this moat reads formats up to 2");
}

TEST(Manifest, SkipsWhatALaterMoatSaysMayBeSkipped) {
  const std::string head = "moat-manifest 2\nstate 7\nruntime x\n";
  const auto manifest = parse_manifest(head + "+licence MIT foo\n");
  ASSERT_TRUE(manifest);
  EXPECT_EQ(format_manifest(*manifest), head);
}

TEST(Manifest, RefusesWhatItWouldNotHaveWritten) {
  const std::string head = "moat-manifest 2\n";
  const std::string file = "file " + kHash + " 1 644 - ";
  for (const std::string& text :
       {std::string(),
        std::string("moat-manifest 0\n"),
        std::string("moat-manifest 2"),
        std::string("moat-manifest 1\n+x\n"),
        std::string("moat-manifest 1\nrequest a moat command - a\n"),
        head + "request a moat command -\n",
        head + "request a both command - a\n",
        head + "request a moat COMMAND - a\n",
        head + "request a moat command x\\q a\n",
        head + "request b moat command - b\nrequest a moat command - a\n",
        head + "request a moat command - a\nrequest a moat command - a\n",
        head + "other " + kHash + " 1 644 foo a\n",
        head + file + "a\nother " + kHash + " 1 644 foo b\n",
        head + file + "a\nother " + kHash + " 1 644 - a\n",
        head + file + "a\nother " + kHash + " 1 644 b a\nother " + kHash + " 1 644 a a\n",
        head + "state -1\n",
        head + "state x\n",
        head + "what 1\n",
        head + file + "/etc/passwd\n",
        head + file + "../x\n",
        head + file + "a/../x\n",
        head + file + "a//b\n",
        head + file + "\n",
        head + file + "a\\q\n",
        head + file + "a",
        head + file + "b\n" + file + "a\n",
        head + file + "a\n" + file + "a\n",
        head + "file abc 1 644 - a\n",
        head + "file " + kHash + " x 644 - a\n",
        head + "file " + kHash + " 1 9 - a\n",
        head + "package a 1 - maybe\n",
        head + "package a 1 xyz -\n",
        head + "package a 1 - - \n",
        head + "package a 1 - requested https://a b\n",
        head + "package b 1 - -\npackage a 1 - -\n"})
    EXPECT_FALSE(parse_manifest(text)) << text;
}

}  // namespace
}  // namespace moat
