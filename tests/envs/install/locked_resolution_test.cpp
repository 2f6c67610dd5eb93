// A lock's packages, as if they had just been resolved.
#include "envs/install/locked_resolution.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "tests/support/wheel_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::WheelBuilder;

PackageName name(const std::string& text) { return PackageName::parse(text).value(); }

LockedPackage locked(const std::string& package, const std::string& version) {
  LockedPackage out{.name = name(package), .version = Version::parse(version).value()};
  const std::string filename = package + "-" + version + "-py3-none-any.whl";
  out.wheels.push_back({.name = filename,
                        .url = "https://files.example/" + filename,
                        .hashes = {Digest::parse("sha256", std::string(64, 'a')).value()}});
  return out;
}

struct LockedResolutionTest : ::testing::Test {
  Resolution resolution(const std::vector<LockedPackage>& packages, IndexSourceOptions near = {},
                        bool only_near = false) {
    std::vector<SelectedPackage> selected;
    for (const LockedPackage& package : packages) selected.push_back({&package, &package.wheels.front()});
    sources.sources = std::make_unique<Sources>(http, store, reporter, GitOptions{});
    return locked_resolution(selected, folder.path(),
                             {.tools = {http, store, workers, reporter, {}},
                              .sources = sources,
                              .near = std::move(near),
                              .only_near = only_near});
  }

  TempDir folder{fs::temp_directory_path(), "locked"};
  Store store{folder.path() / "store"};
  HttpClient http{HttpOptions{}};
  Workers workers;
  Reporter reporter;
  SourceSetup sources;
};

TEST(LockedGoal, AsksForWhatNothingElseNeeds) {
  std::vector<LockedPackage> packages = {locked("app", "1.0"), locked("lib", "1.0"), locked("own", "1.0")};
  packages[0].dependencies = {{name("lib"), {}}, {name("own"), {}}};
  packages[2].direct = DirectSource{.kind = DirectSourceKind::Directory};
  packages[2].direct->editable = true;
  std::vector<SelectedPackage> selected;
  for (const LockedPackage& package : packages) selected.push_back({&package, nullptr});
  const Goal goal = locked_goal(selected);
  std::vector<std::string> names;
  for (const RootRequirement& root : goal.requirements) names.push_back(root.requirement.name.normalized());
  EXPECT_THAT(names, ElementsAre("app", "own")) << "a folder is there only if somebody asked for it";
  EXPECT_THAT(goal.editables, ElementsAre(name("own")));
}

TEST_F(LockedResolutionTest, HasTheFilesAndHashesOfTheLock) {
  const Resolution got = resolution({locked("a", "1.0")});
  ASSERT_EQ(got.packages.size(), 1U);
  EXPECT_EQ(got.packages[0].file.artifact.url.to_string(), "https://files.example/a-1.0-py3-none-any.whl");
  EXPECT_EQ(got.packages[0].accepted.size(), 1U);
}

TEST_F(LockedResolutionTest, TakesTheSameFileFromNearby) {
  make_directories(folder.path() / "wheels");
  const fs::path file = WheelBuilder("a", "1.0").write(folder.path() / "wheels");
  LockedPackage package = locked("a", "1.0");
  IndexSourceOptions near;
  near.indexes.find_links = {(folder.path() / "wheels").native()};
  EXPECT_EQ(resolution({package}, near).packages[0].file.artifact.url.scheme(), "https")
      << "its hash is another one";
  try {
    resolution({package}, near, true);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no --find-links place has `a-1.0-py3-none-any.whl`"));
  }
  package.wheels[0].hashes = {hash_file(file)};
  EXPECT_EQ(resolution({package}, near, true).packages[0].file.artifact.url.scheme(), "file");
}

}  // namespace
}  // namespace moat
