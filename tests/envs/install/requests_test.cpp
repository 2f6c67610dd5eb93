// What was asked for earlier stays in force, until it is asked for differently.
#include "envs/install/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PackageName name(const std::string& text) { return PackageName::parse(text).value(); }

RootRequirement line(const std::string& text, const std::string& where = "") {
  return {Requirement::parse(text).value(), {where}, {}};
}

ManifestRequest by_command(const std::string& requirement) {
  return {.name = Requirement::parse(requirement)->name.normalized(),
          .kind = std::string(kCommandRequest),
          .origin = "moat install " + requirement,
          .requirement = requirement};
}

ManifestRequest by_file(const std::string& requirement) {
  ManifestRequest request = by_command(requirement);
  request.kind = kFileRequest;
  request.origin = "/p/all.txt";
  return request;
}

Goal goal_of(const std::vector<std::string>& texts) {
  Goal goal;
  for (const std::string& text : texts) goal.requirements.push_back(line(text));
  return goal;
}

std::vector<std::string> texts(const std::vector<RootRequirement>& lines) {
  std::vector<std::string> out;
  for (const RootRequirement& root : lines) out.push_back(root.requirement.to_string());
  return out;
}

std::vector<std::string> said(const RequestChanges& changes) {
  std::vector<std::string> out;
  for (const ManifestRequest& request : changes.said) out.push_back(request.requirement);
  return out;
}

std::vector<std::string> earlier_of(Goal goal, const std::vector<ManifestRequest>& before,
                                    const std::set<PackageName>& upgraded = {}) {
  add_earlier_requests(before, upgraded, goal);
  return texts(goal.earlier);
}

TEST(EarlierRequests, BindUntilTheirNameIsAskedForDifferently) {
  const std::vector<ManifestRequest> before = {by_command("flake8==3.9.2"), by_command("attrs>=20,<26")};
  EXPECT_THAT(earlier_of(goal_of({"idna"}), before), ElementsAre("flake8==3.9.2", "attrs<26,>=20"));
  EXPECT_THAT(earlier_of(goal_of({"flake8"}), before), ElementsAre("flake8==3.9.2", "attrs<26,>=20"))
      << "a bare name keeps what is remembered for it";
  EXPECT_THAT(earlier_of(goal_of({"flake8>=4"}), before), ElementsAre("attrs<26,>=20"));
}

TEST(EarlierRequests, LoseOnlyTheirPinsInAnUpgrade) {
  const std::vector<ManifestRequest> before = {by_command("flake8==3.9.2"), by_command("attrs>=20,<26"),
                                               by_command("six==1.*")};
  EXPECT_THAT(earlier_of({}, before, {name("flake8"), name("attrs"), name("six")}),
              ElementsAre("flake8", "attrs<26,>=20", "six==1.*"));
}

TEST(EarlierRequests, OfPipAndOfUrlsDoNotBind) {
  ManifestRequest of_pip = by_command("flake8==3.9.2");
  of_pip.binding = false;
  EXPECT_THAT(earlier_of({}, {of_pip, by_command("lib @ https://h.example/lib-1.0-py3-none-any.whl")}),
              IsEmpty());
  Goal pip = goal_of({"idna"});
  pip.binds = false;
  EXPECT_THAT(earlier_of(pip, {by_command("flake8==3.9.2")}), IsEmpty());
}

TEST(EarlierRequests, OfAFileEndWhereItIsInstalledAgain) {
  Goal again = goal_of({});
  again.requirements.push_back(line("idna", "all.txt:1"));
  again.files = {{"all.txt:1", "/p/all.txt"}};
  EXPECT_THAT(earlier_of(again, {by_file("flake8==3.9.2"), by_command("six<2")}), ElementsAre("six<2"));
}

TEST(RequestChangesTest, AreOnlyWhatIsNew) {
  const std::vector<ManifestRequest> before = {by_command("flake8==3.9.2")};
  EXPECT_TRUE(request_changes(goal_of({"flake8==3.9.2"}), before, "moat install flake8==3.9.2").empty());
  EXPECT_TRUE(request_changes(goal_of({"flake8"}), before, "moat install flake8").empty());
  EXPECT_THAT(said(request_changes(goal_of({"flake8", "idna"}), before, "moat install …")),
              ElementsAre("idna"));
}

TEST(RequestChangesTest, ReplaceTheRequestForTheName) {
  const RequestChanges changes =
      request_changes(goal_of({"flake8>=4"}), {by_command("flake8==3.9.2")}, "moat install flake8>=4");
  EXPECT_THAT(changes.forgotten, ElementsAre(name("flake8")));
  EXPECT_THAT(said(changes), ElementsAre("flake8>=4"));
}

TEST(RequestChangesTest, AddExtrasToThePinThatStays) {
  EXPECT_THAT(said(request_changes(goal_of({"flake8[x]"}), {by_command("flake8==3.9.2")}, "moat install …")),
              ElementsAre("flake8[x]==3.9.2"));
}

TEST(RequestChangesTest, ReplaceAllOfAFileTogether) {
  Goal again;
  again.requirements.push_back(line("idna", "all.txt:1"));
  again.requirements.push_back(line("six<2", "all.txt:2"));
  again.files = {{"all.txt:1", "/p/all.txt"}, {"all.txt:2", "/p/all.txt"}};
  const RequestChanges changes =
      request_changes(again, {by_file("flake8==3.9.2"), by_file("six<2")}, "moat install -r all.txt");
  EXPECT_THAT(changes.forgotten, ElementsAre(name("flake8")));
  EXPECT_THAT(said(changes), ElementsAre("idna", "six<2"));
}

TEST(RequestChangesTest, HideCredentials) {
  EXPECT_THAT(said(request_changes(goal_of({"lib @ https://me:secret@h.example/lib-1.0-py3-none-any.whl"}),
                                   {}, "moat install …")),
              ElementsAre("lib @ https://****@h.example/lib-1.0-py3-none-any.whl"));
}

TEST(HeldRequests, OfOnePackageOrItsBareName) {
  const std::vector<ManifestRequest> requests = {by_command("flake8==3.9.2"), by_command("attrs<26")};
  EXPECT_THAT(held_requests(name("attrs"), requests, false), ElementsAre("attrs<26"));
  EXPECT_THAT(held_requests(name("flake8"), requests, false), ElementsAre("flake8==3.9.2"));
  EXPECT_THAT(held_requests(name("flake8"), requests, true), ElementsAre("flake8"));
  EXPECT_THAT(held_requests(name("six"), requests, false), ElementsAre("six"));
}

}  // namespace
}  // namespace moat
