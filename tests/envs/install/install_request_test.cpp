#include "envs/install/install_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace moat {
namespace {

PackageName name(std::string_view text) { return *PackageName::parse(text); }

RootRequirement line(std::string_view text) { return {*Requirement::parse(text), {}, {}}; }

InstallRequest plain() {
  InstallRequest request;
  request.indexes.indexes = {{.name = "", .url = *Url::parse("https://index.example/simple/")}};
  return request;
}

std::string digest_with(const std::function<void(InstallRequest&)>& change) {
  InstallRequest request = plain();
  change(request);
  return digest_of(request);
}

TEST(InstallRequest, IsNamedByItsDigest) {
  EXPECT_EQ(digest_of(plain()), digest_of(plain()));
  EXPECT_EQ(digest_of(plain()).size(), 32U);
}

// Each is a difference that may give another answer, so none of them may meet what was kept for another.
TEST(InstallRequest, EveryPartOfItGivesAnotherDigest) {
  const std::vector<std::function<void(InstallRequest&)>> changes = {
      [](InstallRequest&) {},
      [](InstallRequest& r) { r.indexes.indexes.clear(); },
      [](InstallRequest& r) { r.indexes.indexes[0].name = "one"; },
      [](InstallRequest& r) { r.indexes.indexes[0].url = *Url::parse("https://other.example/simple/"); },
      [](InstallRequest& r) { r.indexes.indexes[0].forbids_absent = true; },
      [](InstallRequest& r) { r.indexes.find_links = {"/wheels"}; },
      [](InstallRequest& r) {
        r.indexes.pins = {{name("lib"), "one"}};
      },
      [](InstallRequest& r) { r.indexes.strategy = IndexStrategy::BestMatch; },
      [](InstallRequest& r) { r.mode = ResolutionMode::Lowest; },
      [](InstallRequest& r) { r.mode = ResolutionMode::LowestDirect; },
      [](InstallRequest& r) { r.prereleases.otherwise = Prereleases::Allow; },
      [](InstallRequest& r) {
        r.prereleases.by_name = {{name("lib"), Prereleases::Allow}};
      },
      [](InstallRequest& r) { r.binary.allow_wheels = false; },
      [](InstallRequest& r) { r.binary.allow_sdists = false; },
      [](InstallRequest& r) {
        r.binary.by_name = {{name("lib"), {true, false}}};
      },
      [](InstallRequest& r) {
        r.binary.by_name = {{name("lib"), {false, true}}};
      },
      [](InstallRequest& r) { r.exclude_newer = 1'700'000'000; },
      [](InstallRequest& r) { r.exclude_newer = 1'700'000'001; },
      [](InstallRequest& r) { r.window = std::chrono::hours(24); },
      [](InstallRequest& r) { r.may_build = false; },
      [](InstallRequest& r) { r.no_vulnerable = true; },
      [](InstallRequest& r) { r.build.constraints = {line("setuptools<70")}; },
      [](InstallRequest& r) { r.build.constraints = {line("setuptools<71")}; },
      [](InstallRequest& r) {
        r.build.config_settings = {{"editable_mode", "strict"}};
      },
      [](InstallRequest& r) {
        r.build.variables = {{"CFLAGS", "-O3"}};
      },
      [](InstallRequest& r) { r.build.isolation = false; },
      [](InstallRequest& r) { r.build.network = true; },
  };
  std::set<std::string> digests;
  for (const auto& change : changes) digests.insert(digest_with(change));
  EXPECT_EQ(digests.size(), changes.size());
}

TEST(InstallRequest, WordsDoNotRunTogetherInItsDigest) {
  EXPECT_NE(digest_with([](InstallRequest& r) {
              r.indexes.find_links = {"/a", "/b"};
            }),
            digest_with([](InstallRequest& r) { r.indexes.find_links = {"/a/b"}; }));
  EXPECT_NE(digest_with([](InstallRequest& r) {
              r.build.variables = {{"A", "BC"}};
            }),
            digest_with([](InstallRequest& r) {
              r.build.variables = {{"AB", "C"}};
            }));
}

TEST(InstallRequest, CredentialsAreNotInItsDigest) {
  EXPECT_EQ(digest_with([](InstallRequest& r) {
              r.indexes.indexes[0].url = *Url::parse("https://me:secret@index.example/simple/");
            }),
            digest_of(plain()));
}

TEST(InstallRequest, FillsWhatAResolutionDependsOn) {
  InstallRequest request = plain();
  request.mode = ResolutionMode::Lowest;
  request.exclude_newer = 7;
  request.window = std::nullopt;
  request.binary.allow_sdists = false;
  request.prereleases.otherwise = Prereleases::Allow;
  ResolveRequest resolve{
      .target = {.environment = {}, .tags = {}, .python = Version::of({3, 12}), .description = ""}};
  request.fill(resolve);
  EXPECT_EQ(resolve.mode, ResolutionMode::Lowest);
  EXPECT_EQ(resolve.exclude_newer, 7);
  EXPECT_FALSE(resolve.window);
  EXPECT_FALSE(resolve.binary.sdists(name("lib")));
  EXPECT_EQ(resolve.prereleases.of(name("lib")), Prereleases::Allow);
}

}  // namespace
}  // namespace moat
