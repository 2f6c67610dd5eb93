#include "cli/session/which_env.h"

#include "fetch/os/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::HasSubstr;

// Folders with a pyvenv.cfg are environments as far as choosing goes.
struct WhichEnvTest : ::testing::Test {
  TempDir folder{fs::temp_directory_path(), "which"};
  Settings settings;

  WhichEnvTest() {
    settings.working_directory = folder.path() / "project" / "src";
    settings.data_dir = folder.path() / "data";
    fs::create_directories(settings.working_directory);
  }
  fs::path environment(const fs::path& path) {
    fs::create_directories(folder.path() / path);
    write_file_atomically(folder.path() / path / "pyvenv.cfg", "home = /usr/bin\n");
    return folder.path() / path;
  }
  void with_project() {
    write_file_atomically(folder.path() / "project" / "pyproject.toml", "");
    settings.pyproject = folder.path() / "project" / "pyproject.toml";
  }
  fs::path chosen(ForProject project = ForProject::No) {
    const auto found = choose_environment(settings, project);
    return found ? found->root : fs::path();
  }
};

TEST_F(WhichEnvTest, NothingIsNeverAGuess) {
  EXPECT_EQ(choose_environment(settings), std::nullopt);
  try {
    require_environment(settings);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::NoEnvironment);
    EXPECT_THAT(error.hints().front(), HasSubstr("moat create"));
  }
}

TEST_F(WhichEnvTest, TheFirstThatAppliesInTheOrderOfTheReference) {
  const fs::path upwards = environment("project/.venv");
  EXPECT_EQ(chosen(), upwards);
  const fs::path active = environment("active");
  settings.variables["VIRTUAL_ENV"] = active.native();
  EXPECT_EQ(chosen(), active);
  settings.variables["MOAT_ENV"] = "named";
  EXPECT_EQ(chosen(), settings.envs_dir() / "named");
  settings.user = true;
  EXPECT_EQ(chosen(), settings.user_env());
  settings.user = false;
  settings.env = "./x/../y/";
  EXPECT_EQ(chosen(), settings.working_directory / "y");
}

TEST_F(WhichEnvTest, ForAProjectItsOwnComesBeforeTheActiveOneAndThatIsSaid) {
  with_project();
  environment("project/.venv");
  settings.variables["VIRTUAL_ENV"] = environment("active").native();
  EXPECT_EQ(chosen(ForProject::Yes), folder.path() / "project/.venv");
  EXPECT_THAT(choose_environment(settings, ForProject::Yes)->note.value_or(""),
              HasSubstr("the active environment is"));
  EXPECT_EQ(chosen(), folder.path() / "active");
  EXPECT_THAT(choose_environment(settings)->note.value_or(""), HasSubstr("the project's is"));
}

TEST_F(WhichEnvTest, TheSameFolderByAnotherPathIsNotAnotherEnvironment) {
  with_project();
  environment("project/.venv");
  fs::create_directory_symlink(folder.path() / "project", folder.path() / "link");
  settings.variables["VIRTUAL_ENV"] = (folder.path() / "link" / ".venv").native();
  EXPECT_EQ(choose_environment(settings, ForProject::Yes)->note, std::nullopt);
}

TEST_F(WhichEnvTest, ANameIsAPathWhereItLooksLikeOneOrIsOne) {
  EXPECT_EQ(environment_path("lab", settings), settings.envs_dir() / "lab");
  EXPECT_EQ(environment_path("a/b", settings), settings.working_directory / "a/b");
  EXPECT_EQ(environment_path(".venv", settings), settings.working_directory / ".venv");
  environment("project/src/here");
  EXPECT_EQ(environment_path("here", settings), settings.working_directory / "here");
  EXPECT_EQ(environment_path("/abs/", settings), "/abs");
  for (const char* bad : {"", "-x", "a b", "_x", "ä"})
    EXPECT_THROW(environment_path(bad, settings), Error) << bad;
}

TEST_F(WhichEnvTest, AnEnvironmentThatIsNamedAndMissingIsToldWithTheCommandThatMakesIt) {
  const auto hint = [&] {
    try {
      require_environment(settings);
    } catch (const Error& error) {
      return error.hints().front();
    }
    return std::string();
  };
  settings.env = "lab";
  EXPECT_THAT(hint(), HasSubstr("`moat create -n lab`"));
  settings.env = "./x";
  EXPECT_THAT(hint(), HasSubstr("`moat create " + (settings.working_directory / "x").native() + "`"));
  settings.env.reset();
  settings.user = true;
  EXPECT_THAT(hint(), HasSubstr("`moat install --user PACKAGE`"));
}

}  // namespace
}  // namespace moat
