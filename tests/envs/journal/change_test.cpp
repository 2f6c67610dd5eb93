#include "envs/journal/change.h"

#include "envs/journal/unflushed.h"
#include "fetch/bytes/hasher.h"
#include "tests/envs/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <random>

namespace moat::test {
namespace {

using Tree = std::map<std::string, std::string>;

// A folder that looks enough like an environment for changes: packages are directories `lib/NAME` with some
// files, a script `bin/NAME`, and they share `share/doc`.
class Env {
 public:
  Env() {
    folder.write("bin/python", "python");
    folder.write("lib/keep.txt", "not ours");
    folder.write("share/doc/other", "not ours");
    Manifest first;
    first.runtime = "3.11.7-0123456789abcdef";
    folder.write(".moat/manifest", format_manifest(first));
  }
  const std::filesystem::path& path() const { return folder.path(); }
  // As when all was flushed.
  void forget_mark() const { std::filesystem::remove(path() / ".moat/unflushed"); }
  Manifest manifest() const { return *parse_manifest(folder.read(".moat/manifest")); }

  static Tree files_of(const std::string& name, const std::string& version, int count) {
    Tree files = {{"bin/" + name, "script " + version}, {"share/doc/" + name, "doc " + version}};
    for (int i = 0; i < count; ++i)
      files["lib/" + name + "/sub/" + std::to_string(i) + ".py"] =
          name + " " + version + " " + std::to_string(i);
    files["lib/" + name + "/only_" + version] = version;
    return files;
  }

  // Replaces, adds (from == "") or removes (to == "") a package; `whole`: its directory moves as one.
  void change(const std::string& name, const std::string& from, const std::string& to, int count = 3,
              bool whole = true, const Change::StepHook& hook = {}) const {
    Change change = Change::begin(path(), "test");
    Manifest next = manifest();
    std::vector<Move> moves, ins;
    const auto out = [&](const std::string& at) {
      moves.push_back({Move::Kind::Out, at, change.history_relative() + "/" + at});
    };
    const auto in = [&](const std::string& at) {
      ins.push_back({Move::Kind::In, change.stage_relative() + "/" + at, at});
    };
    const std::string folder_name = "lib/" + name;
    if (!from.empty()) {
      for (const auto& [at, text] : files_of(name, from, count))
        if (!whole || at.compare(0, 4, "lib/") != 0) out(at);
      if (whole) out(folder_name);
      std::erase_if(next.entries, [&](const ManifestEntry& entry) { return entry.owner == name; });
      std::erase_if(next.packages, [&](const ManifestPackage& package) { return package.name == name; });
    }
    if (!to.empty()) {
      if (!whole && from.empty()) {
        moves.push_back({Move::Kind::MakeDirectory, folder_name, {}});
        moves.push_back({Move::Kind::MakeDirectory, folder_name + "/sub", {}});
      }
      for (const auto& [at, text] : files_of(name, to, count)) {
        folder.write(change.stage_relative() + "/" + at, text);
        if (!whole || at.compare(0, 4, "lib/") != 0) in(at);
        next.entries.push_back({at, hash_bytes(text).hex, text.size(), 0644, name});
      }
      if (whole) in(folder_name);
      next.packages.push_back({name, to, std::string(64, 'a'), true});
    }
    moves.insert(moves.end(), ins.begin(), ins.end());
    if (to.empty() && !whole) {
      moves.push_back({Move::Kind::RemoveDirectory, folder_name + "/sub", {}});
      moves.push_back({Move::Kind::RemoveDirectory, folder_name, {}});
    }
    change.commit(moves, next, "moat test " + name, {"+ " + name}, Durable::Auto, hook);
  }

