#include "fetch/index/page_summary.h"

#include "fetch/index/simple_api_html.h"
#include "resolver/pep/dist_filename.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

PackageName name(std::string_view text) { return PackageName::parse(text).value(); }

const std::string kSha256(64, 'a');

ProjectPage html(std::string_view body) {
  return parse_simple_html(std::string(body), Url::parse("https://index.example/simple/foo-bar/").value())
      .value();
}

ProjectPage anchors(const std::vector<std::string>& files) {
  std::string body;
  for (const std::string& file : files) body += "<a href='" + file + "'>x</a>\n";
  return html(body);
}

PageSummary digested(const ProjectPage& page, std::string_view project = "foo-bar") {
  const std::string bytes = summarize_page(page, name(project), "v1");
  return read_page_summary(bytes, name(project), "v1").value();
}

std::vector<std::string> versions(const PageSummary& page) {
  std::vector<std::string> out;
  for (const auto& release : page.releases) out.push_back(release->version.to_string());
  return out;
}

TEST(PageSummary, GroupsFilesByVersionOldestFirst) {
  const PageSummary page =
      digested(anchors({"foo_bar-1.10-py3-none-any.whl", "foo_bar-1.9-py3-none-any.whl",
                        "foo_bar-1.10.tar.gz", "Foo.Bar-1.9.0.zip", "foo-bar-2.0rc1.tar.gz"}));
  EXPECT_EQ(versions(page), (std::vector<std::string>{"1.9", "1.10", "2.0rc1"}));
  ASSERT_EQ(page.releases[0]->files().size(), 2U) << "1.9 and 1.9.0 are one release";
  EXPECT_EQ(page.releases[0]->files()[1].artifact.filename, "Foo.Bar-1.9.0.zip");
  EXPECT_FALSE(page.releases[0]->files()[1].wheel);
  EXPECT_EQ(page.skipped, 0U);
}

TEST(PageSummary, LegacySdistNamesAreCutWhereTheProjectEnds) {
  EXPECT_EQ(versions(digested(anchors({"foo-bar-1.0-2.tar.gz"}))), (std::vector<std::string>{"1.0.post2"}));
  EXPECT_EQ(versions(digested(anchors({"foo-bar-1.0.tar.gz"}), "foo")), (std::vector<std::string>{}));
}

TEST(PageSummary, LeavesOutAndCountsWhatIsNoFileOfTheProject) {
  const PageSummary page = digested(anchors({
      "bar-1.0-py3-none-any.whl",          // another project
      "foo_bar-1.0-py3-none-any.whl.asc",  // no archive
      "foo_bar-1.0-py2.7.egg",
      "foo_bar-1.0.win32.exe",
      "foo_bar-notaversion.tar.gz",
      "foo_bar-1.0-py3-none.whl",                      // too few parts
      "foo_bar-1.0-py3-none-linux_x86_64-cuda12.whl",  // a variant (draft PEP 825)
      "foo_bar-1.0-variants.json",
      "foo_bar-1.0-py3-none-any.whl",
  }));
  EXPECT_EQ(versions(page), (std::vector<std::string>{"1.0"}));
  EXPECT_EQ(page.releases[0]->files().size(), 1U);
  EXPECT_EQ(page.skipped, 8U);
}

TEST(PageSummary, AUrlThatIsNoneCostsItsFileOnly) {
  auto page = parse_simple_json(
      R"({"files":[{"filename":"foo-bar-1.0.zip","url":"https://host:port/foo-bar-1.0.zip"},
                   {"filename":"foo-bar-2.0.zip","url":"https://host/foo-bar-2.0.zip"},
                   {"filename":"foo-bar-3.0.zip","url":"ftp://host/foo-bar-3.0.zip"}]})",
      Url::parse("https://index.example/simple/foo-bar/").value());
  ASSERT_TRUE(page);
  const PageSummary out = digested(*page);
  EXPECT_EQ(versions(out), (std::vector<std::string>{"2.0"}));
  EXPECT_EQ(out.skipped, 2U);
}

