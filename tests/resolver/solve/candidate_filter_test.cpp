// Which file of a release is the one to install.
#include "resolver/solve/candidate_filter.h"

#include "tests/support/fake_source.h"
#include "tests/support/scenario.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moat::testing {
namespace {

ReleaseFile file(const std::string& filename, const std::string& hash = "",
                 std::optional<std::string> yanked = {}) {
  ReleaseFile out{{.filename = filename, .url = *Url::parse("https://files.example/" + filename)},
                  std::nullopt};
  if (!hash.empty()) out.artifact.digests.push_back({"sha256", hash + std::string(64 - hash.size(), '0')});
  out.artifact.yanked = std::move(yanked);
  if (out.artifact.is_wheel()) out.wheel = *WheelFilename::parse(filename);
  return out;
}

class CandidateFilterTest : public ::testing::Test {
 protected:
  // Name of the file that would be installed, "" if the release is no candidate.
  std::string choice(std::vector<ReleaseFile> files) {
    Project project{package_name("a"), {}, "", "", ""};
    project.releases.push_back(std::make_shared<Release>(version("1.0"), std::move(files)));
    CandidateFilter filter(request_);
    const FilteredProject filtered = filter.filter(project);
    verdict_ = filtered.verdicts.front();
    return filtered.candidates.empty() ? "" : filtered.candidates.front().file().artifact.filename;
  }
  void ask(const std::string& text, const std::string& hash = "") {
    request_.requirements.push_back({requirement(text), {}, {}});
    if (!hash.empty())
      request_.requirements.back().hashes.push_back({"sha256", hash + std::string(64 - hash.size(), '0')});
  }

  ResolveRequest request_{.target = linux_target("3.12.4")};
  Verdict verdict_ = Verdict::NoFiles;
};

TEST_F(CandidateFilterTest, TheMostSpecificWheel) {
  EXPECT_EQ(choice({file("a-1.0-py3-none-any.whl"), file("a-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"),
                    file("a-1.0-cp312-abi3-manylinux_2_17_x86_64.whl"), file("a-1.0.tar.gz")}),
            "a-1.0-cp312-cp312-manylinux_2_17_x86_64.whl");
}

TEST_F(CandidateFilterTest, TheHigherBuildTagOfTwoThatDifferInNothingElse) {
  EXPECT_EQ(choice({file("a-1.0-2-py3-none-any.whl"), file("a-1.0-py3-none-any.whl"),
                    file("a-1.0-10-py3-none-any.whl")}),
            "a-1.0-10-py3-none-any.whl");
}

TEST_F(CandidateFilterTest, AWheelBeforeASourceDistribution) {
  request_.can_build = true;
  EXPECT_EQ(choice({file("a-1.0.tar.gz"), file("a-1.0-py3-none-any.whl")}), "a-1.0-py3-none-any.whl");
  EXPECT_EQ(choice({file("a-1.0.tar.gz"), file("a-1.0-cp312-cp312-win_amd64.whl")}), "a-1.0.tar.gz");
}

TEST_F(CandidateFilterTest, AFileThatIsNotYanked) {
  EXPECT_EQ(choice({file("a-1.0-cp312-cp312-manylinux_2_17_x86_64.whl", "", "broken"),
                    file("a-1.0-py3-none-any.whl")}),
            "a-1.0-py3-none-any.whl");
}

TEST_F(CandidateFilterTest, AnAllowedHashOutweighsAYank) {
  ask("a==1.0", "aa");
  EXPECT_EQ(
      choice({file("a-1.0-py3-none-any.whl", "aa", "broken"), file("a-1.0-py2.py3-none-any.whl", "bb")}),
      "a-1.0-py3-none-any.whl");
}

TEST_F(CandidateFilterTest, AFileOfUnknownHashIsLeftToTheDownload) {
  ask("a", "aa");
  EXPECT_EQ(choice({file("a-1.0-py3-none-any.whl")}), "a-1.0-py3-none-any.whl");
  EXPECT_EQ(
      choice({file("a-1.0-cp312-cp312-manylinux_2_17_x86_64.whl"), file("a-1.0-py3-none-any.whl", "aa")}),
      "a-1.0-py3-none-any.whl");
}

TEST_F(CandidateFilterTest, AWheelWithoutAPromisedHashBeforeAnSdistWithOneIfAHashIsLeftForIt) {
  request_.can_build = true;
  ask("a", "aa");
  request_.requirements.back().hashes.push_back({"sha256", "bb" + std::string(62, '0')});
  EXPECT_EQ(choice({file("a-1.0-py3-none-any.whl"), file("a-1.0.tar.gz", "aa")}), "a-1.0-py3-none-any.whl");
  // Nothing is left where each hash is that of a file.
  EXPECT_EQ(choice({file("a-1.0-py3-none-any.whl"), file("a-1.0.tar.gz", "aa"), file("a-1.0.zip", "bb")}),
            "a-1.0.tar.gz");
  request_.requirements.back().hashes.pop_back();
  EXPECT_EQ(choice({file("a-1.0-py3-none-any.whl"), file("a-1.0.tar.gz", "aa")}), "a-1.0.tar.gz");
}

TEST_F(CandidateFilterTest, AFileOfAnotherHashIsNot) {
  ask("a", "aa");
  EXPECT_EQ(choice({file("a-1.0-py3-none-any.whl", "bb")}), "");
  EXPECT_EQ(verdict_, Verdict::WrongHash);
}

TEST_F(CandidateFilterTest, RequiresPythonThatDoesNotParseLimitsNothing) {
  ReleaseFile odd = file("a-1.0-py3-none-any.whl");
  odd.artifact.requires_python = ">=3.6.*,python";
  EXPECT_EQ(choice({odd}), "a-1.0-py3-none-any.whl");
}

TEST_F(CandidateFilterTest, TheVerdictIsOfTheFileThatCameFurthest) {
  EXPECT_EQ(choice({}), "");
  EXPECT_EQ(verdict_, Verdict::NoFiles);
  EXPECT_EQ(choice({file("a-1.0-cp312-cp312-win_amd64.whl")}), "");
  EXPECT_EQ(verdict_, Verdict::WrongTags);
  EXPECT_EQ(choice({file("a-1.0-cp312-cp312-win_amd64.whl"), file("a-1.0.tar.gz")}), "");
  EXPECT_EQ(verdict_, Verdict::OnlySdist);
}

TEST_F(CandidateFilterTest, LaterEntriesOfTheBinaryPolicyAreByName) {
  request_.binary = {
      .allow_wheels = false, .allow_sdists = true, .by_name = {{package_name("a"), {true, false}}}};
  EXPECT_EQ(choice({file("a-1.0-py3-none-any.whl"), file("a-1.0.tar.gz")}), "a-1.0-py3-none-any.whl");
  request_.binary.by_name.clear();
  EXPECT_EQ(choice({file("a-1.0-py3-none-any.whl")}), "");
  EXPECT_EQ(verdict_, Verdict::KindForbidden);
}

}  // namespace
}  // namespace moat::testing