  Folder folder;
};

TEST(Change, WithoutCommitNothingHappens) {
  const Env env;
  const Tree before = contents(env.path());
  {
    Change change = Change::begin(env.path(), "test");
    EXPECT_EQ(change.state(), 1);
    EXPECT_EQ(change.stage(), env.path() / ".moat/stage/1");
    env.folder.write(".moat/stage/1/lib/x", "x");
  }
  EXPECT_EQ(contents(env.path()), before);
  EXPECT_FALSE(env.folder.has(".moat/stage/1"));
}

TEST(Change, BringsInAndKeepsWhatItDisplaced) {
  const Env env;
  env.change("foo", "", "1");
  const Tree with_one = contents(env.path());
  EXPECT_EQ(with_one.at("lib/foo/sub/2.py"), "644 foo 1 2");
  env.change("foo", "1", "2");
  const Tree with_two = contents(env.path());
  EXPECT_EQ(with_two.at("lib/foo/sub/2.py"), "644 foo 2 2");
  EXPECT_EQ(with_two.count("lib/foo/only_1"), 0U);
  EXPECT_EQ(env.folder.read(".moat/history/2/old/lib/foo/only_1"), "1");
  EXPECT_EQ(env.manifest().state, 2);
  EXPECT_FALSE(env.folder.has(".moat/stage/2"));
  EXPECT_FALSE(env.folder.has(".moat/journal"));
}

// Every directory of an environment in turn is a link to a copy of it elsewhere: a change works without going
// through it, or is refused; what lies behind it stays.
TEST(Change, WritesThroughNoLink) {
  Tree directories;
  {
    const Env env;
    env.change("foo", "", "1");
    std::filesystem::create_directories(env.path() / ".moat/stage/2");
    directories = contents(env.path(), "");
  }
  for (const auto& [link, what] : directories) {
    const bool is_lock = link == ".moat/lock";
    if (what != "directory" && !is_lock) continue;
    for (const bool whole : {true, false}) {
      SCOPED_TRACE(link);
      const Env env;
      env.change("foo", "", "1");
      std::filesystem::create_directories(env.path() / ".moat/stage/2");
      const Folder outside;
      std::filesystem::copy(env.path() / link, outside / "copy", std::filesystem::copy_options::recursive);
      if (!is_lock) outside.write("copy/moves", "precious");
      std::filesystem::remove_all(env.path() / link);
      std::filesystem::create_symlink(outside / "copy", env.path() / link);
      const Tree before = contents(outside.path()), inside = contents(env.path());
      bool refused = false;
      try {
        env.change("foo", "1", "2", 3, whole);
      } catch (const Error& error) {
        refused = true;
        EXPECT_FALSE(env.folder.has(".moat/journal")) << error.what();
      }
      EXPECT_EQ(contents(outside.path()), before);
      if (refused) {
        EXPECT_EQ(contents(env.path()), inside);
      }
    }
  }
}

// ---- what fails after the commit ----

// Puts something into the way of a step of the journal, which has been committed: a file where a directory
// has to be, a directory with something in it where a file has to be. Its path; "" where the step moves
// nothing.
std::string obstruct(const Env& env, std::size_t step) {
  std::ifstream journal(env.path() / ".moat/journal");
  std::string line, from, to;
  for (std::size_t moves = 0; std::getline(journal, line);) {
    const std::string word = line.substr(0, line.find('\t'));
    if (word != "mkdir" && word != "out" && word != "in" && word != "rmdir") continue;
    if (moves++ != step) continue;
    const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
    if (second == line.npos) return "";
    from = line.substr(first + 1, second - first - 1);
    to = line.substr(second + 1);
    break;
  }
  if (from.empty()) return "";
  if (std::filesystem::is_directory(env.path() / from))
    env.folder.write(to, "in the way");
  else
    env.folder.write(to + "/in the way", "");
  return to;
}

// The changes of foo from 1 to 2, each stopped by an obstacle at another step.
template <class Check>
int each_obstructed_change(bool whole, const Check& check) {
  int stopped = 0;
  for (std::size_t step = 0;; ++step) {
    const Env env;
    env.change("foo", "", "1", 3, whole);
    env.change("bar", "", "1", 3, whole);
    const Tree before = contents(env.path());
    bool reached = false;
    std::string obstacle, said;
    try {
      env.change("foo", "1", "2", 3, whole, [&](std::size_t at) {
        reached = reached || at == step;
        if (at == step) obstacle = obstruct(env, step);
        return true;
      });
    } catch (const Error& error) {
      said = error.what();
    }
    if (!reached) return stopped;
    if (obstacle.empty() || obstacle == ".moat/manifest") continue;
    SCOPED_TRACE("step " + std::to_string(step) + ", " + obstacle);
    ++stopped;
    check(env, before, obstacle, said);
  }
}

TEST(Change, AMoveThatFailsAfterTheCommitTakesEverythingBack) {
  for (const bool whole : {true, false}) {
    const int stopped = each_obstructed_change(
        whole, [&](const Env& env, const Tree& before, const std::string& obstacle, const std::string& said) {
          // Where the obstacle lies on the way back as well, the change is completed once it is gone.
          const bool blocks_both_ways = before.count(obstacle) != 0;
          EXPECT_NE(said.find(blocks_both_ways ? "cannot be undone" : "nothing has changed"), said.npos)
              << said;
          EXPECT_EQ(env.folder.has(".moat/journal"), blocks_both_ways);
          std::filesystem::remove_all(env.path() / obstacle);
          EXPECT_EQ(roll_forward(env.path()), blocks_both_ways);
          if (!blocks_both_ways) {
            EXPECT_EQ(contents(env.path()), before);
          }
          EXPECT_EQ(env.folder.read("bin/foo"), blocks_both_ways ? "script 2" : "script 1");
          EXPECT_EQ(env.manifest().state, blocks_both_ways ? 3 : 2);
          // And the way is free for the next.
          env.change("foo", blocks_both_ways ? "2" : "1", "3", 3, whole);
          EXPECT_EQ(env.folder.read("lib/foo/only_3"), "3");
        });
    EXPECT_GT(stopped, 3);
  }
}

TEST(Change, AKilledChangeThatCannotBeCompletedIsTakenBack) {
  const Env env;
  env.change("foo", "", "1", 3, false);
  const Tree before = contents(env.path());
  // Killed where a file comes in that was not there before, and meanwhile something else came to lie there.
  std::string obstacle;
  const auto kill = [&](std::size_t step) {
    const std::string place = obstruct(env, step);
    if (place == "lib/foo/only_2") obstacle = place;
    if (obstacle.empty() && !place.empty()) std::filesystem::remove_all(env.path() / place);
    return obstacle.empty();
  };
  EXPECT_THROW(env.change("foo", "1", "2", 3, false, kill), Error);
  ASSERT_EQ(obstacle, "lib/foo/only_2");
  EXPECT_TRUE(env.folder.has(".moat/journal"));
  EXPECT_FALSE(roll_forward(env.path()));
  std::filesystem::remove_all(env.path() / obstacle);
  EXPECT_EQ(contents(env.path()), before);
  EXPECT_FALSE(env.folder.has(".moat/journal"));
}

TEST(Change, AChangeThatCanGoNeitherWayCanBeGivenUp) {
  const Env env;
  env.change("foo", "", "1");
  EXPECT_THROW(env.change("foo", "1", "2", 3, true, [](std::size_t step) { return step < 6; }), Error);
  env.folder.write(".moat/journal", "not a journal at all");
  EXPECT_THROW(roll_forward(env.path()), Error);
  EXPECT_TRUE(give_up_change(env.path()));
  EXPECT_FALSE(env.folder.has(".moat/journal"));
  EXPECT_FALSE(give_up_change(env.path()));
}

TEST(Change, WhatCanBeSeenToFailIsRefusedBeforeTheCommit) {
  const Env env;
  env.change("foo", "", "1");
  // A parent that is a link, as of a checkout.
  std::filesystem::rename(env.path() / "share", env.path() / "elsewhere");
  std::filesystem::create_directory_symlink("elsewhere", env.path() / "share");
  const Tree before = contents(env.path());
  EXPECT_THROW(env.change("foo", "1", "2"), Error);
  EXPECT_EQ(contents(env.path()), before);
  EXPECT_FALSE(env.folder.has(".moat/journal"));
  EXPECT_FALSE(env.folder.has(".moat/history/2"));
}

TEST(Change, HistoryIsToldNewestFirst) {
  const Env env;
  env.change("foo", "", "1");
  env.change("bar", "", "1");
  const std::vector<HistoryEntry> history = read_history(env.path());
  ASSERT_EQ(history.size(), 2U);
  EXPECT_EQ(history[0].state, 2);
  EXPECT_EQ(history[0].reason, "moat test bar");
  EXPECT_EQ(history[0].summary, std::vector<std::string>{"+ bar"});
  EXPECT_GT(history[0].time, 1600000000);
  EXPECT_TRUE(history[0].can_return);
  EXPECT_TRUE(history[1].can_return);
}

TEST(Change, OldHistoryIsDropped) {
  const Env env;
  std::string version;
  for (int i = 1; i <= 13; ++i) {
    env.forget_mark();
    env.change("foo", version, std::to_string(i));
    version = std::to_string(i);
  }
  const std::vector<HistoryEntry> history = read_history(env.path());
  ASSERT_EQ(history.size(), 10U);
  EXPECT_EQ(history.front().state, 13);
  EXPECT_EQ(history.back().state, 4);
  EXPECT_FALSE(env.folder.has(".moat/history/3"));
  EXPECT_THROW(rollback(env.path(), 2, "moat env rollback 2"), Error);
  EXPECT_EQ(rollback(env.path(), 3, "moat env rollback 3"), 14);
  EXPECT_EQ(contents(env.path()).at("lib/foo/only_3"), "644 3");
}

TEST(Change, AChangeThatIsMadeDoesNotFailForItsHistory) {
  const Env env;
  env.change("foo", "", "1");
  const std::filesystem::path moves = env.path() / ".moat/history/1/moves";
  std::filesystem::remove(moves);
  std::filesystem::create_directory(moves);  // cannot be read, whoever reads
  EXPECT_NO_THROW(env.change("bar", "", "1"));
  EXPECT_TRUE(env.folder.has("lib/bar/only_1"));
}

TEST(Change, HistoryIsKeptUntilItsFilesAreFlushed) {
  const Env env;
  for (int i = 1; i <= 13; ++i) env.change("foo", i == 1 ? "" : std::to_string(i - 1), std::to_string(i));
  const std::optional<int> first = first_unflushed_state(env.path());
  if (!first) GTEST_SKIP() << "nothing outlives a power failure on this file system";
  for (int state = *first; state <= 13; ++state)
    EXPECT_TRUE(env.folder.has(".moat/history/" + std::to_string(state) + "/moves")) << state;
}

TEST(Change, HistoryOfAnotherMonthIsDroppedButTheNewestStays) {
  const Env env;
  env.change("foo", "", "1");
  env.change("foo", "1", "2");
  for (const std::string state : {"1", "2"}) {
    std::string moves = env.folder.read(".moat/history/" + state + "/moves");
    const std::size_t at = moves.find("time\t") + 5;
    moves.replace(at, moves.find('\n', at) - at, "1600000000");
    env.folder.write(".moat/history/" + state + "/moves", moves);
  }
  env.forget_mark();
  env.change("foo", "2", "3");
  EXPECT_EQ(read_history(env.path()).size(), 1U);
  EXPECT_TRUE(read_history(env.path()).front().can_return);
}

// What a shell would see of a run of changes, with the tree after each.
struct Story {
  const Env env;
  std::vector<Tree> states;
  explicit Story(bool whole) {
    states.push_back(contents(env.path()));
    const std::vector<std::array<std::string, 3>> steps = {
        {"foo", "", "1"}, {"bar", "", "1"}, {"foo", "1", "2"}, {"bar", "1", ""}, {"foo", "2", "3"}};
    for (const auto& [name, from, to] : steps) {
      env.change(name, from, to, 4, whole);
      states.push_back(contents(env.path()));
    }
  }
};

class Rollback : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Moves, Rollback, testing::Bool(),
                         [](const auto& way) { return way.param ? "WholeDirectories" : "SingleFiles"; });

TEST_P(Rollback, ReachesEveryState) {
  for (int target = 0; target < 5; ++target) {
    const Story story(GetParam());
    EXPECT_EQ(rollback(story.env.path(), target, "back"), 6);
    EXPECT_EQ(contents(story.env.path()), story.states[static_cast<std::size_t>(target)]) << target;
    EXPECT_EQ(story.env.manifest().state, 6);
    for (const ManifestEntry& entry : story.env.manifest().entries)
      EXPECT_EQ(hash_file(story.env.path() / entry.path).hex, entry.sha256) << entry.path;
  }
}

TEST_P(Rollback, GoesBackAndForthAtRandom) {
  const Story story(GetParam());
  std::vector<Tree> states = story.states;
  std::mt19937 random(7);
  for (int round = 0; round < 40; ++round) {
    const int current = static_cast<int>(states.size()) - 1;
    const int target = std::uniform_int_distribution<int>(std::max(0, current - 9), current - 1)(random);
    ASSERT_EQ(rollback(story.env.path(), target, "back"), current + 1);
    states.push_back(states[static_cast<std::size_t>(target)]);
    ASSERT_EQ(contents(story.env.path()), states.back()) << "to " << target << " from " << current;
  }
}

TEST_P(Rollback, IsAllOrNothingToo) {
  for (std::size_t stop = 0;; ++stop) {
    const Story story(GetParam());
    const pid_t writer = ::fork();
    if (writer == 0) {
      ::alarm(60);
      rollback(story.env.path(), 1, "back");
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(stop * 97 % 4000));
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    roll_forward(story.env.path());
    const bool done = story.env.manifest().state == 6;
    EXPECT_EQ(contents(story.env.path()), story.states[done ? 1 : 5]);
    if (stop == 40) break;
  }
}

TEST(RollbackDetails, DefaultIsTheStateBefore) {
  const Story story(true);
  EXPECT_EQ(rollback(story.env.path(), std::nullopt, "back"), 6);
  EXPECT_EQ(contents(story.env.path()), story.states[4]);
  EXPECT_EQ(read_history(story.env.path()).front().summary, std::vector<std::string>{"~ foo 3 → 2"});
}

TEST(RollbackDetails, FilesOfTheUserStay) {
  const Story story(true);
  story.env.folder.write("lib/foo/notes.txt", "mine");
  rollback(story.env.path(), 0, "back");
  Tree wanted = story.states[0];
  wanted["lib/foo"] = "directory";
  wanted["lib/foo/notes.txt"] = "644 mine";
  EXPECT_EQ(contents(story.env.path()), wanted);
}

TEST(RollbackDetails, BytecodeOfSourcesThatGoIsNotLeftToTheirSuccessors) {
  const Story story(true);
  story.env.folder.write("lib/foo/sub/__pycache__/1.cpython-311.pyc", "of version 3");
  rollback(story.env.path(), 4, "back");
  EXPECT_FALSE(story.env.folder.has("lib/foo/sub/__pycache__/1.cpython-311.pyc"));
}

TEST(RollbackDetails, AForeignFileInTheWayIsNotOverwritten) {
  const Story story(true);
  story.env.folder.write("bin/bar", "somebody else's");  // bar 1 was removed in state 4
  try {
    rollback(story.env.path(), 3, "back");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Refused);
    EXPECT_THAT(error.what(), testing::HasSubstr("bin/bar"));
  }
  EXPECT_EQ(story.env.folder.read("bin/bar"), "somebody else's");
  EXPECT_FALSE(story.env.folder.has(".moat/journal"));
}

