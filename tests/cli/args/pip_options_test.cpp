#include "cli/args/pip_options.h"

#include "resolver/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::string refusal(const std::vector<std::string>& words) {
  try {
    parse_pip(words);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(PipOptions, StandAnywhereAndBesideTheirValues) {
  const PipCommand command = parse_pip({"-q", "install", "six", "-rreq.txt", "--no-deps", "idna",
                                        "--target=dir", "-qU", "--constraint", "c.txt", "--", "-odd"});
  EXPECT_EQ(command.command, "install");
  EXPECT_THAT(command.arguments, ElementsAre("six", "idna", "-odd"));
  EXPECT_THAT(command.given, ElementsAre(Pair("quiet", ""), Pair("requirement", "req.txt"),
                                         Pair("no-deps", ""), Pair("target", "dir"), Pair("quiet", ""),
                                         Pair("upgrade", ""), Pair("constraint", "c.txt")));
}

TEST(PipOptions, MayBeCutShortAsLongAsTheyAreUnambiguous) {
  EXPECT_EQ(parse_pip({"install", "--extra-index", "https://a.example", "x"}).value("extra-index-url"),
            "https://a.example");
  EXPECT_EQ(parse_pip({"list", "--form", "json"}).value("format"), "json");
  EXPECT_TRUE(parse_pip({"install", "--force", "x"}).has("force-reinstall"));
  EXPECT_THAT(refusal({"install", "--no-c", "x"}),
              HasSubstr("ambiguous option: --no-c (--no-cache-dir, --no-clean, --no-color, --no-compile?)"));
  // Two names of one option are two names to optparse as well.
  EXPECT_THAT(refusal({"install", "--no-dep", "x"}), HasSubstr("ambiguous option: --no-dep"));
  EXPECT_EQ(refusal({"install", "--no-deps", "x"}), "");
}

TEST(PipOptions, OfMoatAreNeverMeantByAnAbbreviation) {
  EXPECT_EQ(parse_pip({"show", "--env", "lab", "x"}).value("env"), "lab");
  EXPECT_EQ(parse_pip({"show", "--ex", "i", "x"}).value("exists-action"), "i");
  EXPECT_THAT(refusal({"show", "--en", "lab", "x"}), HasSubstr("no such option: --en"));
}

TEST(PipOptions, AValueIsTheNextWordWhateverItLooksLike) {
  EXPECT_EQ(parse_pip({"install", "--report", "-", "x"}).value("report"), "-");
  EXPECT_EQ(parse_pip({"install", "-t", "--odd", "x"}).value("target"), "--odd");
  EXPECT_EQ(parse_pip({"install", "-i", "", "x"}).value("index-url"), "");
}

TEST(PipOptions, RefuseWhatOptparseRefuses) {
  EXPECT_THAT(refusal({"install", "--nonsense"}), HasSubstr("no such option: --nonsense"));
  EXPECT_THAT(refusal({"install", "-Z"}), HasSubstr("no such option: -Z"));
  EXPECT_THAT(refusal({"install", "--target"}), HasSubstr("--target option requires 1 argument"));
  EXPECT_THAT(refusal({"install", "-qr"}), HasSubstr("-r option requires 1 argument"));
  EXPECT_THAT(refusal({"install", "--upgrade=yes"}), HasSubstr("--upgrade option does not take a value"));
  EXPECT_THAT(refusal({"list", "--format", "xml"}), HasSubstr("invalid choice: `xml`"));
  EXPECT_THAT(refusal({"list", "--target", "x"}), HasSubstr("no such option: --target"));
}

TEST(PipOptions, TheLaterOfTwoOppositesCounts) {
  const PipCommand command = parse_pip({"install", "--no-compile", "--compile", "x"});
  EXPECT_TRUE(command.on("compile", "no-compile", false));
  EXPECT_FALSE(parse_pip({"install", "--no-compile", "x"}).on("compile", "no-compile", true));
  EXPECT_TRUE(parse_pip({"install", "x"}).on("compile", "no-compile", true));
}

TEST(PipOptions, HelpAndVersionNeedNoCommand) {
  EXPECT_TRUE(parse_pip({}).help);
  EXPECT_TRUE(parse_pip({"-q", "--version"}).version);
  EXPECT_TRUE(parse_pip({"install", "--help"}).help);
  const PipCommand command = parse_pip({"help", "list"});
  EXPECT_TRUE(command.help);
  EXPECT_EQ(command.command, "list");
  EXPECT_THAT(pip_help("list"), HasSubstr("--not-required"));
  EXPECT_THAT(pip_help(""), HasSubstr("uninstall"));
}

TEST(PipOptions, SayWhatThereIsInPlaceOfACommandThatIsNot) {
  EXPECT_THAT(refusal({"config", "list"}), HasSubstr("moat keeps its settings in files of its own"));
  EXPECT_THAT(refusal({"frobnicate"}), HasSubstr("unknown command `moat pip frobnicate`"));
}

// Every command's options have names of their own: what a line means is never a matter of the table's order.
TEST(PipOptions, NoNameMeansTwoOptionsOfOneCommand) {
  for (const PipCommandInfo& command : pip_commands()) {
    std::vector<std::string> names, twice;
    for (const PipOption& option : pip_options()) {
      if ((option.where & command.where) == 0) continue;
      std::string rest(option.names);
      for (std::size_t space; !rest.empty(); rest = space == rest.npos ? "" : rest.substr(space + 1)) {
        space = rest.find(' ');
        const std::string name = rest.substr(0, space);
        if (std::find(names.begin(), names.end(), name) != names.end()) twice.push_back(name);
        names.push_back(name);
      }
    }
    EXPECT_THAT(twice, IsEmpty()) << command.name;
  }
}

}  // namespace
}  // namespace moat
