#include "envs/python/spare.h"

#include "fetch/os/file.h"
#include "tests/envs/real_pythons.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

namespace moat::test {
namespace {

// A store of its own, which shares the runtimes of all tests.
class SpareTest : public InFolder {
 protected:
  SpareTest() : runtime_(runtime_of("/usr/bin/python3")) {
    make_directories(folder() / "store");
    fs::create_symlink(shared_store().layout().root / "runtimes", folder() / "store/runtimes");
    store_.emplace(folder() / "store");
    runtime_ = find_runtime(runtime_.fingerprint, *store_).value();
  }
  const std::string& name() const { return runtime_.fingerprint; }
  fs::path spare() const { return store_->layout().spare(name()); }
  bool take(const std::string& to = "taken") { return take_spare(runtime_, folder() / to, shared_workers()); }

  Runtime runtime_;
  std::optional<Store> store_;
};

TEST_F(SpareTest, IsWhatAnEnvironmentWouldHaveGot) {
  EXPECT_FALSE(has_spare(name(), *store_));
  EXPECT_FALSE(take());
  make_spare(name(), *store_, shared_workers());
  ASSERT_TRUE(has_spare(name(), *store_));
  ASSERT_TRUE(take());
  EXPECT_FALSE(has_spare(name(), *store_));
  EXPECT_FALSE(fs::exists(spare()));
  materialise(runtime_, folder() / "made", LinkMode::Auto, shared_workers());
  EXPECT_EQ(
      run({"diff", "-r", "--no-dereference", (folder() / "made").string(), (folder() / "taken").string()})
          .output,
      "");
  for (const StoredFile& file : runtime_.files) {
    struct stat made {
    }, taken{};
    ASSERT_EQ(::lstat((folder() / "made" / file.path).c_str(), &made), 0) << file.path;
    ASSERT_EQ(::lstat((folder() / "taken" / file.path).c_str(), &taken), 0) << file.path;
    ASSERT_EQ(made.st_mode, taken.st_mode) << file.path;
    ASSERT_EQ(made.st_mtim.tv_sec, taken.st_mtim.tv_sec) << file.path;
    ASSERT_EQ(taken.st_nlink, 1U) << file.path;
  }
  EXPECT_FALSE(take("again")) << "it is gone";
}

TEST_F(SpareTest, OneThatWasEditedIsLeft) {
  make_spare(name(), *store_, shared_workers());
  const fs::path file = spare() / "rt" / runtime_.files.back().path;
  write_file_atomically(file, "edited", 0644);
  EXPECT_FALSE(take());
  EXPECT_FALSE(fs::exists(folder() / "taken"));
  EXPECT_FALSE(has_spare(name(), *store_)) << "it is good for nothing";
  make_spare(name(), *store_, shared_workers());
  EXPECT_TRUE(take());
}

TEST_F(SpareTest, OneOfAnotherListIsLeftAndReplaced) {
  make_spare(name(), *store_, shared_workers());
  write_file_atomically(spare() / "list", "of a runtime with less bytecode", 0644);
  EXPECT_FALSE(has_spare(name(), *store_));
  EXPECT_FALSE(take());
  make_spare(name(), *store_, shared_workers());
  EXPECT_TRUE(take());
}

TEST_F(SpareTest, AFolderThatOthersMayNotEnterIsLeft) {
  make_spare(name(), *store_, shared_workers());
  fs::permissions(spare() / "rt", fs::perms::owner_all);
  EXPECT_FALSE(take()) << "made with another umask";
}

TEST_F(SpareTest, ThereIsOne) {
  make_directories(store_->layout().spare("3.1.4-0000000000000000") / "rt");
  make_spare(name(), *store_, shared_workers());
  std::vector<std::string> there;
  for (const auto& entry : fs::directory_iterator(spare().parent_path()))
    there.push_back(entry.path().filename());
  EXPECT_EQ(there, std::vector<std::string>{name()});
  make_spare(name(), *store_, shared_workers());
  EXPECT_TRUE(has_spare(name(), *store_));
  make_spare("no-such-runtime", *store_, shared_workers());
  EXPECT_TRUE(has_spare(name(), *store_)) << "nothing can take its place";
}

TEST_F(SpareTest, OfManyThatComeAtOnceOneHasIt) {
  make_spare(name(), *store_, shared_workers());
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] { taken += take("taken" + std::to_string(i)) ? 1 : 0; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 1);
}

}  // namespace
}  // namespace moat::test