// The first change by a newer moat renames them over the old ones, of which nothing is kept.
TEST(RollbackDetails, WhatWasRenamedOverTheOldStaysWhenThePythonGoesBack) {
  const Env env;
  const auto line = [](const std::string& text) {
    return ManifestEntry{"bin/python", hash_bytes(text).hex, text.size(), 0755, ""};
  };
  Manifest first = env.manifest();
  first.entries = {line("python")};
  env.folder.write(".moat/manifest", format_manifest(first));
  env.folder.write("pyvenv.cfg", "python");
  const auto place = [&](const std::string& runtime, const std::string& text, bool keeps_old) {
    Change change = Change::begin(env.path(), "test");
    Manifest next = env.manifest();
    next.runtime = runtime;
    next.entries = {line(text)};
    std::vector<Move> moves;
    for (const std::string path : {"bin/python", "pyvenv.cfg"})
      if (keeps_old) moves.push_back({Move::Kind::Out, path, change.history_relative() + "/" + path});
    for (const std::string path : {"bin/python", "pyvenv.cfg"}) {
      env.folder.write(change.stage_relative() + "/" + path, text);
      moves.push_back({Move::Kind::In, change.stage_relative() + "/" + path, path});
    }
    change.commit(moves, next, "test", {}, Durable::Auto);
  };
  const auto expect = [&](const std::string& text) {
    EXPECT_EQ(env.folder.read("pyvenv.cfg"), text);
    EXPECT_EQ(env.folder.read("bin/python"), text);
    EXPECT_EQ(env.manifest().entries.front().sha256, line(text).sha256);
  };
  place(first.runtime, "newer", false);
  place("3.12.1-0123456789abcdef", "another", true);
  rollback(env.path(), 0, "back");
  expect("newer");
  rollback(env.path(), 2, "and forth");
  expect("another");
}

