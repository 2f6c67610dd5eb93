#include "envs/launcher/recover.h"

#include "envs/journal/change.h"
#include "envs/journal/former_files.h"
#include "envs/journal/unflushed.h"
#include "envs/launcher/journal.h"
#include "envs/launcher/sha256.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "tests/envs/folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace moat::test {
namespace {

using Tree = std::map<std::string, std::string>;

// An environment with one package of some files, and a clock of boots.
class Recovery : public ::testing::Test {
 protected:
  Recovery() {
    folder.write("bin/python", "python");
    Manifest first;
    first.runtime = "3.11.7-0123456789abcdef";
    folder.write(".moat/manifest", format_manifest(first));
    folder.write("boot", "this-boot\n");
  }

  static std::string text(const std::string& version, int file) {
    return "version " + version + " file " + std::to_string(file) + "\n" + std::string(5000, 'x');
  }

  // foo of this version instead of what is there.
  void install(const std::string& version) {
    Change change = Change::begin(folder.path(), "test");
    Manifest next = *parse_manifest(folder.read(".moat/manifest"));
    std::vector<Move> moves;
    if (folder.has("lib/foo")) {
      moves.push_back({Move::Kind::Out, "lib/foo", change.history_relative() + "/lib/foo"});
      next.entries.clear();
    } else {
      moves.push_back({Move::Kind::MakeDirectory, "lib", {}});
    }
    for (int i = 0; i < 3; ++i) {
      const std::string at = "lib/foo/" + std::to_string(i) + ".py";
      folder.write(change.stage_relative() + "/" + at, text(version, i));
      next.entries.push_back({at, hash_bytes(text(version, i)).hex, text(version, i).size(), 0644, "foo"});
    }
    moves.push_back({Move::Kind::In, change.stage_relative() + "/lib/foo", "lib/foo"});
    change.commit(moves, next, "moat install foo==" + version, {}, Durable::Auto);
  }

