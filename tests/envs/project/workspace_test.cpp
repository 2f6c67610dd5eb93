// Projects and workspaces in folders, without a command line.
#include "envs/project/workspace.h"

#include "envs/project/project_stamp.h"
#include "fetch/os/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct WorkspaceTest : ::testing::Test {
  WorkspaceTest() {
    write("", "[tool.moat.workspace]\nmembers = [\"packages/*\"]\n");
    write("packages/app",
          "[project]\nname = \"app\"\nversion = \"1\"\ndependencies = [\"core\", \"http\"]\n"
          "[project.optional-dependencies]\nfast = [\"speed\"]\n[dependency-groups]\ndev = [\"checks\"]\n");
    write("packages/core", "[project]\nname = \"core\"\nversion = \"2\"\ndependencies = [\"base>=1\"]\n");
    write("packages/other", "[project]\nname = \"other\"\nversion = \"1\"\ndependencies = [\"unrelated\"]\n");
  }
  void write(const std::string& where, const std::string& text) {
    fs::create_directories(folder.path() / where);
    write_file_atomically(folder.path() / where / "pyproject.toml", text);
    around.working_directory = folder.path();
    if (!where.empty()) return;
    around.pyproject = folder.path() / "pyproject.toml";
    around.pyproject_text = text;
  }
  static std::vector<std::string> texts(const std::vector<NamedLine>& lines) {
    std::vector<std::string> out;
    for (const NamedLine& line : lines) out.push_back(line.text);
    return out;
  }
  std::vector<std::string> needed(const std::string& member, const std::set<ExtraName>& extras = {},
                                  const std::set<GroupName>& groups = {}) {
    std::vector<std::string> out;
    for (const PackageName& one : needs_of_member(member, extras, groups, around, ask).names)
      out.push_back(one.normalized());
    return out;
  }

  TempDir folder{fs::temp_directory_path(), "workspace"};
  SurroundingProject around;
  AskBackend ask = [](const fs::path& at) -> BackendAnswer {
    throw Error(ErrorKind::Build, "asked about " + at.native());
  };
};

TEST_F(WorkspaceTest, ItsLinesAreThoseOfAllMembersWithoutTheirNames) {
  const ProjectFacts facts = read_workspace(around, ask);
  EXPECT_THAT(texts(facts.dependencies.value()), ElementsAre("http", "base>=1", "unrelated"));
  EXPECT_THAT(facts.dependencies->front().where, HasSubstr("packages/app/pyproject.toml:4"));
}

TEST_F(WorkspaceTest, AMemberNeedsWhatTheMembersItRequiresNeed) {
  EXPECT_THAT(needed("app"), ElementsAre("base", "http"));
  EXPECT_THAT(needed("app", {ExtraName::parse("fast").value()}, {GroupName::parse("dev").value()}),
              ElementsAre("base", "checks", "http", "speed"));
  EXPECT_THAT(needed("core"), ElementsAre("base"));
  EXPECT_THAT(needs_of_member("app", {}, {}, around, ask).folders,
              ElementsAre(folder.path() / "packages/app", folder.path() / "packages/core"));
  EXPECT_THROW(needed("nobody"), Error);
}

// While it is being changed, its text is not the file's.
TEST_F(WorkspaceTest, TheTextsAtHandCountNotTheFiles) {
  around.member = folder.path() / "packages/core/pyproject.toml";
  around.member_text = "[project]\nname = \"core\"\nversion = \"2\"\ndependencies = [\"fresh\"]\n";
  EXPECT_THAT(needed("core"), ElementsAre("fresh"));
}

TEST_F(WorkspaceTest, AnEnvironmentIsSyncedUntilAFileOfAMemberChanges) {
  const fs::path env = folder.path() / "env";
  fs::create_directories(env / ".moat");
  write_file_atomically(env / ".moat/manifest", "m");
  write_file_atomically(folder.path() / "pylock.toml", "lock");
  const auto stamp = [&] {
    const std::string project = project_digest(folder.path(), around);
    write_stamp(env, {.inputs = inputs_digest(project, "lock", "all"),
                      .project = project,
                      .manifest = manifest_mark(env),
                      .exact = false});
  };
  stamp();
  EXPECT_TRUE(is_synced(env, true, "all", around));
  EXPECT_FALSE(is_synced(env, false, "all", around)) << "there may be more in it";
  EXPECT_FALSE(is_synced(env, true, "some", around));
  write("packages/other", "[project]\nname = \"other\"\nversion = \"1\"\n");
  EXPECT_FALSE(is_synced(env, true, "all", around));
  stamp();
  EXPECT_TRUE(is_synced(env, true, "all", around));
  write_file_atomically(folder.path() / "pylock.toml", "another");
  EXPECT_FALSE(is_synced(env, true, "all", around));
}

}  // namespace
}  // namespace moat
