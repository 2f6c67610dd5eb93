#include "envs/launcher/journal.h"

#include "tests/envs/folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

namespace moat::test {
namespace {

// "state\t2" and the lines, between the first and the last.
std::string journal_text(const std::string& lines) { return "moat-journal 1\nstate\t2\n" + lines + "end\n"; }

// A journal parsed from text, with its text.
struct Parsed {
  explicit Parsed(std::string from) : text(std::move(from)) {
    result = moat_journal_parse(text.data(), text.size(), &journal);
  }
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;
  ~Parsed() {
    if (result == 0) moat_journal_free(&journal);
  }
  std::string text;
  moat_journal journal{};
  int result = 0;
};

TEST(Journal, ReadsEveryKindOfLine) {
  const Parsed parsed(
      "moat-journal 1\nstate\t7\ntime\t1767225600\nreason\tmoat install x\nsummary\t+ x 1\nsummary\t- y 2\n"
      "mkdir\ta b\nout\ta\\tb\tc\\nd\nin\te\\\\f\tg/h\nrmdir\ti\nend\n");
  ASSERT_EQ(parsed.result, 0) << moat_journal_error();
  const moat_journal& journal = parsed.journal;
  EXPECT_EQ(journal.state, 7);
  EXPECT_EQ(journal.time, 1767225600);
  EXPECT_STREQ(journal.reason, "moat install x");
  ASSERT_EQ(journal.summary_count, 2U);
  EXPECT_STREQ(journal.summary[1], "- y 2");
  ASSERT_EQ(journal.move_count, 4U);
  EXPECT_EQ(journal.moves[0].kind, MOAT_MOVE_MKDIR);
  EXPECT_STREQ(journal.moves[0].from, "a b");
  EXPECT_EQ(journal.moves[0].to, nullptr);
  EXPECT_EQ(journal.moves[1].kind, MOAT_MOVE_OUT);
  EXPECT_STREQ(journal.moves[1].from, "a\tb");
  EXPECT_STREQ(journal.moves[1].to, "c\nd");
  EXPECT_STREQ(journal.moves[2].from, "e\\f");
  EXPECT_STREQ(journal.moves[2].to, "g/h");
  EXPECT_EQ(journal.moves[3].kind, MOAT_MOVE_RMDIR);
}

TEST(Journal, RefusesWhatMayNotBeFollowed) {
  const std::vector<std::string> bad = {
      "",
      "moat-journal 2\nstate\t2\nend\n",
      "moat-journal 1\nend\n",  // no state
      "moat-journal 1\nstate\t0\nend\n",
      "moat-journal 1\nstate\t2147483648\nend\n",
      "moat-journal 1\nstate\t-1\nend\n",
      "moat-journal 1\nstate\t2\nout\ta\tb\n",  // cut off
      "moat-journal 1\nstate\t2\nout\ta\tbend\n",
      "moat-journal 1\nstate\t2\nend",
      journal_text("out\t/etc/passwd\tb\n"),
      journal_text("in\ta\t/etc/passwd\n"),
      journal_text("in\ta\t../b\n"),
      journal_text("in\ta/../../b\tc\n"),
      journal_text("in\ta/..\tc\n"),
      journal_text("mkdir\ta//b\n"),
      journal_text("mkdir\ta/\n"),
      journal_text("mkdir\t.\n"),
      journal_text("rmdir\t./a\n"),
      journal_text("rmdir\t\n"),
      journal_text("rmdir\n"),
      journal_text("mkdir\ta\tb\n"),
      journal_text("out\ta\n"),
      journal_text("out\ta\tb\tc\n"),
      journal_text("out\ta\\x\tb\n"),  // no such escape
      journal_text("out\ta\tb\\\n"),
      journal_text("copy\ta\tb\n"),
      journal_text("\n"),
      journal_text(std::string("mkdir\ta\0b\n", 10)),
  };
  for (const std::string& text : bad) EXPECT_EQ(Parsed(text).result, MOAT_JOURNAL_BAD) << text;
}

TEST(Journal, NamesTheLine) {
  EXPECT_EQ(Parsed(journal_text("mkdir\ta\nmkdir\t..\n")).result, MOAT_JOURNAL_BAD);
  EXPECT_THAT(moat_journal_error(), testing::HasSubstr("line 4"));
}

int stop_before(void* context, std::size_t step) { return step == *static_cast<std::size_t*>(context); }

// A change with every kind of move: a directory replaced whole, one out, one in, files of a shared directory,
// a file that somebody had deleted before (`bin/gone`), an emptied directory.
class JournalApply : public testing::Test {
 protected:
  static constexpr const char* kMoves =
      "mkdir\t.moat/history\n"
      "mkdir\t.moat/history/2\n"
      "mkdir\t.moat/history/2/bin\n"
      "mkdir\t.moat/history/2/share\n"
      "out\tfoo\t.moat/history/2/foo\n"
      "out\told\t.moat/history/2/old\n"
      "out\tbin/foo\t.moat/history/2/bin/foo\n"
      "out\tbin/gone\t.moat/history/2/bin/gone\n"
      "out\tshare/x\t.moat/history/2/share/x\n"
      "mkdir\tetc\n"
      "in\t.moat/stage/2/foo\tfoo\n"
      "in\t.moat/stage/2/new\tnew\n"
      "in\t.moat/stage/2/bin/foo\tbin/foo\n"
      "in\t.moat/stage/2/bin/gone\tbin/gone\n"
      "in\t.moat/stage/2/etc/c\tetc/c\n"
      "rmdir\tshare\n";

