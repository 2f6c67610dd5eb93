#include "fetch/store/link.h"

#include "fetch/os/file.h"
#include "tests/envs/folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace moat::test {
namespace {

struct stat facts_of(const std::filesystem::path& path) {
  struct stat out {};
  ::lstat(path.c_str(), &out);
  return out;
}

class LinkerTest : public testing::Test {
 protected:
  LinkerTest() { std::filesystem::create_directory(folder / "to"); }
  void place(Linker& linker, const std::string& name, unsigned mode = 0644) const {
    const UniqueFd directory = open_file(folder / "to", O_RDONLY | O_DIRECTORY);
    const std::filesystem::path from = folder / ("from/" + name);
    linker.place({.from_directory = AT_FDCWD,
                  .from = from.c_str(),
                  .to = {directory.get(), name.c_str(), mode, 1700000000}});
  }
  Folder folder;
};

TEST_F(LinkerTest, CopiesShareNothing) {
  for (const LinkMode mode : {LinkMode::Auto, LinkMode::Copy}) {
    const std::string name = mode == LinkMode::Auto ? "auto" : "copy";
    folder.write("from/" + name, "contents");
    ::chmod((folder / ("from/" + name)).c_str(), 0444);
    Linker linker(mode);
    place(linker, name, 0755);
    EXPECT_EQ(folder.read("to/" + name), "contents");
    const struct stat placed = facts_of(folder / ("to/" + name));
    const mode_t mask = ::umask(022);
    ::umask(mask);
    EXPECT_EQ(placed.st_mode & 07777, 0755 & ~mask);
    EXPECT_EQ(placed.st_mtime, 1700000000);
    EXPECT_EQ(placed.st_nlink, 1U);
  }
}

TEST_F(LinkerTest, EverySizeArrivesWhole) {
  Linker linker(LinkMode::Auto);
  for (const std::size_t size : {0UL, 1UL, 65535UL, 65536UL, 65537UL, 131072UL, 3000001UL}) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 2654435761U >> 7);
    const std::string name = std::to_string(size);
    folder.write("from/" + name, text);
    place(linker, name);
    EXPECT_TRUE(folder.read("to/" + name) == text) << size;
  }
}

TEST_F(LinkerTest, SourcesAreFoundInAnOpenDirectory) {
  folder.write("from/a", "a");
  const UniqueFd from = open_file(folder / "from", O_RDONLY | O_DIRECTORY);
  const UniqueFd to = open_file(folder / "to", O_RDONLY | O_DIRECTORY);
  for (const LinkMode mode : {LinkMode::Auto, LinkMode::Hardlink, LinkMode::Symlink}) {
    Linker linker(mode);
    const std::string name = std::to_string(static_cast<int>(mode));
    linker.place(
        {.from_directory = from.get(), .from = "a", .to = {to.get(), name.c_str(), 0644, 1700000000}});
    EXPECT_EQ(folder.read("to/" + name), "a");
  }
}

TEST_F(LinkerTest, HardlinksShareTheFile) {
  folder.write("from/a", "a");
  Linker linker(LinkMode::Hardlink);
  place(linker, "a");
  EXPECT_EQ(facts_of(folder / "to/a").st_ino, facts_of(folder / "from/a").st_ino);
}

TEST_F(LinkerTest, SymlinksPointIntoTheStore) {
  folder.write("from/a", "a");
  Linker linker(LinkMode::Symlink);
  place(linker, "a");
  EXPECT_EQ(std::filesystem::read_symlink(folder / "to/a"), folder / "from/a");
}

TEST_F(LinkerTest, NeverReplaces) {
  folder.write("from/a", "new");
  folder.write("to/a", "there");
  for (const LinkMode mode : {LinkMode::Auto, LinkMode::Copy, LinkMode::Hardlink, LinkMode::Symlink}) {
    Linker linker(mode);
    EXPECT_THROW(place(linker, "a"), Error);
  }
  EXPECT_EQ(folder.read("to/a"), "there");
}

TEST_F(LinkerTest, ClonesOrSaysThatItCannot) {
  folder.write("from/a", "a");
  Linker linker(LinkMode::Clone);
  try {
    place(linker, "a");
    EXPECT_EQ(folder.read("to/a"), "a");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Disk);
    EXPECT_EQ(std::string(error.what()).find("cannot clone"), 0U);
  }
}

TEST(LinkModes, SharedBinariesAreTheBigFilesThatAreNotPythons) {
  const auto shared = [](std::string_view path, std::uint64_t size) {
    return link_mode_for(LinkMode::SharedBinaries, path, size) == LinkMode::Hardlink;
  };
  EXPECT_TRUE(shared("a/libx.so", kBigBinary));
  EXPECT_FALSE(shared("a/libx.so", kBigBinary - 1));
  for (const char* path : {"a/x.py", "a/x.pyi", "a/__pycache__/x.cpython-312.pyc"})
    EXPECT_FALSE(shared(path, 2 * kBigBinary)) << path;
  EXPECT_EQ(link_mode_for(LinkMode::SharedBinaries, "a", 1), LinkMode::Auto);
  EXPECT_EQ(link_mode_for(LinkMode::Symlink, "a/libx.so", kBigBinary), LinkMode::Symlink);
  EXPECT_EQ(link_mode_for(LinkMode::Copy, "a/libx.so", kBigBinary), LinkMode::Copy);
}

}  // namespace
}  // namespace moat::test
