#include "envs/install/sync_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

PackageName name(const std::string& text) { return PackageName::parse(text).value(); }

ResolvedPackage chosen(const std::string& package, const std::string& version) {
  return {.name = name(package), .version = Version::parse(version).value()};
}

TEST(SyncPlan, KeepsWhatTheNamedNeedThroughOthers) {
  std::vector<LockedPackage> packages;
  for (const char* one : {"app", "deep", "lib", "other"}) packages.push_back({.name = name(one)});
  packages[0].dependencies = {{name("lib"), {}}};
  packages[2].dependencies = {{name("deep"), {}}};
  std::vector<SelectedPackage> selected;
  for (const LockedPackage& package : packages) selected.push_back({&package, nullptr});
  keep_needed(selected, {name("app")});
  std::vector<std::string> kept;
  for (const SelectedPackage& one : selected) kept.push_back(one.package->name.normalized());
  EXPECT_THAT(kept, ElementsAre("app", "deep", "lib"));
}

TEST(SyncPlan, StraysAreInstalledAndNotLocked) {
  InstalledDistributions installed;
  for (const char* one : {"a", "stray"})
    installed.all.push_back({.name = name(one), .version = Version::parse("1.0").value()});
  Resolution resolution;
  resolution.packages = {chosen("a", "1.0"), chosen("b", "1.0")};
  EXPECT_THAT(strays(installed, resolution), ElementsAre(name("stray")));
}

TEST(SyncPlan, AnEditableOfTheSameFolderAndVersionStays) {
  const ResolvedPackage own = chosen("own", "1.0");
  const auto plan = [&] {
    InstallPlan out;
    out.steps.push_back({.package = &own, .requested = true, .hashes = {}, .editable = true});
    return out;
  };
  Present present;
  present.versions.emplace(name("own"), own.version);
  DirectUrl from;
  from.url = "file:///p/own";
  from.editable = true;
  present.direct.emplace(name("own"), from);
  InstallPlan same = plan(), elsewhere = plan(), newer = plan();
  drop_current(same, "/p/own", present);
  EXPECT_THAT(same.steps, IsEmpty());
  drop_current(elsewhere, "/p/other", present);
  EXPECT_THAT(elsewhere.steps, SizeIs(1));
  present.versions.insert_or_assign(name("own"), Version::parse("0.9").value());
  drop_current(newer, "/p/own", present);
  EXPECT_THAT(newer.steps, SizeIs(1));
}

}  // namespace
}  // namespace moat
