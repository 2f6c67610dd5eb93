#include "fetch/index/project_look_up.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

PackageName name(std::string_view text) { return PackageName::parse(text).value(); }

Index index_at(const std::string& host, std::string called = "") {
  return {std::move(called), Url::parse("https://" + host + "/simple/").value()};
}

// A page with one file of each of these versions, oldest first.
PageSummary page(const std::string& project, const std::vector<std::string>& versions,
                 std::string status = "") {
  PageSummary out;
  out.status = std::move(status);
  for (const std::string& version : versions) {
    ReleaseFile file{.artifact = {.filename = project + "-" + version + ".tar.gz"}, .wheel = std::nullopt};
    out.releases.push_back(
        std::make_shared<Release>(Version::parse(version).value(), std::vector{std::move(file)}));
  }
  return out;
}

std::vector<std::string> shown(const FoundProject& found) {
  std::vector<std::string> out;
  for (const auto& release : std::get<Project>(found).releases)
    out.push_back(release->version.to_string() + ":" + std::to_string(release->files().size()));
  return out;
}

Error offline() { return Error(ErrorKind::Offline, "no page is stored"); }

std::vector<IndexPages::Answer> answers(IndexPages::Answer first, IndexPages::Answer second) {
  std::vector<IndexPages::Answer> out;
  out.push_back(std::move(first));
  out.push_back(std::move(second));
  return out;
}

class MergeAnswers : public ::testing::Test {
 protected:
  FoundProject merged(IndexPages::Answer first, IndexPages::Answer second,
                      FindLinks::Answer links = {}) const {
    return merge_answers(name("foo"), indexes_, answers(std::move(first), std::move(second)),
                         std::move(links));
  }
  std::string failure(IndexPages::Answer first, IndexPages::Answer second) const {
    const FoundProject found = merged(std::move(first), std::move(second));
    const auto* error = std::get_if<Error>(&found);
    return error == nullptr ? "" : error->what();
  }

  std::vector<Index> indexes_{index_at("one.example"), index_at("two.example")};
};

TEST_F(MergeAnswers, FilesOfEqualVersionsStandTogether) {
  const FoundProject found = merged(page("foo", {"1.0", "2.0"}, "archived"), page("foo", {"0.5", "2.0"}));
  EXPECT_THAT(shown(found), ElementsAre("0.5:1", "1.0:1", "2.0:2"));
  EXPECT_EQ(std::get<Project>(found).index, "https://one.example/simple/");
  EXPECT_EQ(std::get<Project>(found).status, "archived");
}

TEST_F(MergeAnswers, TheFirstIndexThatHasItGivesItsName) {
  const FoundProject found = merged(NoSuchProject{}, page("foo", {"1.0"}));
  EXPECT_EQ(std::get<Project>(found).index, "https://two.example/simple/");
}

TEST_F(MergeAnswers, LinksJoinWhicheverIndexWins) {
  std::vector<PageSummary> links;
  links.push_back(page("foo", {"3.0"}));
  const FoundProject both = merged(page("foo", {"1.0"}), NoSuchProject{}, std::move(links));
  EXPECT_THAT(shown(both), ElementsAre("1.0:1", "3.0:1"));
  links.clear();
  links.push_back(page("foo", {"3.0"}));
  const FoundProject alone = merged(NoSuchProject{}, NoSuchProject{}, std::move(links));
  EXPECT_THAT(shown(alone), ElementsAre("3.0:1"));
  EXPECT_EQ(std::get<Project>(alone).index, "");
}

TEST_F(MergeAnswers, AProjectThatNobodyHasIsEmpty) {
  EXPECT_TRUE(std::get<Project>(merged(NoSuchProject{}, NoSuchProject{})).releases.empty());
}

TEST_F(MergeAnswers, ForbiddenAndUnknownOfflineCountOnlyIfNobodyHasIt) {
  const ForbiddenProject forbidden{Error(ErrorKind::Network, "403")};
  EXPECT_EQ(failure(forbidden, page("foo", {"1.0"})), "");
  EXPECT_EQ(failure(offline(), page("foo", {"1.0"})), "");
  EXPECT_EQ(failure(forbidden, offline()), "403");  // the first of them
  EXPECT_EQ(failure(offline(), forbidden), "no page is stored");
  EXPECT_EQ(failure(NoSuchProject{}, offline()), "no page is stored");
}

TEST_F(MergeAnswers, AFailureIsOneWhoeverElseHasIt) {
  EXPECT_EQ(failure(page("foo", {"1.0"}), Error(ErrorKind::Network, "500")), "500");
  const FoundProject found =
      merged(page("foo", {"1.0"}), NoSuchProject{}, Error(ErrorKind::BadInput, "no such folder"));
  EXPECT_TRUE(std::holds_alternative<Error>(found));
}

TEST(LeadsToNextIndex, OnlyWhereThisOneDoesNotHaveIt) {
  EXPECT_TRUE(leads_to_next_index(NoSuchProject{}));
  EXPECT_TRUE(leads_to_next_index(ForbiddenProject{Error(ErrorKind::Network, "403")}));
  EXPECT_TRUE(leads_to_next_index(offline()));
  EXPECT_FALSE(leads_to_next_index(page("foo", {})));
  EXPECT_FALSE(leads_to_next_index(Error(ErrorKind::Network, "500")));
}

TEST(IndexesFor, APinNamesTheOnlyOne) {
  IndexList list;
  list.indexes = {index_at("one.example"), index_at("two.example", "own")};
  list.pins = {{name("foo"), "own"}, {name("baz"), "nobody"}};
  EXPECT_EQ(indexes_for(name("bar"), list).size(), 2U);
  ASSERT_EQ(indexes_for(name("foo"), list).size(), 1U);
  EXPECT_EQ(indexes_for(name("foo"), list)[0].name, "own");
  try {
    indexes_for(name("baz"), list);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::BadInput);
    EXPECT_THAT(error.what(), HasSubstr("no index has that name"));
  }
}

TEST(IndexesFor, OnlyThoseThatAreAskedMustBeProtected) {
  IndexList list;
  list.indexes = {{"", Url::parse("http://plain.example/simple/").value()}, index_at("two.example", "own")};
  list.pins = {{name("foo"), "own"}};
  EXPECT_EQ(indexes_for(name("foo"), list).size(), 1U);
  EXPECT_THROW(indexes_for(name("bar"), list), Error);
  list.trusted_hosts = {"plain.example"};
  EXPECT_EQ(indexes_for(name("bar"), list).size(), 2U);
}

}  // namespace
}  // namespace moat
