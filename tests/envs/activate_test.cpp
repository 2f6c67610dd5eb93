#include "envs/activate.h"

#include "tests/envs/real_pythons.h"

namespace moat {
namespace {

// A folder that looks like an environment; its name is what shells stumble over.
class Activate : public test::InFolder, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    shell_ = find_program(GetParam(), "/usr/bin:/bin").value_or("");
    if (shell_.empty()) GTEST_SKIP() << GetParam() << " is not on this machine";
  }
  fs::path make(const std::string& name, const std::string& prompt = "") {
    const fs::path root = folder() / name;
    make_directories(root / "bin");
    write_file_atomically(root / "pyvenv.cfg", "");
    write_file_atomically(root / "bin/activate", activate_sh({root.string(), prompt}));
    write_file_atomically(root / "bin/activate.fish", activate_fish({root.string(), prompt}));
    write_file_atomically(root / "bin/tool", "#!/bin/sh\necho tool of \"${0%/bin/tool}\"\n", 0755);
    return root;
  }
  bool fish() const { return GetParam() == "fish"; }
  // The script's lines, with @ for the activation script of the root.
  ProcessResult shell(const fs::path& root, const std::string& script) {
    Command command;
    command.argv = {shell_.string()};
    if (GetParam() == "zsh") command.argv.push_back("-f");
    command.argv.insert(command.argv.end(), {"-c", script});
    if (!fish()) command.argv.push_back("sh");
    command.argv.push_back((root / (fish() ? "bin/activate.fish" : "bin/activate")).string());
    command.environment = {{"PATH", "/usr/bin:/bin"},
                           {"HOME", folder().string()},
                           {"PYTHONHOME", "/old home"},
                           {"TERM", "dumb"}};
    command.directory = folder();
    return run_process(command);
  }
  std::string activate() const {
    return fish() ? "source $argv[1]; or exit 9\n" : "PS1='old> '\n. \"$1\" || exit 9\n";
  }
  const std::string nasty_ = "it's \"an\" $HOME `env` $(touch pwned) \\ #;&!";
  fs::path shell_;
};
INSTANTIATE_TEST_SUITE_P(Shells, Activate, testing::Values("dash", "bash", "zsh", "fish"), test::python_name);

TEST_P(Activate, PutsTheEnvironmentFirstWhateverItsName) {
  for (const std::string& name : {std::string("plain"), nasty_}) {
    const fs::path root = make(name);
    const ProcessResult result = shell(
        root,
        activate() +
            "echo \"$VIRTUAL_ENV\"\ntool\necho \"$VIRTUAL_ENV_PROMPT\"\nenv | grep -c '^PYTHONHOME='\n");
    EXPECT_EQ(result.output, root.string() + "\ntool of " + root.string() + "\n" + name + "\n0\n")
        << result.errors;
  }
  EXPECT_FALSE(fs::exists(folder() / "pwned"));
}

TEST_P(Activate, DeactivatePutsEverythingBack) {
  const fs::path root = make(nasty_);
  const std::string show =
      fish() ? "echo $PATH $PYTHONHOME [$VIRTUAL_ENV] [$VIRTUAL_ENV_PROMPT]\n"
             : "echo \"$PATH $PYTHONHOME [${VIRTUAL_ENV-}] [${VIRTUAL_ENV_PROMPT-}] ${PS1-}\"\n";
  const ProcessResult result = shell(
      root, (fish() ? "" : "PS1='old> '\n") + show + activate() + "deactivate\n" + show +
                (fish() ? "functions -q deactivate; and echo still there\n" : "command -v deactivate\n"));
  const auto end = result.output.find('\n') + 1;
  EXPECT_EQ(result.output.substr(end), result.output.substr(0, end)) << result.errors;
  EXPECT_EQ(result.errors, "");
}

TEST_P(Activate, ASecondOneTakesThePlaceOfTheFirst) {
  const fs::path one = make("one"), two = make("two");
  const std::string other = (two / (fish() ? "bin/activate.fish" : "bin/activate")).string();
  const ProcessResult result =
      shell(one, activate() + (fish() ? "source " : ". ") + other + "\ntool\n" +
                     (fish() ? "string join : $PATH\n" : "echo \"$PATH\"\n") + "deactivate\n" +
                     (fish() ? "string join : $PATH\n" : "echo \"$PATH\"\n"));
  EXPECT_EQ(result.output,
            "tool of " + two.string() + "\n" + (two / "bin").string() + ":/usr/bin:/bin\n/usr/bin:/bin\n")
      << result.errors;
}

TEST_P(Activate, KeepsWorkingUnderStrictOptions) {
  if (fish()) GTEST_SKIP() << "fish has none";
  const fs::path root = make("strict");
  const ProcessResult result = shell(root, "unset PS1\nset -eu\n. \"$1\"\ntool\ndeactivate\necho fine\n");
  EXPECT_EQ(result.output, "tool of " + root.string() + "\nfine\n") << result.errors;
}

TEST_P(Activate, ThePromptIsShownAndNeverEvaluated) {
  if (fish()) GTEST_SKIP() << "prints its prompt itself";
  const fs::path root = make("env", "$(touch pwned) `touch pwned` %x \\u mine");
  const ProcessResult result =
      shell(root, activate() + "echo \"$VIRTUAL_ENV_PROMPT\"\nprintf '%s\\n' \"$PS1\"\n");
  EXPECT_EQ(result.output,
            "$(touch pwned) `touch pwned` %x \\u mine\n(_(touch pwned) _touch pwned_ _x _u mine) old> \n");
  EXPECT_EQ(shell(root, "VIRTUAL_ENV_DISABLE_PROMPT=1\n" + activate() + "echo \"$PS1\"\n").output, "old> \n");
}

TEST_P(Activate, FollowsAMoveWhereTheShellCanTell) {
  const fs::path root = make("first"), moved = folder() / "second";
  fs::rename(root, moved);
  const ProcessResult result = shell(moved, activate() + "tool\n");
  if (GetParam() == "dash") {  // it cannot: the script says so and changes nothing
    EXPECT_EQ(result.status, 9);
    EXPECT_NE(result.errors.find("was it moved?"), std::string::npos) << result.errors;
  } else {
    EXPECT_EQ(result.output, "tool of " + moved.string() + "\n") << result.errors;
  }
}

}  // namespace
}  // namespace moat
