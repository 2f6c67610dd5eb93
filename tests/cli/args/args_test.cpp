#include "cli/args/args.h"

#include "resolver/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Invocation parsed(const std::vector<std::string>& words) {
  return std::get<Invocation>(parse_arguments(words));
}
template <class T>
T command(const std::vector<std::string>& words) {
  return std::get<T>(parsed(words).command);
}
std::string help(const std::vector<std::string>& words) {
  return std::get<HelpText>(parse_arguments(words)).text;
}
Error refusal(const std::vector<std::string>& words) {
  try {
    parse_arguments(words);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "was understood";
  return {ErrorKind::Usage, ""};
}

TEST(Args, TheFirstWordOfCreateIsWhereTheRestArePackages) {
  const auto create = command<CreateCommand>({"create", "./env", "flask", "six"});
  EXPECT_EQ(create.path, "./env");
  EXPECT_THAT(create.packages, ElementsAre("flask", "six"));
  EXPECT_EQ(command<CreateCommand>({"create", "env"}).path, "env");
  // Either could be meant.
  EXPECT_THROW(command<CreateCommand>({"create", "flask", "six"}), Error);
}

TEST(Args, WithANameEveryWordOfCreateIsAPackage) {
  const auto create = command<CreateCommand>({"create", "flask", "-n", "lab", "six"});
  EXPECT_EQ(create.path, std::nullopt);
  EXPECT_EQ(create.name, "lab");
  EXPECT_THAT(create.packages, ElementsAre("flask", "six"));
}

TEST(Args, CreateAloneHasNoWords) { EXPECT_EQ(command<CreateCommand>({"create"}).path, std::nullopt); }

TEST(Args, AnOptionGivenSeveralTimesTakesOneValueEach) {
  const Invocation invocation = parsed({"install", "-r", "a.txt", "flask", "-r", "b.txt", "six", "--index",
                                        "x=https://x.example", "--index=y=https://y.example"});
  const auto& install = std::get<InstallCommand>(invocation.command);
  EXPECT_THAT(install.requirement_files, ElementsAre("a.txt", "b.txt"));
  EXPECT_THAT(install.packages, ElementsAre("flask", "six"));
  EXPECT_THAT(invocation.shared.indexes, ElementsAre("x=https://x.example", "y=https://y.example"));
}

TEST(Args, TheOrderOfNoBinaryAndOnlyBinaryIsKept) {
  const Invocation invocation = parsed({"install", "x", "--only-binary", ":all:", "--no-binary=foo",
                                        "--only-binary", "bar", "--no-binary", "baz"});
  EXPECT_THAT(invocation.shared.binary, ElementsAre(Pair("only-binary", ":all:"), Pair("no-binary", "foo"),
                                                    Pair("only-binary", "bar"), Pair("no-binary", "baz")));
}

TEST(Args, GlobalOptionsStandBeforeOrAfterTheCommand) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--offline", "--store-dir", "/s", "-vv", "list"},
        std::vector<std::string>{"list", "--offline", "--store-dir=/s", "-v", "-v"}}) {
    const GlobalOptions global = parsed(words).global;
    EXPECT_TRUE(global.offline);
    EXPECT_EQ(global.store_dir, "/s");
    EXPECT_EQ(global.verbose, 2);
  }
}

TEST(Args, WhatFollowsTheProgramOfRunIsTheProgramsOwn) {
  const Invocation invocation =
      parsed({"run", "--pure", "--env", "lab", "python", "--env", "-c", "x", "--help"});
  EXPECT_EQ(invocation.shared.env, "lab");
  EXPECT_THAT(std::get<RunCommand>(invocation.command).command,
              ElementsAre("python", "--env", "-c", "x", "--help"));
  EXPECT_THAT(command<RunCommand>({"run", "--", "-odd", "--", "a"}).command, ElementsAre("-odd", "--", "a"));
  const RunCommand with = command<RunCommand>(
      {"run", "--with", "a>=1", "--with=b", "-p", "3.12", "-qq", "-i", "https://h/", "s.py", "--with", "c"});
  EXPECT_THAT(with.with, ElementsAre("a>=1", "b"));
  EXPECT_THAT(with.command, ElementsAre("s.py", "--with", "c"));
}