TEST(PageSummary, KeepsAllThatIsSaidOfAFile) {
  auto page = parse_simple_json(
      R"({"name":"foo-bar","project-status":{"status":"quarantined","reason":"bad"},"meta":{"api-version":"1.9"},"files":[
        {"filename":"foo_bar-1.0-2b-cp311.cp312-abi3-linux_x86_64.whl","url":"https://f.example/p/aa/foo_bar-1.0-2b-cp311.cp312-abi3-linux_x86_64.whl",
         "hashes":{"sha256":")" +
          kSha256 +
          R"(","future":"00"},"requires-python":">=3.9","size":77,"upload-time":"2024-01-01T00:00:00Z",
         "yanked":"oops","core-metadata":{"sha256":")" +
          std::string(64, 'b') + R"("}},
        {"filename":"foo_bar-2.0.tar.gz","url":"other/name?x=1#sha256=00","hashes":{}}]})",
      Url::parse("https://index.example/simple/foo-bar/").value());
  ASSERT_TRUE(page);
  const PageSummary out = digested(*page);
  EXPECT_EQ(out.status, "quarantined");
  EXPECT_EQ(out.status_reason, "bad");
  EXPECT_EQ(out.newer_api, "1.9");
  ASSERT_EQ(versions(out), (std::vector<std::string>{"1.0", "2.0"}));
  const ReleaseFile& wheel = out.releases[0]->files()[0];
  ASSERT_TRUE(wheel.wheel);
  const auto parsed = WheelFilename::parse(wheel.artifact.filename).value();
  EXPECT_EQ(wheel.wheel->name, parsed.name);
  EXPECT_EQ(wheel.wheel->version, parsed.version);
  EXPECT_EQ(wheel.wheel->version_text, parsed.version_text);
  EXPECT_EQ(wheel.wheel->build, parsed.build);
  EXPECT_EQ(wheel.wheel->tags, parsed.tags);
  EXPECT_EQ(wheel.artifact.url.to_string(),
            "https://f.example/p/aa/foo_bar-1.0-2b-cp311.cp312-abi3-linux_x86_64.whl");
  ASSERT_EQ(wheel.artifact.digests.size(), 1U);
  EXPECT_EQ(wheel.artifact.digests[0].hex, kSha256);
  EXPECT_EQ(wheel.artifact.requires_python, ">=3.9");
  EXPECT_EQ(wheel.artifact.size, 77U);
  EXPECT_EQ(wheel.artifact.upload_time, 1704067200);
  EXPECT_EQ(wheel.artifact.yanked, "oops");
  EXPECT_TRUE(wheel.artifact.has_metadata_file);
  EXPECT_EQ(wheel.artifact.metadata_digest->hex, std::string(64, 'b'));
  const ReleaseFile& sdist = out.releases[1]->files()[0];
  EXPECT_EQ(sdist.artifact.url.to_string(), "https://index.example/simple/foo-bar/other/name?x=1");
  EXPECT_FALSE(sdist.artifact.size);
  EXPECT_FALSE(sdist.artifact.yanked);
  EXPECT_FALSE(sdist.artifact.metadata_digest);
}

TEST(PageSummary, IsOnlyReadForThePageItWasMadeOf) {
  const std::string bytes = summarize_page(anchors({"foo_bar-1.0.tar.gz"}), name("foo-bar"), "v1");
  EXPECT_TRUE(read_page_summary(bytes, name("Foo_Bar"), "v1"));
  EXPECT_FALSE(read_page_summary(bytes, name("foo-bar"), "v2"));
  EXPECT_FALSE(read_page_summary(bytes, name("foo"), "v1"));
}

