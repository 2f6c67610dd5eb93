#include "cli/args/help.h"

#include <gtest/gtest.h>

#include <string>

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

TEST(Help, HeadingsAreShownAsAskedFor) {
  const auto loud = [](std::string_view line) { return "*" + std::string(line) + "*"; };
  EXPECT_EQ(fit_help("Link:\n  a  b\n", 80, loud), "*Link:*\n  a  b\n");
}

TEST(Help, CharactersCountAsColumns) { EXPECT_EQ(wrapped("ääää ööö üü", 0, 8), "ääää ööö\nüü"); }

}  // namespace
}  // namespace moat
