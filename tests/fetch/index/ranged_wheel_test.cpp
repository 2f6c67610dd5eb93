#include "fetch/index/ranged_wheel.h"

#include "tests/support/wheel_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace moat {
namespace {

using ::testing::HasSubstr;
using testing::WheelBuilder;
using testing::ZipMember;

std::string noise(std::size_t size) {
  std::mt19937 random(7);
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

// A wheel of `files` files of `size` bytes that nothing compresses.
WheelBuilder wheel_of(std::size_t files, std::size_t size) {
  WheelBuilder wheel("foo", "1.0");
  wheel.requires_dist("bar>=2");
  const std::string contents = noise(size);
  for (std::size_t i = 0; i < files; ++i)
    wheel.file("foo/a_rather_long_name_of_a_module_" + std::to_string(i) + ".bin", contents);
  return wheel;
}

RangedWheel ranged(std::optional<std::uint64_t> size) {
  return {WheelFilename::parse("foo-1.0-py3-none-any.whl").value(), "foo-1.0-py3-none-any.whl", size};
}

HttpResponse part(const std::string& file, std::uint64_t first, std::uint64_t last) {
  HttpResponse response;
  response.status = 206;
  response.headers = {{"content-range", "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" +
                                            std::to_string(file.size())}};
  response.body = file.substr(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first + 1));
  return response;
}

// What a server with ranges answers.
HttpResponse answer(const std::string& file, const ByteRange& range) {
  if (range.suffix)
    return part(file, file.size() - std::min<std::uint64_t>(range.first, file.size()), file.size() - 1);
  return part(file, range.first, std::min<std::uint64_t>(range.last.value_or(file.size()), file.size() - 1));
}

HttpResponse status(int code, std::string body = "") {
  HttpResponse response;
  response.status = code;
  response.body = std::move(body);
  return response;
}

struct Outcome {
  RangedWheel::Next last;
  std::vector<std::uint64_t> firsts;             // where each range began, as the server gave it
  std::vector<std::optional<bool>> ranges_work;  // of each response
};

Outcome read(const std::string& file, std::optional<std::uint64_t> size) {
  RangedWheel wheel = ranged(size);
  Outcome out{wheel.begin(), {}, {}};
  while (const auto* wanted = std::get_if<RangedWheel::Wanted>(&out.last)) {
    HttpResponse response = answer(file, wanted->range);
    out.firsts.push_back(file.size() - response.body.size());
    if (!wanted->range.suffix) out.firsts.back() = wanted->range.first;
    RangedWheel::Step step = wheel.take(std::move(response));
    out.ranges_work.push_back(step.ranges_work);
    out.last = std::move(step.next);
  }
  return out;
}

bool is_right(const RangedWheel::Next& next) {
  const auto* text = std::get_if<std::string>(&next);
  return text != nullptr && text->find("Requires-Dist: bar>=2\n") != std::string::npos;
}

std::string reason(const std::string& file) {
  const Outcome outcome = read(file, file.size());
  const auto* unusable = std::get_if<UnusableWheel>(&outcome.last);
  return unusable == nullptr ? "" : unusable->reason;
}

TEST(RangedWheel, ReadsTheTailOfABigWheel) {
  const std::string file = wheel_of(100, 5'000).build();
  const Outcome outcome = read(file, file.size());
  EXPECT_TRUE(is_right(outcome.last));
  EXPECT_EQ(outcome.firsts, std::vector<std::uint64_t>{file.size() - (32U << 10U)});
  EXPECT_EQ(outcome.ranges_work, std::vector<std::optional<bool>>{true});
}

TEST(RangedWheel, AsksForTheEndWhereTheSizeIsNotKnown) {
  EXPECT_TRUE(ranged(std::nullopt).begin().range.suffix);
  EXPECT_FALSE(ranged(100'000).begin().range.suffix);
  const std::string file = wheel_of(100, 5'000).build();
  const Outcome outcome = read(file, std::nullopt);
  EXPECT_TRUE(is_right(outcome.last));
  EXPECT_EQ(outcome.firsts.size(), 1U);
}

TEST(RangedWheel, NeverAsksForMoreThanThereIs) {
  const RangedWheel::Wanted wanted = ranged(100).begin();
  EXPECT_EQ(wanted.range.first, 0U);
  EXPECT_EQ(wanted.range.last, 99U);
}

TEST(RangedWheel, ReadsALongDirectoryAndMetadataBehindItInOnePiece) {
  const std::string file = wheel_of(1000, 500).build();
  const Outcome outcome = read(file, file.size());
  EXPECT_TRUE(is_right(outcome.last));
  EXPECT_EQ(outcome.firsts.size(), 2U);
  // Only the first response shows something of the server.
  EXPECT_EQ(outcome.ranges_work, (std::vector<std::optional<bool>>{true, std::nullopt}));
}

TEST(RangedWheel, ReadsMetadataAtTheBeginningInAPieceOfItsOwn) {
  WheelBuilder late("foo", "1.0");
  late.requires_dist("bar>=2");
  std::vector<ZipMember> members{{.name = "foo-1.0.dist-info/METADATA", .contents = late.metadata_text()}};
  for (int i = 0; i < 500; ++i)
    members.push_back(
        {.name = "foo/module_with_a_name_" + std::to_string(i) + ".py", .contents = noise(1'000)});
  const std::string file = testing::build_zip(members);
  const Outcome outcome = read(file, file.size());
  EXPECT_TRUE(is_right(outcome.last));
  EXPECT_EQ(outcome.firsts.size(), 3U);
  EXPECT_EQ(outcome.firsts.back(), 0U);
}

TEST(RangedWheel, TakesASmallWheelThatComesWhole) {
  const std::string file = wheel_of(1, 100).build();
  RangedWheel wheel = ranged(std::nullopt);
  wheel.begin();
  const RangedWheel::Step step = wheel.take(status(200, file));
  EXPECT_TRUE(is_right(step.next));
  EXPECT_EQ(step.ranges_work, false);
}

TEST(RangedWheel, GivesUpOnAnswersThatAreNotTheRange) {
  const std::string file = wheel_of(100, 5'000).build();
  HttpResponse unnamed = part(file, file.size() - 40'000, file.size() - 1);
  unnamed.headers.clear();
  HttpResponse short_one = part(file, file.size() - 40'000, file.size() - 1);
  short_one.body.pop_back();
  for (const HttpResponse& wrong :
       {part(file, 0, 99), unnamed, short_one, status(416), status(400), status(501)}) {
    RangedWheel wheel = ranged(file.size());
    wheel.begin();
    const RangedWheel::Step step = wheel.take(wrong);
    EXPECT_TRUE(std::holds_alternative<RangedWheel::ReadWhole>(step.next)) << wrong.status;
    EXPECT_EQ(step.ranges_work, false) << wrong.status;
  }
}

TEST(RangedWheel, GivesUpOnASecondPieceOfAnotherFile) {
  const std::string file = wheel_of(1000, 500).build();
  RangedWheel wheel = ranged(file.size());
  const RangedWheel::Step first = wheel.take(answer(file, wheel.begin().range));
  const auto& wanted = std::get<RangedWheel::Wanted>(first.next);
  const RangedWheel::Step second = wheel.take(answer(file + "x", wanted.range));
  EXPECT_TRUE(std::holds_alternative<RangedWheel::ReadWhole>(second.next));
  EXPECT_EQ(second.ranges_work, false);
}

TEST(RangedWheel, LearnsNothingAboutRangesFromAFileThatIsGone) {
  for (const int code : {404, 410}) {
    RangedWheel wheel = ranged(1000);
    wheel.begin();
    const RangedWheel::Step step = wheel.take(status(code));
    EXPECT_TRUE(std::holds_alternative<RangedWheel::ReadWhole>(step.next));
    EXPECT_EQ(step.ranges_work, std::nullopt);
  }
}

TEST(RangedWheel, SaysWhyAWheelIsNone) {
  EXPECT_THAT(reason(WheelBuilder("bar", "1.0").build()), HasSubstr("another project"));
  EXPECT_THAT(reason(testing::build_zip({{.name = "foo.py", .contents = "x"}})), HasSubstr("no .dist-info"));
  EXPECT_THAT(reason(WheelBuilder("foo", "1.0").without("foo-1.0.dist-info/METADATA").build()),
              HasSubstr("no METADATA"));
  // What is no archive at all is left to the download to tell.
  const std::string file(5000, 'x');
  EXPECT_TRUE(std::holds_alternative<RangedWheel::ReadWhole>(read(file, file.size()).last));
}

}  // namespace
}  // namespace moat
