#include "envs/environment/spawn.h"

#include "fetch/os/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;

struct ProgramTest : ::testing::Test {
  TempDir folder{fs::temp_directory_path(), "program"};
  fs::path env = folder.path() / "env", elsewhere = folder.path() / "elsewhere",
           work = folder.path() / "work";

  ProgramTest() {
    for (const fs::path& path : {env / "bin", elsewhere, work}) fs::create_directories(path);
  }
  static fs::path script(const fs::path& path, const std::string& text) {
    write_file_atomically(path, text, 0755);
    return path;
  }
  auto find(const std::vector<std::string>& command, bool pure = false) {
    return find_command(command, env, work, elsewhere.native() + ":/usr/bin:/bin", pure);
  }
  std::vector<std::string> started(const std::vector<std::string>& command) {
    const auto found = find(command);
    const auto* program = std::get_if<Program>(&found);
    return program ? program->argv : std::vector<std::string>{};
  }
  bool refused(const std::vector<std::string>& command) {
    return std::holds_alternative<ProgramRefused>(find(command));
  }
  bool missing(const std::vector<std::string>& command, bool pure = false) {
    return std::holds_alternative<ProgramNotFound>(find(command, pure));
  }
};

TEST_F(ProgramTest, TheEnvironmentsBinComesFirst) {
  script(env / "bin" / "tool", "#!/bin/sh\n");
  script(elsewhere / "tool", "#!/usr/bin/python3\n");
  EXPECT_THAT(started({"tool", "-x"}), ElementsAre((env / "bin/tool").native(), "-x"));
}

TEST_F(ProgramTest, AScriptOfAnotherPythonIsRefused) {
  script(elsewhere / "shebang", "#!/usr/bin/python3\nprint(1)\n");
  script(elsewhere / "exact", "#! /opt/py/bin/python3.12 -I\n");
  script(elsewhere / "pypy", "#!/opt/bin/pypy3\n");
  script(elsewhere / "long", "#!/bin/sh\n'''exec' \"/a b/bin/python\" \"$0\" \"$@\"\n' '''\n");
  script(elsewhere / "ours", "#!/bin/sh\n''':'\nexec x\n' '''\n");
  script(elsewhere / "shim",
         "#!/usr/bin/env bash\nexec \"/opt/pyenv/libexec/pyenv\" exec \"$program\" \"$@\"\n");
  fs::create_symlink(elsewhere / "shebang", elsewhere / "link");
  for (const char* name : {"shebang", "exact", "pypy", "long", "ours", "shim", "link"})
    EXPECT_TRUE(refused({name})) << name;
}

TEST_F(ProgramTest, AnotherPythonItselfIsRefused) {
  for (const char* name : {"python", "python3.99", "pypy3", "python3.13t"}) {
    script(elsewhere / name,
           "\x7f"
           "ELF");
    EXPECT_TRUE(refused({name})) << name;
  }
}

TEST_F(ProgramTest, OtherProgramsOfPathRun) {
  script(elsewhere / "shell-script", "#!/bin/sh\necho\n");
  script(elsewhere / "by-env", "#!/usr/bin/env python3\n");  // takes the environment's
  script(elsewhere / "python-is-my-friend", "#!/bin/sh\n");
  for (const char* name : {"shell-script", "by-env", "python-is-my-friend", "ls"})
    EXPECT_FALSE(started({name}).empty()) << name;
}

TEST_F(ProgramTest, PureLooksNowhereElse) {
  EXPECT_TRUE(missing({"ls"}, true));
  EXPECT_TRUE(missing({"no-such-program"}));
  EXPECT_TRUE(missing({""}));
}

TEST_F(ProgramTest, APathIsTakenAsItIsUnlessItBelongsToAnotherPython) {
  script(work / "x", "#!/bin/sh\n");
  script(work / "y", "#!/usr/bin/python3\n");
  script(env / "bin" / "own", "#!/bin/sh\n''':'\n");
  EXPECT_THAT(started({"./x"}), ElementsAre((work / "./x").native()));
  EXPECT_TRUE(refused({"./y"}));
  EXPECT_TRUE(missing({"./z"}));
  EXPECT_FALSE(started({(env / "bin/own").native()}).empty());
}

TEST_F(ProgramTest, APythonFileIsRunByTheEnvironmentsPython) {
  write_file_atomically(work / "a.py", "print(1)\n");
  EXPECT_THAT(started({"a.py", "x"}), ElementsAre((env / "bin/python").native(), "a.py", "x"));
}

TEST(ProgramVariables, PutTheEnvironmentFirstAndLeaveTheOldOne) {
  const Variables variables = {{"PATH", "/old/bin:/usr/bin::/bin"},
                               {"VIRTUAL_ENV", "/old"},
                               {"PYTHONHOME", "/x"},
                               {"PYTHONPATH", "/y"},
                               {"PIP_INDEX_URL", "z"},
                               {"LANG", "C"}};
  const Variables out = program_variables(variables, "/new", false);
  EXPECT_EQ(out.at("PATH"), "/new/bin:/usr/bin:/bin");
  EXPECT_EQ(out.at("VIRTUAL_ENV"), "/new");
  EXPECT_EQ(out.count("PYTHONHOME"), 0U);
  EXPECT_EQ(out.count("PYTHONPATH"), 1U);
  const Variables pure = program_variables(variables, "/new", true);
  EXPECT_EQ(pure.at("PATH"), "/new/bin");
  EXPECT_EQ(pure.count("PYTHONPATH"), 0U);
  EXPECT_EQ(pure.count("PIP_INDEX_URL"), 0U);
  EXPECT_EQ(pure.at("LANG"), "C");
}

TEST(ProgramVariables, ShowThePromptOfTheEnvironment) {
  const TempDir folder(fs::temp_directory_path(), "prompt");
  const auto prompt = [&] { return program_variables({}, folder.path(), false).at("VIRTUAL_ENV_PROMPT"); };
  EXPECT_EQ(prompt(), folder.path().filename().native());
  write_file_atomically(folder.path() / "pyvenv.cfg", "home = /usr/bin\n");
  EXPECT_EQ(prompt(), folder.path().filename().native());
  write_file_atomically(folder.path() / "pyvenv.cfg", "prompt = my lab\n");
  EXPECT_EQ(prompt(), "my lab");
  write_file_atomically(folder.path() / "pyvenv.cfg", "prompt = 'of venv'\n");
  EXPECT_EQ(prompt(), "of venv");
}

}  // namespace
}  // namespace moat
