// Locks that answer a question that was asked before.
#include "envs/install/kept_locks.h"

#include "fetch/os/file.h"
#include "tests/envs/install/resolving.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <iterator>
#include <set>
#include <utility>

namespace moat {
namespace {

using testing::LoopbackIndex;
using testing::WheelBuilder;

namespace fs = std::filesystem;

PackageName name(const std::string& text) { return PackageName::parse(text).value(); }

RootRequirement line(const std::string& text) { return {Requirement::parse(text).value(), {}, {}}; }

// A question, all of whose parts can be changed.
struct Asked {
  Goal goal{.requirements = {line("a"), line("b>1")}};
  ResolvePolicy policy;
  UniversalRequest request{
      .request = {.target = foreign_target("3.12", {"linux-x86_64"}, nullptr).value()},
      .roots = {{}},
      .root_of = {0, 0},
      .targets = {{"linux-x86_64", foreign_target("3.12", {"linux-x86_64"}, nullptr).value()}},
      .everywhere = {{3, 12}},
      .requires_python = SpecifierSet::parse(">=3.12").value(),
      .preferences = {}};
  InstallRequest terms;
  LockedInputs inputs{.targets = {"linux-x86_64"}, .requirements = {"a", "b>1"}};
  std::vector<std::string> groups;
  EarlierLock earlier;