TEST(Args, EnvAndUserExcludeEachOther) {
  EXPECT_THAT(refusal({"list", "--env", "a", "--user"}).what(), HasSubstr("cannot be used together"));
}

struct Refused {
  std::vector<std::string> words;
  std::string message, hint;
};
TEST(Args, WhatIsNotUnderstoodIsAUsageErrorWithTheNearestName) {
  const std::vector<Refused> cases = {
      {{"instal", "x"}, "unknown command `moat instal`", "did you mean `moat install`?"},
      {{"env", "lst"}, "unknown command `moat env lst`", "did you mean `moat env list`?"},
      {{"env"}, "`moat env` needs a command", "`moat env --help` lists them"},
      {{"install", "--upgrad", "x"},
       "unknown option `--upgrad` for `moat install`",
       "did you mean `--upgrade`?"},
      {{"install", "x", "--indexurl=y"},
       "unknown option `--indexurl` for `moat install`",
       "did you mean `--index-url`?"},
      {{"install"}, "nothing to install", "`moat install PACKAGE…`, or `-r FILE`"},
      {{"uninstall"}, "nothing to uninstall", "`moat uninstall PACKAGE…`"},
      {{"show"}, "missing argument: `moat show` requires NAME…", "`moat show --help` lists the options"},
      {{"list", "--env"}, "`--env` needs a value", "`moat list --help` lists the options"},
      {{"freeze", "x"},
       "`moat freeze` takes no arguments (got `x`)",
       "`moat freeze --help` lists the options"},
      {{"tree", "--depth", "x"},
       "`--depth` must be a number, not `x`",
       "`moat tree --help` lists the options"},
      {{"run"}, "no command to run", "`moat run python` starts Python"},
      {{"--offline"}, "no command given", "`moat --help` lists the commands"},
  };
  for (const Refused& expected : cases) {
    const Error error = refusal(expected.words);
    EXPECT_EQ(error.kind(), ErrorKind::Usage) << expected.message;
    EXPECT_EQ(error.what(), expected.message);
    ASSERT_FALSE(error.hints().empty()) << expected.message;
    EXPECT_EQ(error.hints().front(), expected.hint);
  }
}

TEST(Args, EveryCommandHasHelpWithAnExample) {
  for (const std::string& name : command_names()) {
    std::vector<std::string> words;
    const std::size_t space = name.find(' ');
    words.push_back(name.substr(0, space));
    if (space != std::string::npos) words.push_back(name.substr(space + 1));
    words.emplace_back("--help");
    const std::string text = help(words);
    EXPECT_THAT(text, HasSubstr("Usage: moat " + name)) << name;
    EXPECT_THAT(text, HasSubstr("\nExample:\n  moat " + name)) << name;
    EXPECT_THAT(overview(), HasSubstr("\n  " + name)) << name;
  }
}

TEST(Args, HelpIsAskedForInSeveralWays) {
  EXPECT_EQ(help({"--help"}), overview());
  EXPECT_EQ(help({"help"}), overview());
  EXPECT_EQ(help({}), overview());
  EXPECT_EQ(help({"help", "install"}), help({"install", "-h"}));
  EXPECT_THAT(help({"env", "--help"}), HasSubstr("moat env rollback"));
}

TEST(Args, TheVersionIsExactlyThat) {
  EXPECT_THAT(help({"--version"}), ::testing::MatchesRegex("moat [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(Args, TheLineThatIsKeptHoldsNoCredentials) {
  EXPECT_EQ(parsed({"install", "x", "--index-url=https://me:secret@host.example/simple"}).line,
            "moat install x --index-url=https://****@host.example/simple");
}

TEST(Args, JsonIsNoticedEvenInALineThatIsWrong) {
  EXPECT_TRUE(wants_json({"install", "--bogus", "--json"}));
  EXPECT_FALSE(wants_json({"run", "tool", "--json"}));
}

}  // namespace
}  // namespace moat