TEST(RollbackDetails, WithoutHistoryItIsRefused) {
  const Env env;
  EXPECT_THROW(rollback(env.path(), std::nullopt, "back"), Error);
}

TEST(ChangeCrash, StoppedAtEveryStepItIsRolledForward) {
  for (const bool whole : {true, false}) {
    std::size_t steps = 0;
    for (std::size_t stop = 0;; ++stop) {
      const Env env;
      env.change("foo", "", "1", 3, whole);
      const Tree before = contents(env.path());
      bool stopped = false;
      try {
        env.change("foo", "1", "2", 3, whole, [&](std::size_t step) { return step != stop; });
      } catch (const Error&) {
        stopped = true;
      }
      if (!stopped) break;
      ++steps;
      roll_forward(env.path());
      EXPECT_EQ(env.manifest().state, 2);
      const Env twin;
      twin.change("foo", "", "1", 3, whole);
      twin.change("foo", "1", "2", 3, whole);
      ASSERT_EQ(contents(env.path()), contents(twin.path())) << "stopped before step " << stop;
      EXPECT_FALSE(roll_forward(env.path()));
    }
    EXPECT_GT(steps, 10U);
  }
}

TEST(ChangeCrash, KilledAtAnyMomentItIsTheOldOrTheNew) {
  const Env twin;
  twin.change("foo", "", "1", 40);
  const Tree old_tree = contents(twin.path());
  const auto begun = std::chrono::steady_clock::now();
  twin.change("foo", "1", "2", 40);
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
  const Tree new_tree = contents(twin.path());
  std::mt19937 random(std::random_device{}());
  int came_out_new = 0;
  const Env env;
  env.change("foo", "", "1", 40);
  std::string version = "1";
  for (int round = 0; round < 200; ++round) {
    const std::string next = version == "1" ? "2" : "1";
    const auto pause =
        std::uniform_int_distribution<useconds_t>(0, static_cast<useconds_t>(took.count() * 2))(random);
    const pid_t writer = ::fork();
    if (writer == 0) {
      ::alarm(60);
      env.change("foo", version, next, 40, round % 2 == 0);
      ::_exit(0);
    }
    ::usleep(pause);
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    roll_forward(env.path());
    const Tree now = contents(env.path());
    const bool is_new = now == (next == "2" ? new_tree : old_tree);
    if (!is_new) {
      ASSERT_EQ(now, version == "2" ? new_tree : old_tree) << "round " << round;
    }
    if (is_new) {
      version = next;
      ++came_out_new;
    }
    ASSERT_EQ(env.manifest().packages.front().version, version);
  }
  EXPECT_GT(came_out_new, 0);
  EXPECT_LT(came_out_new, 200);
}

TEST(Change, TwoWritersTakeTurns) {
  const Env env;
  std::vector<pid_t> writers;
  for (const std::string name : {"a", "b", "c", "d"}) {
    const pid_t writer = ::fork();
    if (writer == 0) {
      ::alarm(60);
      env.change(name, "", "1");
      ::_exit(0);
    }
    writers.push_back(writer);
  }
  for (const pid_t writer : writers) {
    int status = 0;
    ::waitpid(writer, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(env.manifest().packages.size(), 4U);
  EXPECT_EQ(env.manifest().state, 4);
}

}  // namespace
}  // namespace moat::test
