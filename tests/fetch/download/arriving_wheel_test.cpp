#include "fetch/download/arriving_wheel.h"

#include "fetch/archive/zip_directory.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "tests/support/wheel_builder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace moat {
namespace {

using testing::WheelBuilder;
using testing::ZipMember;

std::string noise(std::size_t size, unsigned seed) {
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>((seed = seed * 1664525U + 1013904223U) >> 24U);
  return out;
}

// Longer than what is asked for at first.
WheelBuilder usual_wheel() {
  WheelBuilder wheel("big", "1.0");
  for (unsigned i = 0; i < 5; ++i) wheel.file(fmt::format("big/f{}.bin", i), noise(100'000, i));
  return wheel.file("big/z.py", "z = 1\n");
}

// Of several slices, and one member that is inflated in pieces.
WheelBuilder big_wheel() {
  WheelBuilder wheel("big", "1.0");
  for (unsigned i = 0; i < 12; ++i) wheel.file(fmt::format("big/f{}.bin", i), noise(400'000, i));
  return wheel.file("big/large.bin", std::string(kWholeMember + 1, 'x')).file("big/z.py", "z = 1\n");
}

class ArrivingWheelTest : public ::testing::Test {
 protected:
  TempDir folder_{fs::temp_directory_path(), "arriving-test"};
  Store store_{folder_.path() / "store"};
  Workers workers_{2};
  const fs::path file_ = folder_.path() / "0.whl";

  std::unique_ptr<ArrivingWheel> arriving(const WheelBuilder& wheel) {
    return arriving(wheel.filename(), wheel.build());
  }
  std::unique_ptr<ArrivingWheel> arriving(const std::string& filename, const std::string& bytes) {
    return std::make_unique<ArrivingWheel>(
        WheelToAdd{file_, *WheelFilename::parse(filename), filename, hash_bytes(bytes)}, bytes.size(), store_,
        workers_);
  }

  // What a server says that has these bytes.
  static HttpResponse answer(const std::string& bytes, const ByteRange& range) {
    HttpResponse out;
    out.status = 206;
    out.headers = {{"content-range", fmt::format("bytes {}-{}/{}", range.first, *range.last, bytes.size())}};
    out.body = bytes.substr(range.first, *range.last + 1 - range.first);
    return out;
  }
  static void give_end(ArrivingWheel& wheel, const std::string& bytes) {
    std::optional<ByteRange> range = wheel.end_to_ask_for();
    while (range) range = wheel.take_end(answer(bytes, *range));
  }
  // As a download writes it.
  void give_bytes(ArrivingWheel& wheel, const std::string& bytes, std::size_t step = 100'000) {
    const UniqueFd out = open_file(file_, O_WRONLY | O_CREAT | O_TRUNC);
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      write_all(out.get(), std::string_view(bytes).substr(at, step), file_);
      wheel.bytes_came(std::min(at + step, bytes.size()));
    }
  }
  static std::optional<StoredWheel> finished(ArrivingWheel& wheel) {
    std::promise<std::optional<StoredWheel>> promise;
    wheel.finish([&](std::optional<StoredWheel> stored) { promise.set_value(std::move(stored)); });
    return promise.get_future().get();
  }
  // All of it, the end being that of these bytes.
  std::optional<StoredWheel> brought(const std::string& filename, const std::string& bytes,
                                     const std::string& end_of) {
    const auto wheel = arriving(filename, bytes);
    give_end(*wheel, end_of);
    give_bytes(*wheel, bytes);
    return finished(*wheel);
  }
  void expect_nothing_is_left() const { EXPECT_TRUE(fs::is_empty(store_.layout().tmp())); }
};

TEST_F(ArrivingWheelTest, StoresWhatTheUsualWayStores) {
  const WheelBuilder wheel = big_wheel();
  const std::string bytes = wheel.build();
  const auto stored = brought(wheel.filename(), bytes, bytes);
  ASSERT_TRUE(stored);
  Store other(folder_.path() / "other");
  const StoredWheel usual =
      other.add_wheel(wheel.write(folder_.path()), *WheelFilename::parse(wheel.filename()), wheel.filename(),
                      hash_bytes(bytes), workers_);
  ASSERT_EQ(stored->files.size(), usual.files.size());
  for (std::size_t i = 0; i < usual.files.size(); ++i) {
    EXPECT_EQ(stored->files[i].path, usual.files[i].path);
    EXPECT_EQ(stored->files[i].digest, usual.files[i].digest);
    EXPECT_EQ(stored->files[i].mtime, usual.files[i].mtime);
  }
  EXPECT_EQ(stored->dist_info, usual.dist_info);
  EXPECT_TRUE(store_.find_wheel(hash_bytes(bytes)));
  EXPECT_EQ(read_file(stored->tree / "big/f7.bin"), noise(400'000, 7));
  expect_nothing_is_left();
}

TEST_F(ArrivingWheelTest, UnpacksBeforeTheLastByteCame) {
  const WheelBuilder wheel = big_wheel();
  const std::string bytes = wheel.build();
  const auto coming = arriving(wheel);
  give_end(*coming, bytes);
  const std::size_t most = bytes.size() - 300'000;
  give_bytes(*coming, bytes.substr(0, most));
  const auto is_there = [&] {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(store_.layout().tmp()))
      if (entry.path().filename() == "f3.bin") return true;
    return false;
  };
  while (!is_there()) std::this_thread::yield();
  EXPECT_FALSE(store_.find_wheel(hash_bytes(bytes)));
  coming->cancel();
  expect_nothing_is_left();
}

// Its end is asked for once more where the first guess was too short.
TEST_F(ArrivingWheelTest, AsksForMoreWhereTheEndIsLong) {
  WheelBuilder wheel = usual_wheel();
  for (int i = 0; i < 3000; ++i) wheel.file(fmt::format("big/{}/{}.py", std::string(100, 'n'), i), "");
  const std::string bytes = wheel.build();
  const auto coming = arriving(wheel);
  const auto more = coming->take_end(answer(bytes, coming->end_to_ask_for()));
  ASSERT_TRUE(more);
  std::optional<ByteRange> range = more;
  while (range) range = coming->take_end(answer(bytes, *range));
  give_bytes(*coming, bytes);
  EXPECT_TRUE(finished(*coming));
}

TEST_F(ArrivingWheelTest, LeavesWheelsToTheUsualWayWhereTheServerKnowsNoRanges) {
  const WheelBuilder wheel = usual_wheel();
  const std::string bytes = wheel.build();
  const auto coming = arriving(wheel);
  HttpResponse whole;
  whole.status = 200;
  whole.body = bytes;
  EXPECT_FALSE(coming->take_end(whole));
  give_bytes(*coming, bytes);
  EXPECT_FALSE(finished(*coming));

  const auto late = arriving(wheel);  // the answer comes after the file, or never
  give_bytes(*late, bytes);
  EXPECT_FALSE(finished(*late));
  EXPECT_FALSE(late->take_end(answer(bytes, late->end_to_ask_for())));
  expect_nothing_is_left();
}

// A server may send one end alone and another one in the file.
TEST_F(ArrivingWheelTest, BelievesNoEndThatIsNotTheFiles) {
  const std::string bytes = usual_wheel().metadata("Summary: a").stored().build();
  const std::string lie = usual_wheel().metadata("Summary: b").stored().build();
  ASSERT_EQ(bytes.size(), lie.size());
  EXPECT_FALSE(brought(usual_wheel().filename(), bytes, lie));
  EXPECT_FALSE(store_.find_wheel(hash_bytes(bytes)));
  expect_nothing_is_left();
}

// What the usual way refuses is not stored this way either: local headers, descriptors and directories are
// compared, and what a member inflates to.
TEST_F(ArrivingWheelTest, StoresNothingThatTheUsualWayRefuses) {
  const auto lying = [](ZipMember member) { return usual_wheel().unlisted(std::move(member)); };
  const std::vector<WheelBuilder> wheels = {
      lying({.name = "big/a.py", .contents = "a", .lies = {.local_name = "big/b.py"}}),
      lying({.name = "big/a.py", .contents = "a", .lies = {.local_crc = 1}}),
      lying({.name = "big/a.py", .contents = "aa", .lies = {.packed = "garbage"}}),
      lying({.name = "big/sub/", .mode = 040755, .deflate = false, .lies = {.local_name = "big/bus/"}}),
      lying({.name = "../a.py", .contents = "a"}),
      lying({.name = "big/a.py", .contents = "a", .before = "between"}),
      usual_wheel().metadata_name("other"),
  };
  for (std::size_t i = 0; i < wheels.size(); ++i) {
    const std::string bytes = wheels[i].build();
    EXPECT_FALSE(brought(wheels[i].filename(), bytes, bytes)) << i;
    EXPECT_FALSE(store_.find_wheel(hash_bytes(bytes))) << i;
    EXPECT_FALSE(fs::exists(folder_.path() / "store/a.py"));
    fs::remove(file_);
    EXPECT_ANY_THROW(store_.add_wheel(wheels[i].write(folder_.path()),
                                      *WheelFilename::parse(wheels[i].filename()), wheels[i].filename(),
                                      hash_bytes(bytes), workers_))
        << i;
  }
  expect_nothing_is_left();
}

TEST_F(ArrivingWheelTest, EndsWhereverItIsCancelled) {
  const WheelBuilder wheel = usual_wheel();
  const std::string bytes = wheel.build();
  for (const std::size_t came : {std::size_t{0}, std::size_t{150'000}, bytes.size() - 1, bytes.size()}) {
    const auto coming = arriving(wheel);
    give_end(*coming, bytes);
    give_bytes(*coming, bytes.substr(0, came));
    coming->cancel();
    expect_nothing_is_left();
  }
}

}  // namespace
}  // namespace moat
