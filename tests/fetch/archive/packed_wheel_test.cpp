#include "fetch/archive/packed_wheel.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/workers.h"
#include "fetch/store/store.h"
#include "tests/support/wheel_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::HasSubstr;
using testing::WheelBuilder;

constexpr std::int64_t kNow = 2'000'000'000;

class PackedWheelTest : public ::testing::Test {
 protected:
  WheelBuilder foo() const {
    return WheelBuilder("foo", "1.0")
        .file("foo/__init__.py", "x = 1\n")
        .file("foo/empty.py", "")
        .file("foo/tool", "#!/bin/sh\n", 0100755)
        .file("foo/large.txt", std::string(3'000'000, 'x'))
        .console_script("foo", "foo:main");
  }
  std::optional<PackedWheel> opened(const WheelBuilder& wheel) const {
    const fs::path file = wheel.write(folder_.path());
    auto out = open_packed_wheel(file, wheel.filename(), *WheelFilename::parse(wheel.filename()), kNow);
    fs::remove(file);
    return out;
  }

  TempDir folder_{fs::temp_directory_path(), "packed-wheel"};
};

TEST_F(PackedWheelTest, KnowsWhatTheStoreKnowsOfAnUnpackedOne) {
  Store store(folder_.path() / "store");
  Workers workers(2);
  const WheelBuilder wheel = foo();
  const fs::path file = wheel.write(folder_.path());
  const StoredWheel stored = store.add_wheel(file, *WheelFilename::parse(wheel.filename()), wheel.filename(),
                                             hash_file(file), workers);
  const auto packed = opened(wheel);
  ASSERT_TRUE(packed);
  EXPECT_EQ(packed->contents.dist_info, stored.dist_info);
  EXPECT_EQ(packed->contents.root_is_purelib, stored.root_is_purelib);
  ASSERT_EQ(packed->files.size(), stored.files.size());
  const auto reader = packed->packed->reader();
  for (std::size_t i = 0; i < stored.files.size(); ++i) {
    const StoredFile &one = packed->files[i], &other = stored.files[i];
    EXPECT_EQ(one.path, other.path);
    EXPECT_EQ(one.digest, other.digest) << one.path;
    EXPECT_EQ(one.size, other.size) << one.path;
    EXPECT_EQ(one.executable, other.executable) << one.path;
    EXPECT_EQ(one.mtime, other.mtime) << one.path;
    std::string bytes;
    reader->read(one.path, [&](std::string_view piece) { bytes += piece; });
    EXPECT_EQ(bytes, read_file(stored.tree / one.path)) << one.path;
  }
  EXPECT_EQ(packed->packed->text("foo/__init__.py"), "x = 1\n");
}

TEST_F(PackedWheelTest, HasToBeUnpackedWhereItsRecordIsNotEnough) {
  EXPECT_FALSE(opened(foo().instead_of_row("foo/empty.py", "")));
  EXPECT_FALSE(opened(foo().instead_of_row("foo/empty.py", "foo/empty.py,,0")));
  EXPECT_FALSE(opened(foo().instead_of_row("foo/empty.py",
                                           "foo/empty.py,sha512=z4PhNX7vuL3xVChQ1m2AB9Yg5AUL"
                                           "VxXcg_SpIdNs6c5H0NE8XYXysP-DGNKHfuwvY7kxvUdBeoGl"
                                           "ODJ6-SfaPg,0")));
  EXPECT_FALSE(opened(foo().listed("foo/gone.py,,")));
}

TEST_F(PackedWheelTest, FindsAHashThatIsNotThatOfTheFileWhenItIsRead) {
  const auto packed = opened(foo().instead_of_row(
      "foo/empty.py", "foo/empty.py,sha256=" + hash_bytes("something else").base64() + ",0"));
  ASSERT_TRUE(packed);
  EXPECT_EQ(packed->packed->text("foo/__init__.py"), "x = 1\n");
  try {
    packed->packed->text("foo/empty.py");
    ADD_FAILURE() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::BadArchive);
    EXPECT_THAT(error.what(), HasSubstr("a different hash for `foo/empty.py`"));
  }
}

TEST_F(PackedWheelTest, RefusesWhatIsNoWheel) {
  EXPECT_THROW(opened(foo().metadata_name("bar")), Error);
  testing::write_bytes(folder_.path() / "foo-1.0-py3-none-any.whl", "no zip");
  EXPECT_THROW(open_packed_wheel(folder_.path() / "foo-1.0-py3-none-any.whl", "foo-1.0-py3-none-any.whl",
                                 *WheelFilename::parse("foo-1.0-py3-none-any.whl"), kNow),
               Error);
}

}  // namespace
}  // namespace moat