  static void fill(const Folder& env) {
    env.write("foo/__init__.py", "old");
    env.write("foo/sub/a", "old a");
    env.write("old/b", "old b");
    env.write("bin/foo", "old script");
    env.write("bin/other", "untouched");
    env.write("share/x", "old x");
    env.write(".moat/stage/2/foo/__init__.py", "new");
    env.write(".moat/stage/2/new/n", "n");
    env.write(".moat/stage/2/bin/foo", "new script");
    env.write(".moat/stage/2/bin/gone", "came");
    env.write(".moat/stage/2/etc/c", "c");
    env.write(".moat/journal", journal_text(kMoves));
  }
  static void expect_new(const Folder& env) {
    const std::map<std::string, std::string> wanted = {
        {"foo", "directory"},     {"foo/__init__.py", "644 new"}, {"new", "directory"},
        {"new/n", "644 n"},       {"bin", "directory"},           {"bin/foo", "644 new script"},
        {"bin/gone", "644 came"}, {"bin/other", "644 untouched"}, {"etc", "directory"},
        {"etc/c", "644 c"}};
    EXPECT_EQ(contents(env.path()), wanted);
    EXPECT_FALSE(env.has(".moat/journal"));
    EXPECT_FALSE(env.has(".moat/stage/2"));
    EXPECT_EQ(env.read(".moat/history/2/moves"), journal_text(kMoves));
    EXPECT_EQ(env.read(".moat/history/2/foo/sub/a"), "old a");
    EXPECT_EQ(env.read(".moat/history/2/bin/foo"), "old script");
    EXPECT_EQ(env.read(".moat/history/2/share/x"), "old x");
    EXPECT_FALSE(env.has(".moat/history/2/bin/gone"));
  }
  static int apply(const Folder& env, moat_journal_start start, moat_journal_hook hook, void* context) {
    const Parsed parsed(env.read(".moat/journal"));
    EXPECT_EQ(parsed.result, 0);
    const int directory = ::open(env.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int result = moat_journal_apply(directory, &parsed.journal, start, hook, context);
    ::close(directory);
    return result;
  }
};

TEST_F(JournalApply, CarriesOutTheWholeList) {
  const Folder env;
  fill(env);
  ASSERT_EQ(apply(env, MOAT_JOURNAL_FRESH, nullptr, nullptr), 0) << moat_journal_error();
  expect_new(env);
}

TEST_F(JournalApply, ContinuesFromEveryPoint) {
  std::size_t stop = 0;
  for (;; ++stop) {
    const Folder env;
    fill(env);
    const int result = apply(env, MOAT_JOURNAL_FRESH, stop_before, &stop);
    if (result == 0) break;
    ASSERT_EQ(result, MOAT_JOURNAL_STOPPED);
    SCOPED_TRACE(stop);
    if (env.has(".moat/journal")) {
      ASSERT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_APPLIED)
          << moat_journal_error();
      expect_new(env);
    }
    EXPECT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_NONE);
  }
  EXPECT_EQ(stop, 16U + 2U);
}

TEST_F(JournalApply, ContinuesAfterBeingStoppedTwice) {
  for (std::size_t first = 0; first < 16; ++first) {
    for (std::size_t second = 0; second < 16; ++second) {
      const Folder env;
      fill(env);
      ASSERT_EQ(apply(env, MOAT_JOURNAL_FRESH, stop_before, &first), MOAT_JOURNAL_STOPPED);
      ASSERT_EQ(apply(env, MOAT_JOURNAL_RESUME, stop_before, &second), MOAT_JOURNAL_STOPPED);
      ASSERT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_APPLIED)
          << moat_journal_error();
      SCOPED_TRACE(std::to_string(first) + ", " + std::to_string(second));
      expect_new(env);
    }
  }
}

