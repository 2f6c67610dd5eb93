#include "fetch/sources/git.h"

#include "fetch/os/process.h"
#include "tests/support/wheel_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace moat {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::pair<std::string, std::string>> variables(const fs::path& home) {
  return {{"PATH", std::getenv("PATH")}, {"HOME", home.native()},     {"GIT_AUTHOR_NAME", "a"},
          {"GIT_AUTHOR_EMAIL", "a@b"},   {"GIT_COMMITTER_NAME", "a"}, {"GIT_COMMITTER_EMAIL", "a@b"}};
}

class GitTest : public ::testing::Test {
 protected:
  GitTest() : folder_(fs::temp_directory_path(), "git-test"), store_(folder_.path() / "store") {}

  void SetUp() override {
    if (!find_program("git", std::getenv("PATH"))) GTEST_SKIP() << "there is no git";
  }

  std::string git(const fs::path& where, std::vector<std::string> arguments) {
    Command command{.argv = {"git", "-c", "protocol.file.allow=always", "-c", "init.defaultBranch=main"}};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.directory = where;
    command.environment = variables(folder_.path());
    const ProcessResult result = run_process(command);
    EXPECT_EQ(result.status, 0) << result.errors;
    return result.output.substr(0, result.output.find('\n'));
  }
  fs::path repository(const std::string& name) {
    const fs::path path = folder_.path() / name;
    fs::create_directories(path);
    git(path, {"init", "--quiet"});
    return path;
  }
  std::string commit(const fs::path& repository, const std::string& file, const std::string& contents) {
    testing::write_bytes(repository / file, contents);
    git(repository, {"add", "-A"});
    git(repository, {"commit", "--quiet", "-m", "x"});
    return git(repository, {"rev-parse", "HEAD"});
  }
  static SourceUrl at(const fs::path& repository, const std::string& revision = "") {
    return SourceUrl::parse("git+file://" + repository.native() + (revision.empty() ? "" : "@" + revision))
        .value();
  }

  std::string resolve(const SourceUrl& source, bool offline = false) {
    return Git(options(offline), store_, reporter_).resolve(source, {});
  }
  fs::path check_out(const SourceUrl& source) {
    Git git(options(false), store_, reporter_);
    const fs::path into = folder_.path() / ("tree" + std::to_string(trees_++));
    git.checkout(source, git.resolve(source, {}), into, {});
    return into;
  }
  std::string failure(const SourceUrl& source, ErrorKind kind, bool offline = false) {
    try {
      resolve(source, offline);
    } catch (const Error& error) {
      EXPECT_EQ(to_string(error.kind()), to_string(kind)) << error.what();
      return error.what();
    }
    return "";
  }
  GitOptions options(bool offline) {
    return {.path = std::getenv("PATH"), .environment = variables(folder_.path()), .offline = offline};
  }

  TempDir folder_;
  Store store_;
  Reporter reporter_;
  int trees_ = 0;
};

TEST_F(GitTest, FindsBranchesTagsCommitsAndTheDefault) {
  const fs::path repo = repository("repo");
  const std::string first = commit(repo, "a", "1");
  git(repo, {"tag", "v1"});
  git(repo, {"tag", "-a", "v1-annotated", "-m", "x"});
  git(repo, {"checkout", "--quiet", "-b", "feature/x"});
  const std::string second = commit(repo, "a", "2");
  git(repo, {"checkout", "--quiet", "main"});
  EXPECT_EQ(resolve(at(repo)), first);
  EXPECT_EQ(resolve(at(repo, "v1")), first);
  EXPECT_EQ(resolve(at(repo, "v1-annotated")), first);
  EXPECT_EQ(resolve(at(repo, "feature/x")), second);
  EXPECT_EQ(resolve(at(repo, second)), second);
  EXPECT_EQ(resolve(at(repo, second.substr(0, 8))), second);
}

TEST_F(GitTest, ABranchIsAskedForAnewAndACommitIsNot) {
  const fs::path repo = repository("repo");
  const std::string first = commit(repo, "a", "1");
  EXPECT_EQ(resolve(at(repo, "main")), first);
  const std::string second = commit(repo, "a", "2");
  EXPECT_EQ(resolve(at(repo, "main")), second);
  fs::rename(repo, folder_.path() / "gone");
  EXPECT_EQ(resolve(at(repo, first)), first);
  EXPECT_EQ(resolve(at(repo, "main"), true), second);  // offline: as it was last seen
  EXPECT_THAT(failure(at(repo, "main"), ErrorKind::Network), HasSubstr("cannot read the git repository"));
}

