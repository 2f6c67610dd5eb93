#include "fetch/index/simple_api.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

constexpr std::string_view kJsonType = "application/vnd.pypi.simple.v1+json";

Url url(std::string_view text) { return Url::parse(text).value(); }

ProjectPage page_of(std::string body, std::string_view at = "https://index.example/simple/foo/") {
  auto page = parse_simple_json(std::move(body), url(at));
  EXPECT_TRUE(page) << (page ? "" : page.error().message);
  return page ? std::move(*page) : ProjectPage(url(at));
}

// One file object inside an otherwise ordinary page.
ProjectPage page_with_file(const std::string& members) {
  return page_of(R"({"meta":{"api-version":"1.1"},"name":"foo","files":[{)" + members + "}]}");
}

Artifact only_artifact(const ProjectPage& page) {
  EXPECT_EQ(page.files.size(), 1U);
  return page.files.empty() ? Artifact{.url = url("https://none.example/")}
                            : page.artifact(page.files[0]).value();
}

const std::string kSha256(64, 'a');

TEST(SimpleJson, ReadsAFileWithAllItsFields) {
  const ProjectPage page = page_of(R"({
    "alternate-locations": [], "_last-serial": 7,
    "files": [{
      "core-metadata": {"sha256": ")" +
                                   std::string(64, 'b') + R"("},
      "data-dist-info-metadata": false,
      "filename": "foo-1.0-py3-none-any.whl",
      "hashes": {"md5": "0123456789abcdef0123456789abcdef", "sha256": ")" +
                                   kSha256 + R"("},
      "provenance": null,
      "requires-python": ">=3.8",
      "size": 12345,
      "upload-time": "2024-02-29T12:34:56.789012Z",
      "url": "https://files.example/packages/foo-1.0-py3-none-any.whl",
      "yanked": false}],
    "meta": {"_last-serial": 7, "api-version": "1.4"},
    "name": "foo", "project-status": {"status": "archived", "reason": "gone \"fishing\""},
    "versions": ["1.0", "2.0"]})");
  EXPECT_EQ(page.name, "foo");
  EXPECT_EQ(page.status, "archived");
  EXPECT_EQ(page.status_reason, "gone \"fishing\"");
  EXPECT_FALSE(page.newer_api);
  const Artifact file = only_artifact(page);
  EXPECT_EQ(file.filename, "foo-1.0-py3-none-any.whl");
  EXPECT_EQ(file.url.to_string(), "https://files.example/packages/foo-1.0-py3-none-any.whl");
  ASSERT_EQ(file.digests.size(), 2U);
  EXPECT_EQ(file.strongest_digest()->to_string(), "sha256:" + kSha256);
  EXPECT_EQ(file.size, 12345U);
  EXPECT_EQ(file.upload_time, 1709210096);
  EXPECT_EQ(file.requires_python, ">=3.8");
  EXPECT_FALSE(file.yanked);
  EXPECT_TRUE(file.has_metadata_file);
  EXPECT_EQ(file.metadata_digest->hex, std::string(64, 'b'));
}

TEST(SimpleJson, ResolvesRelativeUrlsAgainstTheFinalUrl) {
  const ProjectPage page = page_with_file(
      R"("filename":"foo-1.0.tar.gz","url":"../../files/foo-1.0.tar.gz#sha256=x","hashes":{})");
  EXPECT_EQ(only_artifact(page).url.to_string(), "https://index.example/files/foo-1.0.tar.gz");
}

TEST(SimpleJson, YankedIsABoolOrANonEmptyReason) {
  const auto yanked = [](const std::string& value) {
    return only_artifact(page_with_file(R"("filename":"foo-1.0.zip","url":"foo-1.0.zip","yanked":)" + value))
        .yanked;
  };
  EXPECT_EQ(yanked("true"), "");
  EXPECT_EQ(yanked("\"broken \\u00fc\""), "broken \u00fc");
  EXPECT_EQ(yanked("\"\""), std::nullopt);
  EXPECT_EQ(yanked("false"), std::nullopt);
  EXPECT_EQ(yanked("null"), std::nullopt);
}

TEST(SimpleJson, CoreMetadataWinsOverItsOlderSpellings) {
  const auto file = [](const std::string& members) {
    return only_artifact(page_with_file(R"("filename":"foo-1.0.zip","url":"foo-1.0.zip",)" + members));
  };
  EXPECT_FALSE(file(R"("core-metadata":false,"dist-info-metadata":true)").has_metadata_file);
  EXPECT_FALSE(file(R"("dist-info-metadata":true,"core-metadata":false)").has_metadata_file);
  EXPECT_TRUE(file(R"("dist-info-metadata":true)").has_metadata_file);
  EXPECT_TRUE(file(R"("data-dist-info-metadata":{"sha256":")" + kSha256 + "\"}").metadata_digest.has_value());
  EXPECT_FALSE(file(R"("core-metadata":true)").metadata_digest.has_value());
  EXPECT_FALSE(file(R"("requires-python":null)").has_metadata_file);
}

