#include "fetch/os/roomy_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <iterator>

namespace moat {
namespace {

std::ptrdiff_t count(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

TEST(RoomyDirectory, IsEmptyAndOpenAsTheUmaskSays) {
  const TempDir parent(fs::temp_directory_path());
  const fs::path path = parent.path() / "tree";
  make_roomy_directory(path);
  EXPECT_TRUE(fs::is_empty(path));
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  const mode_t mask = ::umask(022);
  ::umask(mask);
  EXPECT_EQ(facts.st_mode & 07777U, 0777U & ~mask);
  EXPECT_EQ(count(parent.path()), 1);  // nothing of what was tried is left
}

TEST(RoomyDirectory, MadeByAnotherProcessMeanwhileIsLeftAlone) {
  const TempDir parent(fs::temp_directory_path());
  fs::create_directories(parent.path() / "tree/theirs");
  make_roomy_directory(parent.path() / "tree");
  EXPECT_TRUE(fs::exists(parent.path() / "tree/theirs"));
  EXPECT_EQ(count(parent.path()), 1);
}

TEST(RoomyDirectory, NeedsItsParent) {
  const TempDir parent(fs::temp_directory_path());
  EXPECT_THROW(make_roomy_directory(parent.path() / "missing/tree"), Error);
}

}  // namespace
}  // namespace moat
