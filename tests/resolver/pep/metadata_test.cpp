#include "resolver/pep/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kHead = "Metadata-Version: 2.4\nName: Foo.Bar\nVersion: 1.0-1\n";

CoreMetadata parsed(const std::string& more) {
  return CoreMetadata::parse(std::string(kHead) + more).value();
}
std::string error_of(std::string_view text) {
  const auto metadata = CoreMetadata::parse(text);
  return metadata ? "none" : metadata.error().message;
}

TEST(MetadataFields, AreNamesValuesAndABody) {
  const MetadataFields fields =
      parse_metadata_fields("Name: a\nKeywords:b\nkeywords:  c \n\nbody: x\n\nmore");
  EXPECT_EQ(fields.find("NAME"), "a");
  EXPECT_THAT(fields.find_all("Keywords"), ElementsAre("b", "c"));
  EXPECT_EQ(fields.find("body"), std::nullopt);
  EXPECT_EQ(fields.body, "body: x\n\nmore");
}

TEST(MetadataFields, EndAtAnEmptyLineNotAtABlankOne) {
  const MetadataFields fields = parse_metadata_fields(
      "License: one\n        two\n        \n\t\n        three\nRequires-Dist: b\n\nbody");
  EXPECT_EQ(fields.find("License"), "one\ntwo\n\n\nthree");
  EXPECT_EQ(fields.find("Requires-Dist"), "b");
  EXPECT_EQ(fields.body, "body");
}

TEST(MetadataFields, ReadAnyLineEndsAndAByteOrderMark) {
  const MetadataFields fields =
      parse_metadata_fields("\xef\xbb\xbfName: a\r\nSummary: b\r\n c\rVersion: 1\r\n\r\nbody\r\n");
  EXPECT_EQ(fields.find("Name"), "a");
  EXPECT_EQ(fields.find("Summary"), "b\nc");
  EXPECT_EQ(fields.find("Version"), "1");
  EXPECT_EQ(fields.body, "body\r\n");
}

TEST(MetadataFields, EndAtALineThatIsNoField) {
  const MetadataFields fields = parse_metadata_fields("Name: a\nthis is no field\nVersion: 1\n");
  EXPECT_EQ(fields.headers.size(), 1u);
  EXPECT_EQ(fields.body, "this is no field\nVersion: 1\n");
  EXPECT_THAT(parse_metadata_fields("").headers, IsEmpty());
  EXPECT_THAT(parse_metadata_fields("\nName: a").headers, IsEmpty());
  EXPECT_EQ(parse_metadata_fields(" stray\nName: a").find("Name"), "a");
  EXPECT_EQ(parse_metadata_fields(": nameless\nName: a").find("Name"), "a");
  EXPECT_EQ(parse_metadata_fields("Name: a").find("Name"), "a");
}

TEST(MetadataFields, UnfoldOldDescriptions) {
  EXPECT_EQ(parse_metadata_fields("Description: one\n        |two\n        |  three\n").find("Description"),
            "one\ntwo\n  three");
}

TEST(CoreMetadata, HoldsWhatResolvingNeeds) {
  const CoreMetadata metadata = parsed(
      "Requires-Python: >=3.8\nRequires-Dist: b>=1\nREQUIRES-DIST: c ; extra == 'x'\nProvides-Extra: "
      "X\nDynamic: License-File\n"
      "Summary: sum\nHome-page: UNKNOWN\nAuthor: Me\nProject-URL: Docs, https://d\nImport-Name: foo; "
      "private\nImport-Name: bar\n"
      "Import-Name:\n\nRequires-Dist: not-this\n");
  EXPECT_EQ(metadata.name.display(), "Foo.Bar");
  EXPECT_EQ(metadata.version.to_string(), "1.0.post1");
  EXPECT_EQ(metadata.version_text, "1.0-1");
  EXPECT_EQ(metadata.requires_python->to_string(), ">=3.8");
  EXPECT_EQ(metadata.requires_dist.size(), 2u);
  EXPECT_THAT(metadata.dynamic, ElementsAre("license-file"));
  EXPECT_THAT(metadata.import_names, ElementsAre("foo", "bar"));
  EXPECT_EQ(metadata.home_page, "");
  EXPECT_EQ(metadata.author, "Me");
  EXPECT_THAT(metadata.problems, IsEmpty());
}

TEST(CoreMetadata, FindsDependenciesBehindALicenceWithBlankLines) {
  EXPECT_EQ(parsed("License: MIT\n        \n        Permission is hereby granted\nRequires-Dist: b\n")
                .requires_dist.size(),
            1u);
}