TEST(SimpleJson, AFileOfWhichNothingSensibleIsSaidIsSkippedAndCounted) {
  const ProjectPage page = page_of(R"({"files":[
    17, null, "text", [], {},
    {"filename": "foo-0.1.zip"},
    {"url": "foo-0.2.zip"},
    {"filename": "", "url": "x"},
    {"filename": "../foo-0.3.zip", "url": "x"},
    {"filename": ["foo"], "url": {"a": [1]}, "hashes": [], "size": "big"},
    {"filename": "foo-1.0.zip", "url": "foo-1.0.zip", "hashes": {"sha256": 5, "sha9": "00", "sha512": "short"},
     "size": -1, "upload-time": "yesterday", "requires-python": 3, "yanked": 0, "core-metadata": "yes"}
  ]})");
  EXPECT_EQ(page.skipped, 10U);
  const Artifact file = only_artifact(page);
  EXPECT_EQ(file.filename, "foo-1.0.zip");
  EXPECT_TRUE(file.digests.empty());
  EXPECT_FALSE(file.size);
  EXPECT_FALSE(file.upload_time);
  EXPECT_FALSE(file.yanked);
  EXPECT_FALSE(file.has_metadata_file);
}

TEST(SimpleJson, BytesThatAreNoUtf8CostOnlyThemselves) {
  const ProjectPage page =
      page_with_file("\"filename\":\"foo-1.0.zip\",\"url\":\"foo-1.0.zip\",\"yanked\":\"caf\xe9 \xc3\xa9\"");
  EXPECT_EQ(only_artifact(page).yanked, "caf? \u00e9");
}

TEST(SimpleJson, FailsOnWhatIsNotAPage) {
  for (const std::string_view body :
       {"", "[]", "7", "{", R"({"files":[{"filename":"a)", "<html></html>", "\xff\xfe"}) {
    EXPECT_FALSE(parse_simple_json(std::string(body), url("https://index.example/simple/foo/"))) << body;
  }
}

TEST(SimpleJson, LooksAtTheApiVersion) {
  const auto parse = [](const std::string& version) {
    return parse_simple_json(R"({"meta":{"api-version":)" + version + "},\"files\":[]}",
                             url("https://i.example/foo/"));
  };
  EXPECT_TRUE(parse("\"1.0\""));
  EXPECT_FALSE(parse("\"1.5\"")->newer_api);
  EXPECT_EQ(parse("\"1.99\"")->newer_api, "1.99");
  EXPECT_FALSE(parse("\"2.0\""));
  EXPECT_FALSE(parse("\"one\""));
  EXPECT_TRUE(parse_simple_json(R"({"files":[]})", url("https://i.example/foo/")));
}

TEST(SimplePage, GoesByTheContentTypeAndNothingElse) {
  const Url at = url("https://index.example/simple/foo/");
  EXPECT_TRUE(parse_simple_page(R"({"files":[]})", "Application/VND.pypi.simple.v1+JSON; charset=utf-8", at));
  EXPECT_TRUE(parse_simple_page("<a href=foo-1.0.zip>x</a>", "text/html;charset=utf-8", at));
  EXPECT_TRUE(parse_simple_page("<a href=foo-1.0.zip>x</a>", "application/vnd.pypi.simple.v1+html", at));
  EXPECT_EQ(parse_simple_page("<a href=foo-1.0.zip data-yanked='\xE9'>x</a>", "text/html; charset=latin1", at)
                .value()
                .files.at(0)
                .yanked,
            "\xC3\xA9");
  const auto unknown = parse_simple_page(R"({"files":[]})", "application/json", at);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("application/json"), std::string::npos);
  EXPECT_FALSE(parse_simple_page(R"({"files":[]})", "", at));
  EXPECT_FALSE(parse_simple_page("<html>", kJsonType, at));
}

TEST(UploadTime, IsReadToTheSecond) {
  EXPECT_EQ(parse_upload_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_upload_time("2000-03-01T00:00:00.5Z"), 951868800);
  EXPECT_EQ(parse_upload_time("2026-11-24T03:37:05.123456Z"), 1795491425);
  for (const std::string_view bad :
       {"", "Z", "2024-01-01", "2024-01-01T00:00:00", "2024-01-01 00:00:00Z", "2024-13-01T00:00:00Z",
        "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00+00:00Z"})
    EXPECT_EQ(parse_upload_time(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace moat
