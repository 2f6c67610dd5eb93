// What of a resolution is installed, beside what is there.
#include "envs/install/install_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

PackageName name(const std::string& text) { return PackageName::parse(text).value(); }

ResolvedPackage chosen(const std::string& package, const std::string& version) {
  const std::string filename = package + "-" + version + "-py3-none-any.whl";
  ResolvedPackage out{.name = name(package), .version = Version::parse(version).value()};
  out.file.artifact.filename = filename;
  out.file.artifact.url = Url::parse("https://h.example/" + filename).value();
  out.file.wheel = WheelFilename::parse(filename).value();
  return out;
}

// One whose URL is the user's.
ResolvedPackage from_url(const std::string& package, const std::string& version, const std::string& url) {
  ResolvedPackage out = chosen(package, version);
  out.file.direct = std::make_shared<const SourceUrl>(SourceUrl::parse(url).value());
  return out;
}

struct InstallPlanTest : ::testing::Test {
  void asks(const std::string& text) {
    goal.requirements.push_back({Requirement::parse(text).value(), {}, {}});
  }
  void there(const std::string& package, const std::string& version, bool requested = true,
             const std::string& sha256 = "") {
    present.versions.insert_or_assign(name(package), Version::parse(version).value());
    present.placed.insert_or_assign(name(package), ManifestPackage{.name = package,
                                                                   .version = version,
                                                                   .wheel_sha256 = sha256,
                                                                   .requested = requested,
                                                                   .index = {}});
  }
  std::vector<std::string> steps(bool reinstall = false) const {
    std::vector<std::string> out;
    for (const Step& step : plan_install(goal, resolution, present, reinstall).steps)
      out.push_back(step.package->name.normalized() + (step.requested ? "" : " (needed)"));
    return out;
  }

  Goal goal;
  Resolution resolution;
  Present present;
};

TEST_F(InstallPlanTest, HasWhatIsMissingOrAnotherVersion) {
  asks("a");
  there("b", "1.0");
  there("c", "1.0");
  resolution.packages = {chosen("a", "1.0"), chosen("b", "1.0"), chosen("c", "2.0")};
  EXPECT_THAT(steps(), ElementsAre("a", "c (needed)"));
  EXPECT_THAT(steps(true), ElementsAre("a", "b (needed)", "c (needed)"));
}

TEST_F(InstallPlanTest, MarksWhatIsThereAndAskedForOnlyNow) {
  asks("a");
  asks("b");
  there("a", "1.0", false);
  there("b", "1.0", true);
  resolution.packages = {chosen("a", "1.0"), chosen("b", "1.0")};
  const InstallPlan plan = plan_install(goal, resolution, present, false);
  EXPECT_THAT(plan.steps, IsEmpty());
  EXPECT_THAT(plan.mark_requested, ElementsAre(name("a")));
}

TEST_F(InstallPlanTest, ReplacesAWheelThatTheHashesDoNotAllow) {
  asks("a");
  there("a", "1.0", true, "aa");
  resolution.packages = {chosen("a", "1.0")};
  resolution.packages[0].accepted = {{"sha256", "aa"}};
  EXPECT_THAT(steps(), IsEmpty());
  resolution.packages[0].accepted = {{"sha256", "bb"}};
  EXPECT_THAT(steps(), ElementsAre("a"));
}

TEST_F(InstallPlanTest, LeavesOutTheNamedWhereOnlyDependenciesAreWanted) {
  asks("a");
  goal.only_dependencies = true;
  resolution.packages = {chosen("a", "1.0"), chosen("b", "1.0")};
  EXPECT_THAT(steps(), ElementsAre("b (needed)"));
}

TEST_F(InstallPlanTest, TakesAnArchiveAgainOnlyFromAnotherPlace) {
  const std::string url = "https://h.example/a-1.0.tar.gz";
  asks("a @ " + url);
  there("a", "1.0");
  resolution.packages = {from_url("a", "1.0", url)};
  EXPECT_THAT(steps(), ElementsAre("a")) << "the one that is there came from an index";
  const Digest digest = Digest::parse("sha256", std::string(64, 'a')).value();
  resolution.packages[0].file.artifact.digests = {digest};
  present.direct.emplace(name("a"), DirectUrl::of(SourceUrl::parse(url).value(), digest, false));
  EXPECT_THAT(steps(), IsEmpty());
  resolution.packages = {from_url("a", "1.0", "https://other.example/a-1.0.tar.gz")};
  EXPECT_THAT(steps(), ElementsAre("a"));
}

TEST_F(InstallPlanTest, TakesAFolderAgainWhereItIsAskedFor) {
  const std::string url = "file:///p/a";
  there("a", "1.0");
  present.direct.emplace(name("a"), DirectUrl::of(SourceUrl::parse(url).value(), {}, false));
  resolution.packages = {from_url("a", "1.0", url)};
  EXPECT_THAT(steps(), IsEmpty());
  asks("a @ " + url);
  EXPECT_THAT(steps(), ElementsAre("a"));
}

}  // namespace
}  // namespace moat