TEST(CoreMetadata, NeedsMetadataVersionNameAndVersion) {
  EXPECT_EQ(error_of("Name: a\nVersion: 1\n"), "there is no Metadata-Version");
  EXPECT_EQ(error_of("Metadata-Version: 2.1\nVersion: 1\n"), "there is no Name");
  EXPECT_EQ(error_of("Metadata-Version: 2.1\nName: a\n\nVersion: 1\n"), "there is no Version");
  EXPECT_THAT(error_of("Metadata-Version: 3.0\nName: a\nVersion: 1\n"), HasSubstr("`3.0`"));
  EXPECT_THAT(error_of("Metadata-Version: x\nName: a\nVersion: 1\n"), HasSubstr("`x`"));
  EXPECT_THAT(error_of("Metadata-Version: 2.1\nName: -\nVersion: 1\n"), HasSubstr("Name `-`"));
  EXPECT_THAT(error_of("Metadata-Version: 2.1\nName: a\nVersion: one\n"), HasSubstr("Version `one`"));
  EXPECT_THAT(error_of("Metadata-Version: 2.1\nName: a\nVersion: 1\nRequires-Dist: b c\n"),
              HasSubstr("`b c`"));
}

TEST(CoreMetadata, GoesOnAfterMilderProblems) {
  const CoreMetadata newer =
      CoreMetadata::parse(
          "Metadata-Version: 2.9\nName: a\nVersion: 1\nVersion: 2\nRequires-Python: nonsense\n"
          "Requires-Dist: b>=1.*\nProvides-Extra: x_y\nProvides-Extra: X.Y\nProvides-Extra: -\n"
          "License: long\nLicense-Expression: MIT\n")
          .value();
  EXPECT_EQ(newer.version.to_string(), "1");
  EXPECT_FALSE(newer.requires_python);
  EXPECT_EQ(newer.requires_dist.front().to_string(), "b>=1");
  EXPECT_EQ(newer.provides_extra.size(), 1u);
  EXPECT_EQ(newer.license, "");
  EXPECT_EQ(newer.license_expression, "MIT");
  EXPECT_EQ(newer.problems.size(), 7u);
}

TEST(CoreMetadata, MendsRequiresPythonAndTellsSo) {
  const CoreMetadata metadata = parsed("Requires-Python: >=3.6.*\n");
  EXPECT_EQ(metadata.requires_python->to_string(), ">=3.6");
  EXPECT_EQ(metadata.problems.size(), 1u);
}

TEST(CoreMetadata, TellsOfLicencesAndImportNamesThatMakeNoSense) {
  EXPECT_EQ(parsed("License-Expression: mit or Apache-2.0\n").license_expression, "mit OR Apache-2.0");
  const CoreMetadata metadata =
      parsed("License-Expression: MIT, ISC\nImport-Name: a\nImport-Name: b\nImport-Namespace: a\n");
  EXPECT_EQ(metadata.license_expression, "MIT, ISC");
  EXPECT_EQ(metadata.problems.size(), 2u);
}

TEST(CoreMetadata, MakesUtf8OfOtherEncodings) {
  const CoreMetadata metadata = parsed("Author: J\xf6rg\nSummary: J\xc3\xb6rg\n");
  EXPECT_EQ(metadata.author, "J\xc3\xb6rg");
  EXPECT_EQ(metadata.summary, "J\xc3\xb6rg");
}

TEST(CoreMetadata, DoesNotMindALongDescription) {
  const std::string body(20'000'000, 'x');
  EXPECT_EQ(parsed("Requires-Dist: b\n\n" + body).requires_dist.size(), 1u);
}

TEST(CoreMetadata, KnowsWhetherDependenciesAreFinal) {
  const auto is_static = [](std::string version, std::string more) {
    return CoreMetadata::parse("Metadata-Version: " + version + "\nName: a\nVersion: 1\n" + more)
        .value()
        .dependencies_are_static();
  };
  EXPECT_TRUE(is_static("2.2", ""));
  EXPECT_TRUE(is_static("2.4", "Dynamic: Version\n"));
  EXPECT_FALSE(is_static("2.4", "Dynamic: requires-DIST\n"));
  EXPECT_FALSE(is_static("2.1", ""));
  EXPECT_FALSE(is_static("1.2", ""));
}

}  // namespace
}  // namespace moat