  std::optional<std::string> digest() const {
    return digest_of(LockProblem{.goal = goal,
                                 .policy = policy,
                                 .request = request,
                                 .terms = terms,
                                 .inputs = inputs,
                                 .locked_groups = groups,
                                 .earlier = earlier});
  }
};

Pylock locked(const std::string& version) {
  Pylock lock;
  lock.packages = {{.name = name("a"), .version = Version::parse(version).value()}};
  return lock;
}

TEST(LockProblem, EveryPartOfItCounts) {
  const std::vector<std::function<void(Asked&)>> changes = {
      [](Asked& one) { one.goal.requirements[0] = line("a>=1"); },
      [](Asked& one) { one.goal.requirements.pop_back(); },
      [](Asked& one) {
        one.goal.requirements[0].hashes = {{"sha256", std::string(64, 'a')}};
      },
      [](Asked& one) { one.goal.constraints.push_back(line("a>=1")); },
      [](Asked& one) { one.goal.overrides.push_back(line("a>=1")); },
      [](Asked& one) { one.goal.require_hashes = true; },
      [](Asked& one) { one.goal.ignore_requires_python = true; },
      [](Asked& one) { one.policy.upgrade = true; },
      [](Asked& one) { one.policy.no_deps = true; },
      [](Asked& one) { one.policy.upgrade_packages.insert(name("a")); },
      [](Asked& one) {
        one.request.roots.push_back({LockRoot::Kind::Extra, "x"});
      },
      [](Asked& one) {
        one.request.root_of = {0, 1};
      },
      [](Asked& one) { one.request.targets.clear(); },
      [](Asked& one) { one.request.targets[0].name = "mine"; },
      [](Asked& one) { one.request.targets[0].may_be_left_out = true; },
      [](Asked& one) { one.request.targets[0].target.environment.python_full_version = "3.12.9"; },
      [](Asked& one) { one.request.targets[0].target.tags = TagSet::anything(); },
      [](Asked& one) { one.request.targets_must_install = false; },
      [](Asked& one) { one.request.fewest_forks = true; },
      [](Asked& one) {
        one.request.everywhere.push_back({3, 13});
      },
      [](Asked& one) { one.request.requires_python = SpecifierSet::parse(">=3.11").value(); },
      [](Asked& one) { one.terms.exclude_newer = 1; },
      [](Asked& one) {
        one.terms.indexes.indexes = {{"", Url::parse("https://example.org/simple").value()}};
      },
      [](Asked& one) { one.terms.prereleases.otherwise = Prereleases::Allow; },
      [](Asked& one) { one.inputs.universal = true; },
      [](Asked& one) { one.inputs.extras["x"] = {}; },
      [](Asked& one) { one.inputs.groups["x"] = {}; },
      [](Asked& one) { one.inputs.default_groups = {"x"}; },
      [](Asked& one) {
        one.inputs.conflicts = {{"extra x", "extra y"}};
      },
      [](Asked& one) { one.groups = {"dev"}; },
      [](Asked& one) { one.earlier = versions_of(locked("1")); },
      [](Asked& one) { one.earlier = versions_of(locked("2")); },
  };
  std::set<std::string> digests = {Asked().digest().value()};
  EXPECT_EQ(Asked().digest(), *digests.begin());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Asked asked;
    changes[i](asked);
    EXPECT_TRUE(digests.insert(asked.digest().value()).second) << "change " << i;
  }
}

TEST(LockProblem, IsNoneWhereEqualPagesDoNotMakeEqualLocks) {
  const std::vector<std::function<void(Asked&)>> changes = {
      [](Asked& one) { one.goal.requirements.push_back(line("c @ file:///c")); },
      [](Asked& one) { one.goal.constraints.push_back(line("c @ file:///c")); },
      [](Asked& one) { one.goal.overrides.push_back(line("c @ file:///c")); },
      [](Asked& one) { one.goal.unnamed.emplace_back(); },
      [](Asked& one) { one.goal.editables.insert(name("a")); },
      [](Asked& one) {
        one.goal.config_settings[name("a")] = {{"x", "y"}};
      },
      [](Asked& one) { one.policy.fix = 1; },
      [](Asked& one) { one.terms.no_vulnerable = true; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Asked asked;
    changes[i](asked);
    EXPECT_EQ(asked.digest(), std::nullopt) << "change " << i;
  }
}

struct KeptLockTest : testing::Resolving {
  KeptLockTest() : Resolving({.cache_control = "max-age=600", .page_etags = true}) {}
  ResolveTools with(bool refresh = false) {
    ResolveTools out = resolving();
    out.indexes.refresh = refresh;
    return out;
  }
  UniversalResolution resolved() {
    return std::get<UniversalResolution>(resolve_everywhere(asked.goal, {}, asked.request, with()));
  }
  fs::path file() const { return store.layout().kept_locks() / "q"; }

  Asked asked;
  const KeptLock lock{
      .pages = {{name("a"), "sha256:1"}}, .notes = {"a was \"yanked\""}, .packages = 2, .text = "one\ntwo\n"};
};

TEST_F(KeptLockTest, ComesBackAsItWas) {
  EXPECT_FALSE(find_kept_lock(store, "q"));
  keep_lock(store, "q", lock, reporter);
  const std::optional<KeptLock> found = find_kept_lock(store, "q");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->pages, lock.pages);
  EXPECT_EQ(found->notes, lock.notes);
  EXPECT_EQ(found->packages, lock.packages);
  EXPECT_EQ(found->text, lock.text);
}

TEST_F(KeptLockTest, IsAbsentWhereItIsDamaged) {
  keep_lock(store, "q", lock, reporter);
  const std::string sound = read_file(file());
  for (std::size_t i = 0; i < sound.size(); ++i) {
    std::string bytes = sound;
    bytes[i] = bytes[i] == 'x' ? 'y' : 'x';
    write_file_atomically(file(), bytes);
    // The text is what its hash says, whatever was flipped.
    if (const auto found = find_kept_lock(store, "q")) {
      EXPECT_EQ(found->text, lock.text) << i;
    }
    write_file_atomically(file(), sound.substr(0, i));
    EXPECT_FALSE(find_kept_lock(store, "q")) << i;
  }
}

TEST_F(KeptLockTest, NeedsToKnowEveryPage) {
  KeptLock unknown = lock;
  unknown.pages[name("b")] = "";
  keep_lock(store, "q", unknown, reporter);
  EXPECT_FALSE(find_kept_lock(store, "q"));
}

TEST_F(KeptLockTest, TheOldestOfManyGoes) {
  for (int i = 0; i < 40; ++i) {
    keep_lock(store, "q" + std::to_string(i), lock, reporter);
    fs::last_write_time(store.layout().kept_locks() / ("q" + std::to_string(i)),
                        fs::file_time_type::clock::now() - std::chrono::hours(100 - i));
  }
  EXPECT_FALSE(find_kept_lock(store, "q0"));
  EXPECT_TRUE(find_kept_lock(store, "q39"));
  EXPECT_EQ(std::distance(fs::directory_iterator(store.layout().kept_locks()), fs::directory_iterator()), 32);
}

TEST_F(KeptLockTest, HoldsAsLongAsThePagesSayTheSame) {
  index.add(WheelBuilder("a", "1.0").requires_dist("c"));
  index.add(WheelBuilder("b", "2.0"));
  index.add(WheelBuilder("c", "1.0"));
  const UniversalResolution resolution = resolved();
  EXPECT_TRUE(may_be_kept(resolution));
  EXPECT_EQ(resolution.pages.size(), 3U);
  const KeptLock kept{.pages = resolution.pages, .notes = {}, .packages = 3, .text = ""};
  EXPECT_TRUE(still_holds(kept, with()));
  EXPECT_TRUE(still_holds(kept, with(true)));
  index.add(WheelBuilder("c", "2.0"));
  EXPECT_TRUE(still_holds(kept, with()));  // the page that is kept for ten minutes
  EXPECT_FALSE(still_holds(kept, with(true)));
}

TEST_F(KeptLockTest, ThatAProjectIsNotThereIsKnownToo) {
  const KeptLock kept{.pages = {{name("later"), "absent"}}, .notes = {}, .packages = 0, .text = ""};
  EXPECT_TRUE(still_holds(kept, with()));
  index.add(WheelBuilder("later", "1.0"));
  EXPECT_FALSE(still_holds(kept, with(true)));
}

TEST_F(KeptLockTest, APageThatCannotBeHadIsAnotherOne) {
  const KeptLock kept{.pages = {{name("a"), "sha256:1"}}, .notes = {}, .packages = 0, .text = ""};
  ResolveTools offline = with();
  offline.indexes.offline = true;
  EXPECT_FALSE(still_holds(kept, offline));
}

TEST_F(KeptLockTest, IsNotMadeOfFilesWithoutHashes) {
  LoopbackIndex bare{{.hashes = false}};
  bare.add(WheelBuilder("a", "1.0"));
  bare.add(WheelBuilder("b", "2.0"));
  EXPECT_FALSE(may_be_kept(std::get<UniversalResolution>(
      resolve_everywhere(asked.goal, {}, asked.request, resolving_from(bare)))));
}

}  // namespace
}  // namespace moat
