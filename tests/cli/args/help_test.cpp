#include "cli/args/help.h"

#include "cli/args/args.h"
#include "resolver/base/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace moat {
namespace {

const auto kPlain = [](std::string_view line) { return std::string(line); };

constexpr std::string_view kPage =
    "install packages\n"
    "\n"
    "Usage: moat install [OPTION…] PACKAGE…\n"
    "\n"
    "Link:\n"
    "      --link-mode MODE            auto, clone, copy, shared-binaries, hardlink or symlink\n"
    "\n"
    "Example:\n"
    "  moat install --link-mode shared-binaries 'a very long requirement that is to be copied as it is'\n";

TEST(Help, FitsTheTerminal) {
  EXPECT_EQ(fit_help(kPage, 200, kPlain), kPage);
  EXPECT_EQ(
      fit_help(kPage, 60, kPlain),
      "install packages\n"
      "\n"
      "Usage: moat install [OPTION…] PACKAGE…\n"
      "\n"
      "Link:\n"
      "      --link-mode MODE            auto, clone, copy,\n"
      "                                  shared-binaries, hardlink\n"
      "                                  or symlink\n"
      "\n"
      "Example:\n"
      "  moat install --link-mode shared-binaries 'a very long requirement that is to be copied as it is'\n");
}

TEST(Help, OnANarrowTerminalTheTextStandsBelow) {
  EXPECT_EQ(fit_help("  --link-mode MODE                auto, clone, copy\n", 40, kPlain),
            "  --link-mode MODE\n"
            "        auto, clone, copy\n");
}

TEST(Help, LongNamesStandAlone) {
  EXPECT_EQ(fit_help("      --allow-insecure-something NAME…  what it is for\n", 200, kPlain),
            "      --allow-insecure-something NAME…\n"
            "                                  what it is for\n");
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

// Whatever the width: the same words, and no line is longer but examples and what cannot be broken.
TEST(Help, EveryPageFits) {
  for (const CommandEntry& command : commands()) {
    std::vector<std::string> words = words_of(std::string(command.name) + " --help");
    const std::string page = std::get<HelpText>(parse_arguments(words)).text;
    for (const std::size_t width : {40U, 60U, 80U, 110U}) {
      const std::string fitted = fit_help(page, width, kPlain);
      EXPECT_EQ(words_of(fitted), words_of(page)) << command.name;
      const std::string before_example = fitted.substr(0, fitted.find("\nExample:\n"));
      for (const std::string_view line : split_lines(before_example)) {
        const std::size_t begin = line.find_first_not_of(' ');
        if (begin == line.npos) continue;
        const bool is_names = line.substr(begin).starts_with('-') && line.find("  ", begin) == line.npos;
        const bool is_word = line.find(' ', begin) == line.npos;
        const auto columns = std::ranges::count_if(
            line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; });
        EXPECT_TRUE(is_names || is_word || static_cast<std::size_t>(columns) <= width)
            << command.name << " at " << width << ": " << line;
      }
    }
  }
}

TEST(Help, TheOverviewHasOneLineForEachCommand) {
  EXPECT_EQ(fit_help(overview(), kHelpWidth, kPlain), overview());
}

TEST(Help, HeadingsAreShownAsAskedFor) {
  const auto loud = [](std::string_view line) { return "*" + std::string(line) + "*"; };
  EXPECT_EQ(fit_help("Link:\n  a  b\n", 80, loud), "*Link:*\n  a  b\n");
}

TEST(Help, CharactersCountAsColumns) { EXPECT_EQ(wrapped("ääää ööö üü", 0, 8), "ääää ööö\nüü"); }

}  // namespace
}  // namespace moat