  // The mark as a disk holds it on which the changes from `state` on were not flushed before the power
  // failed.
  void fail_power(int state) const {
    folder.write(".moat/unflushed", "another-boot " + std::to_string(state) + " 0\n");
    const timespec times[2] = {{1, 0}, {1, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder.path() / ".moat/unflushed").c_str(), times, 0), 0);
  }
  // What ext4 leaves of data that was never written; times are in its journal.
  void lose(const std::string& file, off_t size = 0) const {
    const fs::path path = folder.path() / file;
    struct stat facts {};
    ASSERT_EQ(::stat(path.c_str(), &facts), 0);
    ASSERT_EQ(::truncate(path.c_str(), size), 0);
    const timespec times[2] = {facts.st_mtim, facts.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  int recover() const {
    const UniqueFd env = open_file(folder.path(), O_RDONLY | O_DIRECTORY);
    return moat_recover(env.get(), (folder.path() / "boot").c_str());
  }
  std::string version() const { return folder.read("lib/foo/0.py").substr(0, 11); }

  Folder folder;
};

TEST(Sha256, IsThatOfTheLibrary) {
  std::string text;
  for (int size : {0, 1, 55, 56, 63, 64, 65, 1000, 65537}) {
    text.assign(static_cast<std::size_t>(size), static_cast<char>('a' + size % 7));
    moat_sha256 hash;
    char hex[65];
    moat_sha256_begin(&hash);
    moat_sha256_add(&hash, text.data(), text.size() / 3);
    moat_sha256_add(&hash, text.data() + text.size() / 3, text.size() - text.size() / 3);
    moat_sha256_end(&hash, hex);
    EXPECT_EQ(hex, hash_bytes(text).hex) << size;
  }
}

TEST_F(Recovery, WithoutAMarkOrInTheSameBootNothingIsDone) {
  install("1");
  fs::remove(folder.path() / ".moat/unflushed");
  lose("lib/foo/1.py");
  EXPECT_EQ(recover(), MOAT_RECOVERY_NOT_NEEDED);
  struct stat facts {};
  ASSERT_EQ(::stat(folder.path().c_str(), &facts), 0);
  folder.write(".moat/unflushed", "this-boot 1 " + std::to_string(facts.st_dev) + "\n");
  EXPECT_EQ(recover(), MOAT_RECOVERY_NOT_NEEDED);
  EXPECT_TRUE(folder.has(".moat/unflushed"));
}

TEST_F(Recovery, OnAnotherDeviceTheFilesAreLookedAt) {
  install("1");
  folder.write(".moat/unflushed", "this-boot 1 12345\n");
  EXPECT_EQ(recover(), MOAT_RECOVERY_SOUND);
  EXPECT_FALSE(folder.has(".moat/unflushed"));
}

TEST_F(Recovery, WhatReachedTheDiskStays) {
  install("1");
  install("2");
  fail_power(2);
  EXPECT_EQ(recover(), MOAT_RECOVERY_SOUND);
  EXPECT_EQ(version(), "version 2 f");
}

TEST_F(Recovery, AChangeThatWasCutShortIsTakenBack) {
  install("1");
  const Tree before = contents(folder.path());
  for (const off_t size : {off_t{0}, off_t{4096}}) {
    install("2");
    fail_power(2);
    lose("lib/foo/2.py", size);
    EXPECT_EQ(recover(), MOAT_RECOVERY_WENT_BACK);
    EXPECT_EQ(contents(folder.path()), before);
    EXPECT_FALSE(folder.has(".moat/journal"));
    EXPECT_EQ(recover(), MOAT_RECOVERY_NOT_NEEDED);
  }
  // It is a change like others: in the history, and no obstacle to the next.
  const auto history = read_history(folder.path());
  ASSERT_FALSE(history.empty());
  EXPECT_THAT(history.front().reason, testing::HasSubstr("power failure"));
  install("3");
  EXPECT_EQ(version(), "version 3 f");
  rollback(folder.path(), std::nullopt, "back");
  EXPECT_EQ(version(), "version 1 f");
}

TEST_F(Recovery, ZerosOfAPageAreALossToo) {
  install("1");
  install("2");
  fail_power(2);
  const std::size_t size = text("2", 1).size();
  lose("lib/foo/1.py");
  lose("lib/foo/1.py", static_cast<off_t>(size));
  EXPECT_EQ(recover(), MOAT_RECOVERY_WENT_BACK);
  EXPECT_EQ(version(), "version 1 f");
}

TEST_F(Recovery, GoesBackAsFarAsNeeded) {
  for (const char* version : {"1", "2", "3", "4"}) install(version);
  fail_power(3);
  lose("lib/foo/0.py");
  lose(".moat/history/4/old/lib/foo/1.py");
  EXPECT_EQ(recover(), MOAT_RECOVERY_WENT_BACK);
  EXPECT_EQ(version(), "version 2 f");
}

TEST_F(Recovery, NoFurtherThanTheFirstThatWasNotFlushed) {
  install("1");
  install("2");
  fail_power(2);
  lose("lib/foo/0.py");
  lose(".moat/history/2/old/lib/foo/1.py");
  EXPECT_EQ(recover(), MOAT_RECOVERY_DAMAGED);
  EXPECT_THAT(moat_journal_error(), testing::HasSubstr("lib/foo/1.py"));
}

TEST_F(Recovery, EditsAndDeletionsAreNoLoss) {
  install("1");
  install("2");
  fail_power(2);
  fs::remove(folder.path() / "lib/foo/1.py");
  folder.write("lib/foo/0.py", "my own\n");
  EXPECT_EQ(recover(), MOAT_RECOVERY_SOUND);
  EXPECT_EQ(folder.read("lib/foo/0.py"), "my own\n");
}

TEST_F(Recovery, LostBytecodeIsDropped) {
  install("1");
  folder.write("lib/foo/__pycache__/0.cpython-311.pyc", std::string(6000, 'b'));
  folder.write("elsewhere.pyc", "");
  folder.write(".moat/bytecode", "moat-bytecode 1\n" + hash_bytes(std::string(6000, 'b')).hex +
                                     " 6000 foo lib/foo/__pycache__/0.cpython-311.pyc\n" +
                                     hash_bytes("x").hex + " 1 foo ../" + folder.path().filename().string() +
                                     "/elsewhere.pyc\n");
  fail_power(1);
  lose("lib/foo/__pycache__/0.cpython-311.pyc", 4096);
  EXPECT_EQ(recover(), MOAT_RECOVERY_SOUND);
  EXPECT_FALSE(folder.has("lib/foo/__pycache__/0.cpython-311.pyc"));
  EXPECT_TRUE(folder.has("elsewhere.pyc"));  // a list that leads outside is not followed
}

TEST_F(Recovery, AMarkThatCannotBeReadCountsAsOneOfAnotherBoot) {
  install("1");
  install("2");
  folder.write(".moat/unflushed", "");
  const timespec times[2] = {{1, 0}, {1, 0}};
  ::utimensat(AT_FDCWD, (folder.path() / ".moat/unflushed").c_str(), times, 0);
  lose("lib/foo/0.py");
  EXPECT_EQ(recover(), MOAT_RECOVERY_WENT_BACK);
  EXPECT_EQ(version(), "version 1 f");
}

}  // namespace
}  // namespace moat::test