TEST_F(GitTest, WhatIsNotThereIsSaid) {
  const fs::path repo = repository("repo");
  EXPECT_THAT(failure(at(repo), ErrorKind::Network), HasSubstr("HEAD"));
  commit(repo, "a", "1");
  EXPECT_THAT(failure(at(repo, "v9"), ErrorKind::NotFound), HasSubstr("no branch, tag or commit `v9`"));
  EXPECT_THAT(failure(at(repo, std::string(40, 'a')), ErrorKind::NotFound),
              HasSubstr("no branch, tag or commit"));
  EXPECT_THAT(failure(at(folder_.path() / "none"), ErrorKind::Network), HasSubstr("does not"));
  EXPECT_THAT(failure(at(folder_.path() / "other"), ErrorKind::Offline, true), HasSubstr("offline"));
}

TEST_F(GitTest, ARefOutsideBranchesAndTagsCanBeAskedFor) {
  const fs::path repo = repository("repo");
  commit(repo, "a", "1");
  git(repo, {"checkout", "--quiet", "--detach"});
  const std::string pull = commit(repo, "a", "2");
  git(repo, {"update-ref", "refs/pull/7/head", pull});
  git(repo, {"checkout", "--quiet", "main"});
  EXPECT_EQ(resolve(at(repo, "refs/pull/7/head")), pull);
}

TEST_F(GitTest, ACheckoutHasTheFilesAndTheTags) {
  const fs::path repo = repository("repo");
  commit(repo, "a", "1");
  git(repo, {"tag", "v1"});
  commit(repo, "a", "2");
  const fs::path tree = check_out(at(repo, "v1"));
  EXPECT_EQ(read_file(tree / "a"), "1");
  EXPECT_EQ(git(tree, {"describe", "--tags"}), "v1");
  EXPECT_EQ(git(tree, {"remote", "get-url", "origin"}), "file://" + repo.native());
}

TEST_F(GitTest, SubmodulesOfSubmodulesComeAlong) {
  const fs::path inner = repository("inner"), middle = repository("middle"), outer = repository("outer");
  commit(inner, "deep", "found");
  git(middle, {"submodule", "--quiet", "add", "../inner", "i"});
  commit(middle, "m", "1");
  git(outer, {"submodule", "--quiet", "add", "file://" + middle.native(), "m"});
  commit(outer, "o", "1");
  EXPECT_EQ(read_file(check_out(at(outer)) / "m/i/deep"), "found");
}

TEST_F(GitTest, TheCallersGitVariablesMisleadNobody) {
  const fs::path repo = repository("repo");
  const std::string first = commit(repo, "a", "1");
  GitOptions misled = options(false);
  misled.environment.emplace_back("GIT_DIR", "/nonexistent");
  misled.environment.emplace_back("GIT_INDEX_FILE", "/nonexistent/index");
  EXPECT_EQ(Git(misled, store_, reporter_).resolve(at(repo), {}), first);
}

TEST_F(GitTest, HooksOfTheRepositoryDoNotRun) {
  const fs::path repo = repository("repo");
  commit(repo, "a", "1");
  const fs::path ran = folder_.path() / "ran";
  // What a template of the user's would put into every clone.
  fs::create_directories(folder_.path() / "template/hooks");
  testing::write_bytes(folder_.path() / "template/hooks/post-checkout",
                       "#!/bin/sh\ntouch " + ran.native() + "\n");
  fs::permissions(folder_.path() / "template/hooks/post-checkout", fs::perms::owner_all);
  git(folder_.path(), {"config", "--global", "init.templateDir", (folder_.path() / "template").native()});
  check_out(at(repo));
  EXPECT_FALSE(fs::exists(ran));
}

TEST_F(GitTest, WithoutGitTheMessageSaysHowToGetIt) {
  GitOptions none = options(false);
  none.path = folder_.path().native();
  try {
    Git(none, store_, reporter_).resolve(at(folder_.path() / "x"), {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::BadInput);
    EXPECT_THAT(error.hints().front(), HasSubstr("install git"));
  }
}

// Six objects that stand for a million files, whose paths alone are 600 MB.
TEST_F(GitTest, AFewObjectsThatStandForAMillionFilesAreRefused) {
  const fs::path bomb = repository("bomb");
  testing::write_bytes(bomb / "file", "x");
  std::string object = git(bomb, {"hash-object", "-w", "file"}), kind = "100644 blob";
  for (int level = 0; level < 6; ++level) {
    std::string tree;
    for (int i = 0; i < 10; ++i)
      tree += kind + " " + object + "\t" + std::string(99, 'n') + std::to_string(i) + "\n";
    testing::write_bytes(bomb / "tree", tree);
    object = git(bomb, {"-c", "alias.make=!git mktree < tree", "make"});
    kind = "040000 tree";
  }
  const std::string commit = git(bomb, {"commit-tree", "-m", "x", object});
  git(bomb, {"update-ref", "refs/heads/main", commit});
  try {
    check_out(at(bomb, commit));
    ADD_FAILURE() << "it was checked out";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Refused);
    EXPECT_THAT(error.what(), HasSubstr("more files than are checked out"));
  }
}

}  // namespace
}  // namespace moat