// Every directory that the list writes into, replaced by a link to a copy of it elsewhere.
TEST_F(JournalApply, GoesThroughNoLink) {
  std::set<std::string> links;
  {
    const Folder env;
    fill(env);
    for (const auto& [path, what] : contents(env.path(), ""))
      if (what == "directory") links.insert(path);
    links.insert({".moat/history", ".moat/history/2", ".moat/history/2/bin", "etc"});
  }
  for (const std::string& link : links) {
    SCOPED_TRACE(link);
    const Folder outside, env;
    fill(env);
    if (env.has(link))
      std::filesystem::copy(env / link, outside / "copy", std::filesystem::copy_options::recursive);
    else
      std::filesystem::create_directory(outside / "copy");
    outside.write("copy/precious", "precious");
    std::filesystem::remove_all(env / link);
    std::filesystem::create_directories((env / link).parent_path());
    std::filesystem::create_symlink(outside / "copy", env / link);
    const auto before = contents(outside.path()), before_inside = contents(env.path(), "");
    const int result = moat_journal_roll_forward(env.path().c_str(), 0);
    EXPECT_EQ(contents(outside.path()), before);
    // A link that is moved itself is no way; where one is, nothing at all has happened.
    const bool moved_itself =
        link == "foo" || link == "old" || link == ".moat/stage/2/foo" || link == ".moat/stage/2/new";
    if (moved_itself || link == "foo/sub" || link == ".moat/stage/2/foo/sub") continue;
    if (link == ".moat") {
      EXPECT_LT(result, 0);
      EXPECT_THAT(moat_journal_error(), testing::HasSubstr("symbolic link"));
      continue;
    }
    EXPECT_EQ(result, MOAT_JOURNAL_BAD) << moat_journal_error();
    auto after = contents(env.path(), "");
    after.erase(".moat/lock");
    EXPECT_EQ(after, before_inside);
  }
}

TEST(JournalRollForward, ADirectoryMayTakeThePlaceOfALink) {
  const Folder outside, env;
  outside.write("precious", "precious");
  std::filesystem::create_directories(env / "lib");
  std::filesystem::create_symlink(outside.path(), env / "lib/foo");
  env.write(".moat/stage/2/lib/foo/a", "a");
  env.write(".moat/journal",
            journal_text("mkdir\t.moat/history\nmkdir\t.moat/history/2\nout\tlib/foo\t.moat/history/2/foo\n"
                         "mkdir\tlib/foo\nin\t.moat/stage/2/lib/foo/a\tlib/foo/a\n"));
  ASSERT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_APPLIED) << moat_journal_error();
  EXPECT_EQ(contents(outside.path()), (std::map<std::string, std::string>{{"precious", "644 precious"}}));
  EXPECT_EQ(env.read("lib/foo/a"), "a");
  EXPECT_TRUE(std::filesystem::is_symlink(env / ".moat/history/2/foo"));
}

// A directory that moves away takes what lies below it along, also where it had been opened before.
TEST(JournalRollForward, ADirectoryMayBeReplacedWhileItIsOpen) {
  const Folder env;
  env.write("lib/foo/a", "old");
  env.write("lib/foo/b", "old");
  env.write(".moat/stage/2/a", "new");
  env.write(".moat/journal",
            journal_text("mkdir\t.moat/history\nmkdir\t.moat/history/2\nout\tlib/foo/a\t.moat/history/2/a\n"
                         "out\tlib/foo\t.moat/history/2/foo\nmkdir\tlib/foo\n"
                         "in\t.moat/stage/2/a\tlib/foo/a\n"));
  ASSERT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_APPLIED) << moat_journal_error();
  EXPECT_EQ(env.read("lib/foo/a"), "new");
  EXPECT_FALSE(env.has("lib/foo/b"));
  EXPECT_EQ(env.read(".moat/history/2/foo/b"), "old");
}

