#include "fetch/store/wheel_file.h"

#include "fetch/archive/archive.h"
#include "fetch/bytes/hasher.h"
#include "tests/support/wheel_builder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using testing::WheelBuilder;

struct WheelFileTest : ::testing::Test {
  TempDir folder{fs::temp_directory_path(), "wheel-file"};
  Store store{folder.path() / "store"};
  Workers workers{2};

  StoredWheel added(Store& to, const fs::path& file) {
    const std::string name = file.filename().native();
    return to.add_wheel(file, *WheelFilename::parse(name), name, hash_file(file), workers);
  }
  StoredWheel some_wheel() {
    return added(store, WheelBuilder("foo", "1.0")
                            .file("zoo.py", std::string(300'000, 'z'))
                            .file("foo/__init__.py", "")
                            .file("foo/run.sh", "#!/bin/sh\n", 0100755)
                            .write(folder.path()));
  }
};

TEST_F(WheelFileTest, IsTheSameWheelAgain) {
  const StoredWheel wheel = some_wheel();
  fs::create_directory(folder.path() / "out");
  const fs::path file = folder.path() / "out" / wheel.filename;
  write_wheel_file(wheel, file);
  Store other(folder.path() / "other");
  const StoredWheel again = added(other, file);
  ASSERT_EQ(again.files.size(), wheel.files.size());
  for (std::size_t i = 0; i < wheel.files.size(); ++i) {
    EXPECT_EQ(again.files[i].path, wheel.files[i].path);
    EXPECT_EQ(again.files[i].digest, wheel.files[i].digest);
    EXPECT_EQ(again.files[i].executable, wheel.files[i].executable);
  }
  EXPECT_LT(fs::file_size(file), 10'000U);
}

TEST_F(WheelFileTest, TheBytesDependOnTheWheelAlone) {
  const StoredWheel wheel = some_wheel();
  std::vector<Digest> digests;
  for (const char* zone : {"UTC0", "Pacific-14", "West+12"}) {
    ::setenv("TZ", zone, 1);
    ::tzset();
    const fs::path file = folder.path() / (std::string(zone) + ".whl");
    write_wheel_file(wheel, file);
    digests.push_back(hash_file(file));
  }
  ::unsetenv("TZ");
  ::tzset();
  EXPECT_THAT(digests, ElementsAre(digests[0], digests[0], digests[0]));
}

TEST_F(WheelFileTest, TheMetadataComesLast) {
  const StoredWheel wheel = some_wheel();
  const fs::path file = folder.path() / "foo.zip";
  write_wheel_file(wheel, file);
  const ZipUnpacking zip("foo.zip", UniqueFd(::open(file.c_str(), O_RDONLY | O_CLOEXEC)), 0);
  std::vector<std::string> names;
  for (const ZipEntry& entry : zip.entries()) names.push_back(entry.name);
  EXPECT_THAT(names, ElementsAre("foo/__init__.py", "foo/run.sh", "zoo.py", "foo-1.0.dist-info/METADATA",
                                 "foo-1.0.dist-info/WHEEL", "foo-1.0.dist-info/RECORD"));
}

}  // namespace
}  // namespace moat
