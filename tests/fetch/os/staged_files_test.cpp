#include "fetch/os/staged_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <iterator>
#include <string>
#include <vector>

namespace moat {
namespace {

class StagedFilesTest : public ::testing::Test {
 protected:
  TempDir folder_{fs::temp_directory_path()};
  fs::path old_ = folder_.path() / "old", new_ = folder_.path() / "new";

  struct Told : Reporter {
    std::vector<std::string> warnings;
    void warn(std::string_view message) override { warnings.emplace_back(message); }
  } told_;

  void SetUp() override { write_file_atomically(old_, "before", 0640); }
  std::size_t count() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }
};

TEST_F(StagedFilesTest, PlacesAllAndKeepsModes) {
  {
    StagedFiles files(told_);
    files.add(old_, "after", "before");
    files.add(new_, "made", std::nullopt);
    EXPECT_EQ(read_file(old_), "before");
    EXPECT_FALSE(fs::exists(new_));
    files.place();
    EXPECT_EQ(read_file(old_), "after");
    files.keep();
  }
  EXPECT_EQ(read_file(old_), "after");
  EXPECT_EQ(read_file(new_), "made");
  EXPECT_EQ(fs::status(old_).permissions(), fs::perms{0640});
  EXPECT_EQ(count(), 2U);
}

TEST_F(StagedFilesTest, TakesBackWhatIsNotKept) {
  struct stat before {};
  ASSERT_EQ(::stat(old_.c_str(), &before), 0);
  {
    StagedFiles files(told_);
    files.add(old_, "after", "before");
    files.add(new_, "made", std::nullopt);
    files.place();
  }
  struct stat after {};
  ASSERT_EQ(::stat(old_.c_str(), &after), 0);
  EXPECT_EQ(read_file(old_), "before");
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(count(), 1U);
}

TEST_F(StagedFilesTest, WhatCannotBePutBackIsTold) {
  {
    StagedFiles files(told_);
    files.add(new_, "made", std::nullopt);
    files.place();
    fs::remove(new_);
    fs::create_directory(new_);
  }
  ASSERT_EQ(told_.warnings.size(), 1U);
  EXPECT_EQ(told_.warnings[0].find(new_.native() + " cannot be put back: "), 0U) << told_.warnings[0];
}

TEST_F(StagedFilesTest, AFileThatChangedMeanwhileStays) {
  {
    StagedFiles files(told_);
    files.add(new_, "made", std::nullopt);
    files.add(old_, "after", "before");
    write_file_atomically(old_, "edited");
    EXPECT_THROW(files.place(), Error);
  }
  EXPECT_EQ(read_file(old_), "edited");
  EXPECT_EQ(count(), 1U);
}

TEST_F(StagedFilesTest, ALinkStaysAndLeadsToTheNewText) {
  fs::create_symlink("old", folder_.path() / "link");
  StagedFiles files(told_);
  files.add(folder_.path() / "link", "after", "before");
  files.keep();
  EXPECT_TRUE(fs::is_symlink(folder_.path() / "link"));
  EXPECT_EQ(read_file(old_), "after");
}

TEST_F(StagedFilesTest, WhatNobodyMayWriteIsRefused) {
  fs::permissions(old_, fs::perms::owner_read);
  StagedFiles files(told_);
  EXPECT_THROW(files.add(old_, "after", "before"), Error);
  fs::create_directory(new_);
  EXPECT_THROW(files.add(new_, "after", std::nullopt), Error);
  EXPECT_EQ(count(), 2U);
}

}  // namespace
}  // namespace moat