TEST(JournalRollForward, FollowsNoJournalOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const Folder env;
  env.write(".moat/journal", journal_text("mkdir\ta\n"));
  ASSERT_EQ(::chown((env / ".moat/journal").c_str(), 65534, 65534), 0);
  const auto before = contents(env.path(), "");
  EXPECT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_FOREIGN);
  EXPECT_THAT(moat_journal_error(), testing::HasSubstr("made by user 65534, and this is user 0"));
  EXPECT_EQ(contents(env.path(), ""), before);  // not even a lock
}

TEST(JournalRollForward, FollowsNoJournalThatIsALinkOrHasASecondName) {
  const Folder env;
  env.write("mine", journal_text("mkdir\ta\n"));
  env.write(".moat/lock", "");
  std::filesystem::create_symlink(env / "mine", env / ".moat/journal");
  EXPECT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_FAILED);
  std::filesystem::remove(env / ".moat/journal");
  std::filesystem::create_hard_link(env / "mine", env / ".moat/journal");
  EXPECT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_BAD);
  EXPECT_FALSE(env.has("a"));
}

TEST(JournalRollForward, MergesIntoADirectoryThatCameInBetween) {
  const Folder env;
  env.write(".moat/stage/2/foo/a", "a");
  env.write(".moat/stage/2/foo/__pycache__/a.pyc", "ours");
  env.write(".moat/stage/2/foo/__pycache__/b.pyc", "b");
  env.write("foo/__pycache__/a.pyc", "written by a running Python");
  env.write("foo/mine", "the user's");
  env.write(".moat/journal", journal_text("in\t.moat/stage/2/foo\tfoo\n"));
  ASSERT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_APPLIED) << moat_journal_error();
  EXPECT_EQ(env.read("foo/a"), "a");
  EXPECT_EQ(env.read("foo/__pycache__/a.pyc"), "ours");
  EXPECT_EQ(env.read("foo/__pycache__/b.pyc"), "b");
  EXPECT_EQ(env.read("foo/mine"), "the user's");
}

TEST(JournalRollForward, SaysWhoHoldsTheLock) {
  const Folder env;
  env.write(".moat/journal", journal_text("mkdir\ta\n"));
  env.write(".moat/lock", "pid 123: moat install x\n");
  const int lock = ::open((env / ".moat/lock").c_str(), O_RDWR | O_CLOEXEC);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  ASSERT_EQ(::fcntl(lock, F_OFD_SETLK, &whole), 0);
  EXPECT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_BUSY);
  EXPECT_THAT(moat_journal_error(), testing::HasSubstr("is being changed by pid 123: moat install x"));
  EXPECT_FALSE(env.has("a"));
  ::close(lock);
  EXPECT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_APPLIED);
  EXPECT_TRUE(env.has("a"));
}

TEST(JournalRollForward, WaitsForALivingWriter) {
  const Folder env;
  env.write(".moat/journal", journal_text("mkdir\ta\n"));
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t writer = ::fork();
  if (writer == 0) {
    const int lock = ::open((env / ".moat/lock").c_str(), O_RDWR | O_CREAT, 0666);
    struct flock whole {};
    whole.l_type = F_WRLCK;
    ::fcntl(lock, F_OFD_SETLK, &whole);
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  // The writer dies while we wait for it; the kernel frees its lock.
  EXPECT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_BUSY);
  ::kill(writer, SIGKILL);
  EXPECT_EQ(moat_journal_roll_forward(env.path().c_str(), 60000), MOAT_JOURNAL_APPLIED);
  ::waitpid(writer, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  EXPECT_TRUE(env.has("a"));
}

TEST(JournalRollForward, SaysThatTheEnvironmentCannotBeWritten) {
  const Folder env;
  env.write(".moat/journal", journal_text("mkdir\ta\n"));
  std::filesystem::create_directory(env / ".moat/lock");  // as unwritable for root as a read-only file system
  EXPECT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_FAILED);
  EXPECT_THAT(moat_journal_error(), testing::HasSubstr("holds an unfinished change and cannot be written"));
}

TEST(JournalRollForward, LeavesABadJournalAlone) {
  const Folder env;
  env.write("a", "a");
  env.write(".moat/journal", journal_text("out\ta\t../../stolen\n"));
  EXPECT_EQ(moat_journal_roll_forward(env.path().c_str(), 0), MOAT_JOURNAL_BAD);
  EXPECT_TRUE(env.has("a"));
  EXPECT_TRUE(env.has(".moat/journal"));
}

}  // namespace
}  // namespace moat::test
