// Which projects the user's places are, and what may be built.
#include "envs/install/prepare_sources.h"

#include "fetch/os/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PackageName name(const std::string& text) { return PackageName::parse(text).value(); }

struct PrepareSourcesTest : ::testing::Test {
  // A project whose file tells its name.
  fs::path project(const std::string& its_name) {
    const fs::path root = folder.path() / its_name;
    make_directories(root);
    write_file_atomically(root / "pyproject.toml", "[project]\nname = '" + its_name + "'\nversion = '1.0'\n");
    return root;
  }
  void asks(const std::string& text) {
    goal.requirements.push_back({Requirement::parse(text).value(), {}, {}});
  }
  void asks_for_folder(const fs::path& root, bool editable = false, const std::string& where = "") {
    const auto line = parse_requirement_line(root.native(), "/").value();
    goal.unnamed.push_back({.source = std::get<UnnamedSource>(line),
                            .text = root.native(),
                            .origin = {where},
                            .hashes = {},
                            .config_settings = {},
                            .editable = editable,
                            .place = goal.requirements.size()});
  }
  // Nothing may be built.
  UndoFolders prepare() {
    sources.sources = std::make_unique<Sources>(http, store, reporter, GitOptions{});
    BuildSetup how;
    how.terms.may_build = false;
    return prepare_sources(goal, how, false, sources, {http, store, workers, reporter, {}});
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const RootRequirement& root : goal.requirements) out.push_back(root.requirement.name.normalized());
    return out;
  }

  TempDir folder{fs::temp_directory_path(), "sources"};
  Store store{folder.path() / "store"};
  HttpClient http{HttpOptions{}};
  Workers workers;
  Reporter reporter;
  SourceSetup sources;
  Goal goal;
};

TEST_F(PrepareSourcesTest, UnnamedLinesTakeTheirPlacesWithTheirNames) {
  asks("a");
  asks_for_folder(project("two"));
  asks_for_folder(project("three"), true);
  asks("z");
  prepare();
  EXPECT_THAT(names(), ElementsAre("a", "two", "three", "z"));
  EXPECT_THAT(goal.unnamed, IsEmpty());
  EXPECT_THAT(goal.editables, ElementsAre(name("three")));
  EXPECT_EQ(SourceUrl::parse(*goal.requirements[1].requirement.url)->url.file_path(),
            (folder.path() / "two").native());
}

TEST_F(PrepareSourcesTest, SaysWhyNothingIsBuilt) {
  prepare();
  EXPECT_EQ(sources.policy.builder, nullptr);
  EXPECT_EQ(sources.policy.asker(name("a")).refusal, "`--no-build` forbids it");
}

TEST_F(PrepareSourcesTest, TakesHashesAndSettingsOfSingleLines) {
  asks("a==1.0");
  const Digest digest = Digest::parse("sha256", std::string(64, 'a')).value();
  goal.requirements[0].hashes = {digest};
  goal.config_settings[name("a")] = {{"option", "value"}};
  prepare();
  EXPECT_THAT(sources.policy.accepted_for(name("a")), ElementsAre(digest));
  EXPECT_EQ(sources.policy.settings_for(name("a")).size(), 1U);
}

TEST_F(PrepareSourcesTest, AFolderHasNoHash) {
  goal.require_hashes = true;
  asks_for_folder(project("lib"), false, "all.txt:3");
  try {
    prepare();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Refused);
    EXPECT_THAT(error.what(), HasSubstr("all.txt:3: `lib` comes from a folder, and hashes are required"));
  }
}

TEST_F(PrepareSourcesTest, ABuildWithoutIsolationNeedsAnEnvironment) {
  sources.sources = std::make_unique<Sources>(http, store, reporter, GitOptions{});
  BuildSetup how;
  how.terms.build.isolation = false;
  EXPECT_THROW(prepare_sources(goal, how, false, sources, {http, store, workers, reporter, {}}), Error);
}

}  // namespace
}  // namespace moat