TEST(PageSummary, DamagedBytesAreRefusedAndHarmNothing) {
  const std::string bytes =
      summarize_page(anchors({"foo_bar-1.0-py3-none-any.whl#sha256=" + kSha256, "foo_bar-1.0.tar.gz",
                              "foo_bar-2.0-1-cp311-abi3-any.whl"}),
                     name("foo-bar"), "v1");
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(read_page_summary(bytes.substr(0, length), name("foo-bar"), "v1")) << length;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const unsigned flip : {0x01U, 0x40U, 0x80U, 0xffU}) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(static_cast<unsigned char>(damaged[i]) ^ flip);
      // It may say anything, but returns; and so do the files of what it says, or they are told to be
      // damaged.
      const auto page = read_page_summary(damaged, name("foo-bar"), "v1");
      if (!page) continue;
      for (const auto& release : page->releases) {
        try {
          for (const ReleaseFile& file : release->files())
            EXPECT_TRUE(is_plain_filename(file.artifact.filename)) << i;
        } catch (const Error& error) {
          EXPECT_EQ(error.kind(), ErrorKind::Disk) << error.what();
        }
      }
    }
  }
}

TEST(PageSummary, FilesOutliveThePageTheyWereReadFrom) {
  std::shared_ptr<const Release> release;
  {
    const PageSummary page = digested(anchors({"foo_bar-1.0.tar.gz", "foo_bar-2.0-py3-none-any.whl"}));
    release = page.releases[1];
  }
  ASSERT_EQ(release->traits().size(), 1U);
  ASSERT_TRUE(release->traits()[0].is_wheel());
  EXPECT_EQ(release->traits()[0].tags->front().to_string(), "py3-none-any");
  EXPECT_EQ(release->files().at(0).artifact.url.to_string(),
            "https://index.example/simple/foo-bar/foo_bar-2.0-py3-none-any.whl");
  EXPECT_EQ(&release->files(), &release->files()) << "they are made once";
}

TEST(PageSummary, WhatIsToldOfAFileBeforeItIsReadIsWhatTheFileSays) {
  auto page = parse_simple_json(
      R"({"files":[{"filename":"foo_bar-1.0-cp311.py3-none-any.whl","url":"https://f.example/foo_bar-1.0-cp311.py3-none-any.whl",
                    "requires-python":"<4","upload-time":"2024-01-01T00:00:00Z","yanked":true},
                   {"filename":"foo_bar-1.0.zip","url":"https://f.example/foo_bar-1.0.zip"}]})",
      Url::parse("https://index.example/simple/foo-bar/").value());
  ASSERT_TRUE(page);
  const PageSummary out = digested(*page);
  const Release& release = *out.releases.at(0);
  ASSERT_EQ(release.traits().size(), 2U);
  const FileTraits& wheel = release.traits()[0];
  EXPECT_EQ(*wheel.tags, release.files()[0].wheel->tags);
  EXPECT_EQ(wheel.requires_python, "<4");
  EXPECT_EQ(wheel.upload_time, 1704067200);
  EXPECT_TRUE(wheel.yanked);
  const FileTraits& sdist = release.traits()[1];
  EXPECT_FALSE(sdist.is_wheel());
  EXPECT_TRUE(sdist.requires_python.empty());
  EXPECT_FALSE(sdist.upload_time);
  EXPECT_FALSE(sdist.yanked);
}

TEST(PageSummary, FindsHashesThatChanged) {
  const auto bytes = [](char hash) {
    return summarize_page(anchors({"foo_bar-1.0.tar.gz#sha256=" + std::string(64, hash),
                                   "foo_bar-2.0.tar.gz#sha256=" + kSha256, "foo_bar-3.0.tar.gz"}),
                          name("foo-bar"), "v1");
  };
  const std::vector<ChangedFile> changed = changed_files(bytes('b'), bytes('c'), name("foo-bar"));
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(changed[0].filename, "foo_bar-1.0.tar.gz");
  EXPECT_EQ(changed[0].before.hex, std::string(64, 'b'));
  EXPECT_EQ(changed[0].now.hex, std::string(64, 'c'));
  EXPECT_TRUE(changed_files("damaged", bytes('c'), name("foo-bar")).empty());
}

}  // namespace
}  // namespace moat
