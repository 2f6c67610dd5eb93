#include "fetch/os/file.h"

#include "fetch/os/waiting.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileTest : public ::testing::Test {
 protected:
  TempDir temp_{::testing::TempDir(), "file-test"};
  const fs::path& here_ = temp_.path();
};

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename());
  return names;
}

TEST_F(FileTest, ReadsBackWhatWasWritten) {
  const std::string contents = std::string(100'000, 'x') + '\0' + "end";
  write_file_atomically(here_ / "a", contents, 0640, Durability::Synced);
  EXPECT_EQ(read_file(here_ / "a"), contents);
  struct stat status {};
  ASSERT_EQ(::stat((here_ / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0137, 0U);
  EXPECT_THAT(names_in(here_), ::testing::ElementsAre("a"));
}

TEST_F(FileTest, ReadsFilesThatClaimToBeEmpty) {
  EXPECT_THAT(read_file("/proc/self/status"), HasSubstr("Pid:"));
}

TEST_F(FileTest, AtomicWriteLeavesNothingBehindWhenItFails) {
  make_directories(here_ / "target" / "full");
  EXPECT_THROW(write_file_atomically(here_ / "target", "text"), Error);
  EXPECT_THAT(names_in(here_), ::testing::ElementsAre("target"));
}

TEST_F(FileTest, MissingFilesAreNamed) {
  EXPECT_EQ(read_file_if_exists(here_ / "none"), std::nullopt);
  write_file_atomically(here_ / "file", "");
  EXPECT_EQ(read_file_if_exists(here_ / "file" / "below"), std::nullopt);
  try {
    read_file(here_ / "none");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Disk);
    EXPECT_EQ(std::string(error.what()),
              "cannot open `" + (here_ / "none").string() + "`: No such file or directory");
  }
}

TEST_F(FileTest, NoRoomHintsAtPruning) {
  try {
    throw_errno("write", here_, ENOSPC);
  } catch (const Error& error) {
    ASSERT_EQ(error.hints().size(), 1U);
    EXPECT_THAT(error.hints().front(), HasSubstr("moat store prune"));
  }
}

TEST_F(FileTest, RemovesReadOnlyTreesAndNothingBehindLinks) {
  make_directories(here_ / "tree/a/b");
  write_file_atomically(here_ / "tree/a/b/f", "x");
  write_file_atomically(here_ / "outside", "keep");
  fs::create_directory_symlink(here_, here_ / "tree/a/link");
  fs::permissions(here_ / "tree/a/b", fs::perms::owner_read | fs::perms::owner_exec);
  fs::permissions(here_ / "tree/a", fs::perms::none);
  remove_tree(here_ / "tree/");
  EXPECT_FALSE(fs::exists(here_ / "tree"));
  EXPECT_EQ(read_file(here_ / "outside"), "keep");
  remove_tree(here_ / "tree");
}

TEST_F(FileTest, RenameIfAbsentNeverReplaces) {
  make_directories(here_ / "from");
  make_directories(here_ / "empty");
  EXPECT_FALSE(rename_if_absent(here_ / "from", here_ / "empty"));
  EXPECT_TRUE(rename_if_absent(here_ / "from", here_ / "to"));
  EXPECT_THROW(rename_if_absent(here_ / "from", here_ / "other"), Error);
}

TEST_F(FileTest, TempDirGoesUnlessKept) {
  fs::path gone;
  fs::path kept;
  {
    TempDir first(here_, "t");
    gone = first.path();
    write_file_atomically(gone / "x", "x");
    TempDir second(here_, "t");
    kept = second.keep();
    TempDir moved(std::move(first));
    EXPECT_TRUE(fs::exists(gone));
  }
  EXPECT_FALSE(fs::exists(gone));
  EXPECT_TRUE(fs::exists(kept));
}

TEST_F(FileTest, FreeSpaceIsKnownOfWhatExists) {
  EXPECT_GT(free_space(here_).value_or(0), 0U);
  EXPECT_EQ(free_space(here_ / "none"), std::nullopt);
}

TEST_F(FileTest, OutputIsWrittenIntoWhatIsNoFile) {
  const fs::path pipe = here_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::string came;
  std::thread reader([&] {
    std::ifstream stream(pipe);
    std::getline(stream, came, '\0');
  });
  write_output_file(pipe, "text\n");
  reader.join();
  EXPECT_EQ(came, "text\n");
  EXPECT_TRUE(fs::is_fifo(pipe));

  write_file_atomically(here_ / "log", "earlier\n");
  const UniqueFd log = open_file(here_ / "log", O_WRONLY | O_APPEND);
  write_output_file("/dev/fd/" + std::to_string(log.get()), "text\n");
  EXPECT_EQ(read_file(here_ / "log"), "earlier\ntext\n");
}

TEST_F(FileTest, OutputBelowDevIsAFileWhereItIsOne) {
  const TempDir memory("/dev/shm", "file-test");
  const fs::path file = memory.path() / "file";
  for (const std::string text : {"long text", "short"}) {
    write_output_file(file, text);
    EXPECT_EQ(read_file(file), text);
  }
}

TEST_F(FileTest, OutputSweepsWhatAKilledOneLeft) {
  const fs::path old = here_ / "folder/.tmp-0123456789abcdef", young = here_ / "folder/.tmp-00000000000000aa",
                 other = here_ / "folder/.tmp-mine";
  make_directories(here_ / "folder");
  for (const fs::path& one : {old, young, other}) write_file_atomically(one, "half");
  for (const fs::path& one : {old, other})
    fs::last_write_time(one, fs::file_time_type::clock::now() - std::chrono::minutes(5));
  write_output_file(here_ / "folder/out", "whole");
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(young)) << "somebody may be writing it";
  EXPECT_TRUE(fs::exists(other));
}

TEST_F(FileTest, OutputGoesWhereALinkLeads) {
  make_directories(here_ / "far");
  fs::create_symlink("far/file", here_ / "link");
  for (const std::string text : {"new", "newer"}) {
    write_output_file(here_ / "link", text);
    EXPECT_EQ(read_file(here_ / "far/file"), text);
  }
  EXPECT_TRUE(fs::is_symlink(here_ / "link"));
  EXPECT_THAT(names_in(here_ / "far"), ElementsAre("file"));
}

TEST_F(FileTest, ExclusiveLockKeepsOthersOutAndNamesItsHolder) {
  const fs::path path = here_ / "lock";
  {
    FileLock lock = FileLock::acquire(path, FileLock::Mode::Exclusive, {});
    lock.describe("pid 7: moat install x");
    EXPECT_FALSE(FileLock::try_acquire(path, FileLock::Mode::Shared));
    try {
      FileLock::acquire(path, FileLock::Mode::Exclusive, std::chrono::milliseconds(5));
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::Busy);
      EXPECT_THAT(error.what(), HasSubstr("is in use by `moat install x` (pid 7)"));
    }
  }
  EXPECT_TRUE(FileLock::try_acquire(path, FileLock::Mode::Exclusive));
}

