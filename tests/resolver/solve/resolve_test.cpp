// What resolve() promises besides its answer: failures, interruption, what the answer holds.
#include "resolver/solve/solve.h"
#include "tests/support/fake_source.h"
#include "tests/support/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stop_token>
#include <string>
#include <vector>

namespace moat::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Resolve : public ::testing::Test {
 protected:
  Outcome run(const std::vector<std::string>& requirements, std::stop_token stop = {}) {
    ResolveRequest request{.target = linux_target("3.12.4")};
    for (const std::string& text : requirements)
      request.requirements.push_back(
          {requirement(text), {"requirements.txt:" + std::to_string(++line_)}, {}});
    return resolve(request, source_, quiet_, std::move(stop), &statistics_);
  }
  ErrorKind failure(const std::vector<std::string>& requirements, std::stop_token stop = {}) {
    try {
      run(requirements, std::move(stop));
    } catch (const Error& error) {
      return error.kind();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorKind::Usage;
  }

  FakeSource source_;
  Reporter quiet_;
  ResolveStatistics statistics_;
  int line_ = 0;
};

TEST_F(Resolve, AFailingPageOfARequestFailsTheRun) {
  source_.add({.name = "a", .version = "1.0"});
  source_.fail("a");
  EXPECT_EQ(failure({"a"}), ErrorKind::Network);
}

TEST_F(Resolve, FailingMetadataOfAChosenReleaseFailsTheRun) {
  // Passing it over would make the answer depend on the weather.
  source_.add({.name = "a", .version = "1.0"});
  source_.add({.name = "a", .version = "2.0"});
  source_.fail("a", "2.0");
  EXPECT_EQ(failure({"a"}), ErrorKind::Network);
}

TEST_F(Resolve, WhatIsOnlyGuessedAtMayFail) {
  // The guess is that b is needed at 2.0, until c says otherwise.
  source_.add({.name = "a", .version = "1.0", .requirements = {"b", "c"}});
  source_.add({.name = "b", .version = "1.0"});
  source_.add({.name = "b", .version = "2.0", .requirements = {"gone"}});
  source_.add({.name = "c", .version = "1.0", .requirements = {"b<2"}});
  source_.fail("gone");
  const Outcome outcome = run({"a", "b<2"});
  EXPECT_THAT(packages_of(std::get<Resolution>(outcome)), ElementsAre("a 1.0", "b 1.0", "c 1.0"));
}

TEST_F(Resolve, MetadataAskedForInAdvanceMayFail) {
  source_.add({.name = "a", .version = "1.0"});
  source_.add({.name = "b", .version = "1.0"});
  source_.add({.name = "b", .version = "1.1"});
  source_.add({.name = "b", .version = "1.2", .requirements = {"a<1"}});
  source_.add({.name = "b", .version = "1.3", .requirements = {"a<1"}});
  source_.fail("b", "1.0");  // comes with 1.1, which does
  EXPECT_THAT(packages_of(std::get<Resolution>(run({"a", "b"}))), ElementsAre("a 1.0", "b 1.1"));
}

TEST_F(Resolve, StopsWhenTold) {
  source_.add({.name = "a", .version = "1.0"});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(failure({"a"}, stop.get_token()), ErrorKind::Interrupted);
}

TEST_F(Resolve, TheAnswerHoldsWhoNeedsWhatAndWhy) {
  source_.add({.name = "Flask", .version = "1.0", .requirements = {"click>=2", "Markup[fast]"}});
  source_.add({.name = "click", .version = "2.0", .date = "2024-01-01"});
  source_.add(
      {.name = "markup", .version = "0.9", .requirements = {"click; extra == 'fast'"}, .extras = {"fast"}});
  const Outcome outcome = run({"flask", "click<3"});
  const auto& packages = std::get<Resolution>(outcome).packages;
  ASSERT_EQ(packages.size(), 3U);

  const ResolvedPackage& click = packages[0];
  EXPECT_EQ(click.file.artifact.filename, "click-2.0-py3-none-any.whl");
  EXPECT_EQ(click.index, "https://index.example/simple");
  ASSERT_EQ(click.required_by.size(), 3U);
  EXPECT_FALSE(click.required_by[0].from.has_value());
  EXPECT_EQ(click.required_by[0].origin.where, "requirements.txt:2");
  EXPECT_EQ(click.required_by[0].requirement.to_string(), "click<3");
  EXPECT_EQ(click.required_by[1].from, package_name("flask"));
  EXPECT_EQ(click.required_by[1].requirement.to_string(), "click>=2");
  EXPECT_EQ(click.required_by[2].from, package_name("markup"));

  EXPECT_EQ(packages[1].metadata.requires_dist.size(), 2U);
  EXPECT_EQ(packages[2].extras.size(), 1U);
}

TEST_F(Resolve, CountsWhatItAskedFor) {
  source_.add({.name = "a", .version = "1.0", .requirements = {"b"}});
  source_.add({.name = "b", .version = "1.0"});
  run({"a"});
  EXPECT_EQ(statistics_.projects, source_.pages());
  EXPECT_EQ(statistics_.metadata, source_.metadata_files());
  EXPECT_EQ(statistics_.rounds, 3);
  EXPECT_GT(statistics_.solver.count(), 0);
}

TEST_F(Resolve, NothingThatIsUnderwayIsNeededForAnAnswer) {
  // The page of `slow` is only asked for on the way to a version that is given up.
  source_.add({.name = "a", .version = "1.0"});
  source_.add({.name = "a", .version = "2.0", .requirements = {"b<1", "slow"}});
  source_.add({.name = "b", .version = "1.0"});
  source_.add({.name = "slow", .version = "1.0"});
  EXPECT_THAT(packages_of(std::get<Resolution>(run({"b", "a"}))), ElementsAre("a 1.0", "b 1.0"));
}

TEST_F(Resolve, TheCoreOfAConflictIsMinimalAndInTheUsersOrder) {
  source_.add({.name = "a", .version = "1.0", .requirements = {"d<2"}});
  source_.add({.name = "b", .version = "1.0", .requirements = {"d"}});
  source_.add({.name = "c", .version = "1.0", .requirements = {"d>=2"}});
  source_.add({.name = "d", .version = "1.0"});
  source_.add({.name = "d", .version = "2.0"});
  const Outcome outcome = run({"b", "a", "d", "c"});
  std::vector<std::string> core;
  for (const Edge& edge : std::get<Conflict>(outcome).core) core.push_back(edge.origin.where);
  EXPECT_THAT(core, ElementsAre("requirements.txt:2", "requirements.txt:4"));
}

TEST_F(Resolve, AnEmptyRequestHasAnEmptyAnswer) {
  const Outcome outcome = run({});
  EXPECT_THAT(std::get<Resolution>(outcome).packages, IsEmpty());
}

}  // namespace
}  // namespace moat::testing
