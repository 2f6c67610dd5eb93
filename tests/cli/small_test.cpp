// Small pure things of this room: colours, sizes, the live line.
#include "cli/output/output.h"
#include "cli/output/progress.h"
#include "cli/output/terminal_text.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

TEST(ForTerminal, ShowsWhatATerminalWouldObey) {
  EXPECT_EQ(for_terminal("plain\tand\nsimple"), "plain\tand\nsimple");
  EXPECT_EQ(for_terminal("caf\u00e9 \u2192 \u65e5\u672c \U0001f600"),
            "caf\u00e9 \u2192 \u65e5\u672c \U0001f600");
  EXPECT_EQ(for_terminal("\x1b]0;t\a\r\x7f"), "\\x1b]0;t\\x07\\x0d\\x7f");
  EXPECT_EQ(for_terminal("\xc2\x9b"
                         "31m"),
            "\\x9b31m");
  EXPECT_EQ(for_terminal("\u202egnp\u2066\u200f\u061c"), "\\u202egnp\\u2066\\u200f\\u061c");
  EXPECT_EQ(for_terminal("\xff\xc2"), "\\xff\\xc2");
  EXPECT_EQ(for_terminal("\U000e0041"), "\\ue0041");
  EXPECT_EQ(for_terminal(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(UseColor, AnOptionWinsThenTheVariablesThenTheTerminal) {
  EXPECT_TRUE(use_color(ColorMode::Always, {.no_color = "1"}, false));
  EXPECT_FALSE(use_color(ColorMode::Never, {.force_color = "1"}, true));
  EXPECT_FALSE(use_color(ColorMode::Auto, {.no_color = "1", .force_color = "1"}, true));
  EXPECT_TRUE(use_color(ColorMode::Auto, {.force_color = "1"}, false));
  EXPECT_FALSE(use_color(ColorMode::Auto, {.force_color = "0"}, true));
  EXPECT_TRUE(use_color(ColorMode::Auto, {.clicolor_force = "1"}, false));
  EXPECT_FALSE(use_color(ColorMode::Auto, {.clicolor = "0"}, true));
  EXPECT_FALSE(use_color(ColorMode::Auto, {.term = "dumb"}, true));
  EXPECT_TRUE(use_color(ColorMode::Auto, {}, true));
  EXPECT_FALSE(use_color(ColorMode::Auto, {}, false));
}

TEST(Output, SizesAndTimesAreShort) {
  EXPECT_EQ(human_bytes(12), "12 B");
  EXPECT_EQ(human_bytes(804'400), "804 kB");
  EXPECT_EQ(human_bytes(12'340'000), "12.3 MB");
  EXPECT_EQ(human_bytes(999'990'000), "1.0 GB");
  EXPECT_EQ(human_time(std::chrono::milliseconds(412)), "412 ms");
  EXPECT_EQ(human_time(std::chrono::milliseconds(2140)), "2.1 s");
  EXPECT_EQ(human_time(std::chrono::seconds(185)), "3 min 5 s");
  EXPECT_EQ(counted(1, "package"), "1 package");
  EXPECT_EQ(counted(0, "package"), "0 packages");
}

TEST(LiveLine, ADownloadTellsAmountRateAndWhatIsSlowest) {
  PhaseProgress progress;
  progress.items["scipy-1.2-cp311-cp311-linux_x86_64.whl"] = {8'100'000, 35'200'000};
  progress.items["numpy"] = {16'000'000, 16'000'000};
  EXPECT_EQ(live_line("download", progress, std::chrono::seconds(2), 120),
            "Downloading 24.1 MB of 51.2 MB, 12.1 MB/s, scipy 1.2 8.1 MB of 35.2 MB");
}

TEST(LiveLine, OtherPhasesCountTheirSteps) {
  PhaseProgress progress;
  EXPECT_EQ(live_line("snapshot", progress, std::chrono::milliseconds(10), 80), "Preparing Python…");
  EXPECT_EQ(live_line("snapshot", progress, std::chrono::seconds(3), 80), "Preparing Python 3.0 s");
  progress.items["numpy"] = {3, 9};
  progress.latest = "numpy";
  EXPECT_EQ(live_line("install", progress, {}, 80), "Installing 3 of 9, numpy");
}

TEST(LiveLine, IsNeverLongerThanTheTerminal) {
  PhaseProgress progress;
  progress.latest = std::string(300, 'x');
  progress.items[progress.latest] = {1, 2};
  EXPECT_EQ(live_line("install", progress, {}, 40).size(), 39U);
  EXPECT_EQ(live_line("resolve", {}, {}, 10), "Resolving");  // no half of the "…"
}

TEST(Progress, AddsUpThePhasesInTheOrderOfTheirFirstBegin) {
  Output output;
  Progress progress(output);
  progress.phase_begin("resolve");
  progress.phase_begin("download");
  progress.phase_end("resolve", std::chrono::milliseconds(5));
  progress.phase_end("download", std::chrono::milliseconds(7));
  progress.phase_begin("resolve");
  progress.phase_end("resolve", std::chrono::milliseconds(4));
  const std::vector<PhaseTime> times = progress.times();
  ASSERT_EQ(times.size(), 2U);
  EXPECT_EQ(times[0].name, "resolve");
  EXPECT_EQ(times[0].time, std::chrono::milliseconds(9));
  EXPECT_EQ(times[1].time, std::chrono::milliseconds(7));
}

}  // namespace
}  // namespace moat