TEST_F(FileTest, SharedLocksAreShared) {
  const fs::path path = here_ / "lock";
  const FileLock one = FileLock::acquire(path, FileLock::Mode::Shared, {});
  EXPECT_TRUE(FileLock::try_acquire(path, FileLock::Mode::Shared));
  EXPECT_FALSE(FileLock::try_acquire(path, FileLock::Mode::Exclusive));
}

TEST_F(FileTest, WaitingForALockEndsWhenItIsFree) {
  const fs::path path = here_ / "lock";
  std::optional<FileLock> held = FileLock::acquire(path, FileLock::Mode::Exclusive, {});
  std::vector<std::string> told;
  const WaitsAreTold waits([&](const std::string& message) {
    told.push_back(message);
    held.reset();
  });
  const FileLock lock = FileLock::acquire(path, FileLock::Mode::Exclusive, std::chrono::seconds(30));
  EXPECT_THAT(told, ElementsAre("waiting for another process"));
}

// A lock's file that is a link, or has a second name, is something of somebody else's.
TEST_F(FileTest, LocksWriteOverNothing) {
  const std::string precious = "precious, and longer than the words of a holder";
  write_file_atomically(here_ / "victim", precious);
  fs::create_symlink(here_ / "victim", here_ / "link");
  fs::create_symlink(here_ / "none", here_ / "dangling");
  for (const char* name : {"link", "dangling"}) {
    SCOPED_TRACE(name);
    try {
      FileLock::acquire(here_ / name, FileLock::Mode::Exclusive, {});
      ADD_FAILURE() << "was followed";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("a symbolic link or a special file is in the way"));
    }
    EXPECT_THROW(FileLock::try_acquire(here_ / name, FileLock::Mode::Shared), Error);
  }
  fs::create_hard_link(here_ / "victim", here_ / "second");
  FileLock lock = FileLock::acquire(here_ / "second", FileLock::Mode::Exclusive, {});
  lock.describe("pid 7: moat install x");
  EXPECT_FALSE(FileLock::try_acquire(here_ / "victim", FileLock::Mode::Shared));
  EXPECT_EQ(read_file(here_ / "victim"), precious);
  EXPECT_FALSE(fs::exists(here_ / "none"));
}

// The folders above the root may be links: they are the user's own choice.
TEST_F(FileTest, LocksBelowARootFollowNoLink) {
  make_directories(here_ / "root");
  make_directories(here_ / "outside");
  fs::create_symlink(here_ / "root", here_ / "way");
  fs::create_symlink(here_ / "outside", here_ / "root/inside");
  EXPECT_TRUE(FileLock::try_acquire({here_ / "way", "lock"}, FileLock::Mode::Exclusive));
  EXPECT_THROW(FileLock::try_acquire({here_ / "way", "inside/lock"}, FileLock::Mode::Exclusive), Error);
  EXPECT_TRUE(fs::is_empty(here_ / "outside"));
}

}  // namespace
}  // namespace moat
