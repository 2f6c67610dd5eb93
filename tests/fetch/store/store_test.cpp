#include "fetch/store/store.h"

#include "fetch/archive/wheel_check.h"
#include "fetch/bytes/hasher.h"
#include "fetch/store/store_manifest.h"
#include "tests/support/wheel_builder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <optional>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::record_row;
using testing::WheelBuilder;
using testing::ZipMember;

class StoreTest : public ::testing::Test {
 protected:
  TempDir folder_{fs::temp_directory_path(), "store-test"};
  fs::path root_ = folder_.path() / "store";

  // Made when first needed: a process that forks should have no threads.
  Workers& workers() {
    if (!workers_) workers_.emplace(3);
    return *workers_;
  }

  StoredWheel add(Store& store, const WheelBuilder& wheel) {
    const fs::path file = wheel.write(folder_.path() / "wheels");
    return store.add_wheel(file, *WheelFilename::parse(wheel.filename()), wheel.filename(), hash_file(file),
                           workers());
  }

  // Why the wheel is refused; "" where it is not. Nothing of a refused wheel may be left.
  std::string refusal(const WheelBuilder& wheel) {
    Store store(root_);
    try {
      add(store, wheel);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadArchive);
      EXPECT_THAT(error.what(), HasSubstr(wheel.filename()));
      EXPECT_TRUE(fs::is_empty(root_ / "wheels"));
      EXPECT_TRUE(fs::is_empty(root_ / "tmp"));
      return error.what();
    }
    return "";
  }

  void age(const fs::path& path, std::chrono::hours by) {
    const timespec then{.tv_sec = ::time(nullptr) - std::chrono::seconds(by).count(), .tv_nsec = 0};
    const timespec times[2] = {then, then};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0) << path;
  }

 private:
  std::optional<Workers> workers_;
};

WheelBuilder foo() {
  return WheelBuilder("Foo.Bar", "1.0")
      .file("foo/__init__.py", "x = 1\n")
      .file("foo/run.sh", "#!/bin/sh\n", 0100755)
      .file("foo/data/big.bin", std::string(300'000, 'b'))
      .script("tool", "#!python\n");
}

ZipMember stray(std::string name) {
  ZipMember member;
  member.name = std::move(name);
  member.contents = "stray";
  return member;
}

TEST_F(StoreTest, UnpacksAWheelAsItIs) {
  Store store(root_);
  const StoredWheel wheel = add(store, foo());
  EXPECT_EQ(wheel.dist_info, "Foo.Bar-1.0.dist-info");
  EXPECT_TRUE(wheel.root_is_purelib);
  EXPECT_THAT(wheel.warnings, ElementsAre());
  std::vector<std::string> paths;
  for (const StoredFile& file : wheel.files) paths.push_back(file.path);
  EXPECT_THAT(paths, ElementsAre("Foo.Bar-1.0.data/scripts/tool", "Foo.Bar-1.0.dist-info/METADATA",
                                 "Foo.Bar-1.0.dist-info/RECORD", "Foo.Bar-1.0.dist-info/WHEEL",
                                 "foo/__init__.py", "foo/data/big.bin", "foo/run.sh"));
  const StoredFile& init = wheel.files[4];
  EXPECT_EQ(read_file(wheel.tree / init.path), "x = 1\n");
  EXPECT_EQ(init.digest, hash_bytes("x = 1\n"));
  EXPECT_EQ(init.size, 6U);
  EXPECT_EQ(init.mtime, 1704067200);
  EXPECT_TRUE(wheel.files[6].executable);
  struct stat status {};
  ASSERT_EQ(::stat((wheel.tree / init.path).c_str(), &status), 0);
  EXPECT_EQ(status.st_mtime, init.mtime);
  EXPECT_EQ(status.st_mode & 0333U, 0U);
  ASSERT_EQ(::stat((wheel.tree / "foo/run.sh").c_str(), &status), 0);
  EXPECT_NE(status.st_mode & 0100U, 0U);
  EXPECT_TRUE(fs::is_empty(root_ / "tmp"));
}

TEST_F(StoreTest, FindsWhatWasAdded) {
  StoredWheel added;
  {
    Store store(root_);
    EXPECT_FALSE(store.find_wheel(hash_bytes("nothing")));
    added = add(store, foo().purelib(false));
  }
  Store store(root_);
  const auto found = store.find_wheel(added.digest);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->filename, "Foo.Bar-1.0-py3-none-any.whl");
  EXPECT_EQ(found->tree, added.tree);
  EXPECT_EQ(found->dist_info, added.dist_info);
  EXPECT_FALSE(found->root_is_purelib);
  EXPECT_EQ(format_wheel_manifest(*found), format_wheel_manifest(added));
}

TEST_F(StoreTest, AddsTheSameWheelTwice) {
  Store store(root_);
  const StoredWheel first = add(store, foo()), second = add(store, foo());
  EXPECT_EQ(first.files.front().inode, second.files.front().inode);
}

TEST_F(StoreTest, AcceptsOddButHarmlessWheels) {
  EXPECT_EQ(refusal(foo().file("foo/a,\"b\".txt", "quoted")), "");
  EXPECT_EQ(refusal(foo().dist_info_name("foo_bar-1.0.0.dist-info")), "");
  EXPECT_EQ(refusal(foo().metadata_version("1.0.0").metadata_name("foo-bar")), "");
  EXPECT_EQ(refusal(foo().file("empty/", "").listed("empty/,,")), "");
  EXPECT_EQ(refusal(foo().instead_of_row(
                "foo/run.sh", ".\\foo\\run.sh,sha256=" + hash_bytes("#!/bin/sh\n").base64() + ",10")),
            "");
  EXPECT_EQ(refusal(foo().instead_of_row(
                "foo/run.sh", "./foo/run.sh,sha512=" + hash_bytes("#!/bin/sh\n", "sha512").base64() + "==,")),
            "");
  EXPECT_EQ(refusal(foo().listed(record_row("foo/run.sh", "#!/bin/sh\n"))), "");
  EXPECT_EQ(refusal(foo().unlisted(stray("Foo.Bar-1.0.dist-info/RECORD.jws"))), "");
}

TEST_F(StoreTest, WarnsOfANewerMinorVersionAndOfOtherTags) {
  Store store(root_);
  EXPECT_THAT(add(store, foo().wheel_version("1.9")).warnings, ElementsAre(HasSubstr("wheel version 1.9")));
}

TEST_F(StoreTest, RefusesWheelsThatAreNotWhatTheirNameSays) {
  EXPECT_THAT(refusal(foo().wheel_version("2.0")), HasSubstr("wheel version 2.0"));
  EXPECT_THAT(refusal(foo().wheel_version("one")), HasSubstr("no usable Wheel-Version (`one`)"));
  EXPECT_THAT(refusal(foo().metadata_name("evil")), HasSubstr("project `evil`"));
  EXPECT_THAT(refusal(foo().metadata_version("2.0")), HasSubstr("version `2.0`"));
  EXPECT_THAT(refusal(foo().dist_info_name("evil-1.0.dist-info")), HasSubstr("another project"));
  EXPECT_THAT(refusal(foo().dist_info_name("foo_bar-1.1.dist-info")), HasSubstr("another project"));
  EXPECT_THAT(refusal(foo().file("evil-1.0.dist-info/METADATA", "")), HasSubstr("several .dist-info"));
  EXPECT_THAT(refusal(foo().without("Foo.Bar-1.0.dist-info/WHEEL")), HasSubstr("no WHEEL"));
  EXPECT_THAT(refusal(foo().without("Foo.Bar-1.0.dist-info/METADATA")), HasSubstr("no METADATA"));
  EXPECT_THAT(refusal(foo().without("Foo.Bar-1.0.dist-info/RECORD")), HasSubstr("no RECORD"));
}

// What is wrong with RECORD is kept with the entry, for whoever judges it.
TEST_F(StoreTest, HoldsRecordAndWheelAgainstEachOther) {
  Store store(root_);
  const auto wrong = [&](const WheelBuilder& builder) {
    const StoredWheel added = add(store, builder);
    const auto found = store.find_wheel(added.digest);
    EXPECT_TRUE(found && found->faults == added.faults);
    return wrong_record(added.faults);
  };
  const std::string bytes = "#!/bin/sh\n";
  EXPECT_EQ(wrong(foo()), "");
  EXPECT_EQ(wrong(foo().unlisted(stray("evil.pth"))), "its RECORD does not list `evil.pth`");
  EXPECT_EQ(wrong(foo().instead_of_row("foo/run.sh", "")), "its RECORD does not list `foo/run.sh`");
  EXPECT_EQ(wrong(foo().listed("gone.py,sha256=abc,1").listed("gone2.py,sha256=abc,1")),
            "its RECORD lists files that are not there: `gone.py` and `gone2.py`");
  EXPECT_EQ(wrong(foo().listed("\"gone\n.py\",sha256=abc,1")),
            "its RECORD lists files that are not there: `gone?.py`");
  EXPECT_EQ(
      wrong(foo().instead_of_row("foo/run.sh", record_row("foo/run.sh", "other bytes"))),
      "its RECORD has a different size for `foo/run.sh`; its RECORD has a different hash for `foo/run.sh`");
  EXPECT_EQ(wrong(foo().instead_of_row("foo/run.sh", record_row("foo/run.sh", "#!/bin/hs\n"))),
            "its RECORD has a different hash for `foo/run.sh`");
  EXPECT_EQ(wrong(foo().instead_of_row("foo/run.sh",
                                       "foo/run.sh,md5=" + hash_bytes(bytes, "md5").base64() + ",10")),
            "its RECORD has no hash of sha256 or better for `foo/run.sh`");
  EXPECT_THAT(wrong(foo().instead_of_row("foo/run.sh", "foo/run.sh,,")), HasSubstr("no hash"));
  EXPECT_EQ(wrong(foo().listed(record_row("foo/run.sh", "#!/bin/hs\n"))),
            "its RECORD has two different rows for `foo/run.sh`");
  EXPECT_EQ(wrong(foo().listed("foo/run.sh,,many")), "it cannot be parsed: `Foo.Bar-1.0.dist-info/RECORD`");
  EXPECT_EQ(wrong(foo().file("foo./x", "").file("a:b", "")), "") << "only Windows cannot hold that";
}

TEST_F(StoreTest, NotesNamesThatWindowsCannotHold) {
  Store store(root_);
  EXPECT_THAT(add(store, foo().file("foo./x", "").file("a:b", "")).faults,
              ::testing::UnorderedElementsAre(RecordFault{"windows-name", "foo./x"},
                                              RecordFault{"windows-name", "a:b"}));
}

TEST_F(StoreTest, RefusesBadArchives) {
  EXPECT_THAT(refusal(foo().file("../evil", "")), HasSubstr("`../evil` leaves"));
  ZipMember link = stray("link");
  link.mode = 0120777;
  EXPECT_THAT(refusal(foo().unlisted(link)), HasSubstr("symbolic link"));
  ZipMember wrong = stray("foo/wrong");
  wrong.lies.central_crc = wrong.lies.local_crc = 1;
  EXPECT_THAT(refusal(foo().unlisted(wrong).listed(record_row("foo/wrong", "stray"))), HasSubstr("CRC"));
  EXPECT_THAT(refusal(foo().end({.comment = {}, .after_end = "tail"})), HasSubstr("after its end record"));
}

TEST_F(StoreTest, NoticesChangedFiles) {
  Store store(root_);
  const StoredWheel wheel = add(store, foo());
  const fs::path init = wheel.tree / "foo/__init__.py";
  fs::permissions(init, fs::perms::owner_write, fs::perm_options::add);
  testing::write_bytes(init, "x = 2\n");
  EXPECT_FALSE(store.find_wheel(wheel.digest));
  EXPECT_FALSE(fs::exists(wheel.tree));
  EXPECT_TRUE(store.find_wheel(add(store, foo()).digest));
}

TEST_F(StoreTest, NoticesMissingFilesAndBrokenManifests) {
  Store store(root_);
  const StoredWheel wheel = add(store, foo());
  fs::remove(wheel.tree / "foo/run.sh");
  EXPECT_FALSE(store.find_wheel(wheel.digest));
  add(store, foo());
  const fs::path manifest = wheel.tree.parent_path() / "manifest";
  const std::string text = read_file(manifest);
  testing::write_bytes(manifest, text.substr(0, text.size() - 1));
  EXPECT_FALSE(store.find_wheel(wheel.digest));
  EXPECT_FALSE(fs::exists(wheel.tree.parent_path()));
}

TEST_F(StoreTest, LetsHashesDecideWhereOnlyTheLookDiffers) {
  Store store(root_);
  const StoredWheel wheel = add(store, foo());
  const fs::path init = wheel.tree / "foo/__init__.py";
  // As a copy of the store looks: other inodes, other times, the same bytes.
  fs::remove(init);
  testing::write_bytes(init, "x = 1\n");
  const auto found = store.find_wheel(wheel.digest);
  ASSERT_TRUE(found);
  struct stat status {};
  ASSERT_EQ(::stat(init.c_str(), &status), 0);
  EXPECT_EQ(parse_wheel_manifest(read_file(wheel.tree.parent_path() / "manifest"))->files[4].inode,
            status.st_ino);
}

TEST_F(StoreTest, VerifiesEverythingOnRequest) {
  Store store(root_);
  const StoredWheel good = add(store, WheelBuilder("good", "1.0")), bad = add(store, foo());
  const fs::path init = bad.tree / "foo/__init__.py";
  struct stat before {};
  ASSERT_EQ(::stat(init.c_str(), &before), 0);
  fs::permissions(init, fs::perms::owner_write, fs::perm_options::add);
  testing::write_bytes(init, "y = 1\n");
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, init.c_str(), times, 0), 0);  // the look is as it was

  const auto damages = store.verify_wheels(workers(), false);
  ASSERT_EQ(damages.size(), 1U);
  EXPECT_EQ(damages[0].entry, bad.tree.parent_path());
  EXPECT_THAT(damages[0].problem, HasSubstr("foo/__init__.py"));
  EXPECT_EQ(store.verify_wheels(workers(), true).size(), 1U);
  EXPECT_EQ(store.verify_wheels(workers(), true).size(), 0U);
  EXPECT_TRUE(store.find_wheel(good.digest));
  EXPECT_FALSE(store.find_wheel(bad.digest));
}

TEST_F(StoreTest, AddsManyAtOnceWithoutWaiting) {
  Store store(root_);
  std::vector<std::promise<Store::Added>> ended(6);
  std::vector<fs::path> files;
  for (std::size_t i = 0; i < ended.size(); ++i) {
    WheelBuilder wheel("p" + std::to_string(i), "1.0");
    for (int file = 0; file < 8; ++file) wheel.file("p/f" + std::to_string(file), std::string(700'000, 'x'));
    ZipMember broken = stray("stray");
    broken.lies.central_crc = broken.lies.local_crc = 1;
    if (i == 5) wheel.unlisted(broken);
    files.push_back(wheel.write(folder_.path()));
    store.begin_add_wheel(
        {files[i], *WheelFilename::parse(wheel.filename()), wheel.filename(), hash_file(files[i])}, workers(),
        {}, [&ended, i](Store::Added added) { ended[i].set_value(std::move(added)); });
  }
  for (std::size_t i = 0; i < ended.size(); ++i) {
    const Store::Added added = ended[i].get_future().get();
    EXPECT_EQ(std::holds_alternative<StoredWheel>(added), i != 5) << i;
  }
  EXPECT_TRUE(fs::is_empty(root_ / "tmp"));
}

TEST_F(StoreTest, BeginsNothingOnceStopped) {
  Store store(root_);
  const fs::path file = foo().write(folder_.path());
  std::stop_source stop;
  stop.request_stop();
  std::promise<Store::Added> ended;
  store.begin_add_wheel({file, *WheelFilename::parse(foo().filename()), foo().filename(), hash_file(file)},
                        workers(), stop.get_token(),
                        [&](Store::Added added) { ended.set_value(std::move(added)); });
  const Store::Added added = ended.get_future().get();
  ASSERT_TRUE(std::holds_alternative<std::exception_ptr>(added));
  EXPECT_THROW(std::rethrow_exception(std::get<std::exception_ptr>(added)), Error);
}

// Children that never return from a failed expectation, so the answer is their exit status.
TEST_F(StoreTest, SeveralProcessesAddTheSameWheels) {
  const fs::path first = foo().write(folder_.path());
  const WheelBuilder other = WheelBuilder("other", "2.0").file("other.py", std::string(100'000, 'o'));
  const fs::path second = other.write(folder_.path());
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      int status = 1;
      try {
        Workers pool(2);
        Store store(root_);
        for (const fs::path& file : {i % 2 == 0 ? first : second, i % 2 == 0 ? second : first}) {
          const std::string name = file.filename().string();
          const StoredWheel wheel =
              store.add_wheel(file, *WheelFilename::parse(name), name, hash_file(file), pool);
          status = store.find_wheel(wheel.digest) ? 0 : 2;
        }
      } catch (...) {
        status = 3;
      }
      ::_exit(status);
    }
    ASSERT_GT(child, 0);
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  Store store(root_);
  EXPECT_TRUE(store.find_wheel(hash_file(first)));
  EXPECT_TRUE(store.find_wheel(hash_file(second)));
  EXPECT_TRUE(fs::is_empty(root_ / "tmp"));
  EXPECT_EQ(store.verify_wheels(workers(), false).size(), 0U);
}

TEST_F(StoreTest, PublishesOtherTreesReadOnlyAndOnce) {
  Store store(root_);
  const Digest digest = hash_bytes("wheel");
  const fs::path entry = store.layout().pycs(digest, "cpython-311-abc");
  for (const char* text : {"first", "second"}) {
    const TempDir temp = store.make_temp("pycs");
    fs::create_directories(temp.path() / "t/__pycache__");
    testing::write_bytes(temp.path() / "t/__pycache__/a.pyc", text);
    fs::create_symlink("nowhere", temp.path() / "t/link");
    store.publish(temp.path() / "t", entry);
  }
  EXPECT_EQ(read_file(entry / "__pycache__/a.pyc"), "first");
  struct stat status {};
  ASSERT_EQ(::stat((entry / "__pycache__/a.pyc").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0222U, 0U);
  EXPECT_TRUE(fs::is_empty(root_ / "tmp"));
}

// A link in the place of anything that is written: refused, or replaced, and what it leads to stays.
TEST_F(StoreTest, WritesThroughNoLink) {
  const fs::path outside = folder_.path() / "outside";
  const WheelBuilder wheel = WheelBuilder("foo", "1.0").file("foo.py", "");
  const Digest digest = hash_file(wheel.write(folder_.path() / "wheels"));
  for (const std::string part :
       {"lock", "format", "CACHEDIR.TAG", "wheels", "links", "tmp", "pycs", "index", "metadata", "builds",
        "sources", "git", "logs", "interpreters", "environments", "index/http", "index/pages"}) {
    SCOPED_TRACE(part);
    remove_tree(root_), remove_tree(outside);
    make_directories(outside / "folder");
    write_file_atomically(outside / "folder/precious", "precious");
    write_file_atomically(outside / "file", "precious");
    const bool is_file = part == "lock" || part == "format" || part == "CACHEDIR.TAG";
    make_directories((root_ / part).parent_path());
    fs::create_symlink(outside / (is_file ? "file" : "folder"), root_ / part);
    bool refused = false;
    try {
      Store store(root_);
      add(store, wheel);
      store.link("key", digest);
    } catch (const Error&) {
      refused = true;
    }
    EXPECT_TRUE(refused || is_file);
    EXPECT_EQ(read_file(outside / "file"), "precious");
    EXPECT_EQ(std::distance(fs::directory_iterator(outside / "folder"), fs::directory_iterator()), 1);
  }
}

// Stores may share the runtimes; whose link it is decides.
TEST_F(StoreTest, RuntimesMayBeALinkOfThisUser) {
  make_directories(folder_.path() / "shared");
  make_directories(root_);
  fs::create_symlink(folder_.path() / "shared", root_ / "runtimes");
  const Store store(root_);
  TempDir made = store.make_temp("runtime");
  store.publish(made.keep(), store.layout().runtime("x"));
  EXPECT_TRUE(fs::exists(folder_.path() / "shared/x"));
  if (::geteuid() != 0) return;
  ASSERT_EQ(::lchown((root_ / "runtimes").c_str(), 65534, 65534), 0);
  EXPECT_THROW(Store{root_}, Error);
}

TEST_F(StoreTest, RemembersLinks) {
  Store store(root_);
  EXPECT_FALSE(store.linked("https://example.org/a.whl"));
  store.link("https://example.org/a.whl", hash_bytes("a"));
  EXPECT_EQ(store.linked("https://example.org/a.whl"), hash_bytes("a"));
  testing::write_bytes(root_ / "links" / hash_bytes("md5:x").hex, "garbage");
  EXPECT_FALSE(store.linked("md5:x"));
}

TEST_F(StoreTest, CountsWhatItHolds) {
  Store store(root_);
  add(store, foo());
  store.link("x", hash_bytes("x"));
  for (const StoreUsage& usage : store.usage()) {
    const bool used = usage.kind == "wheels" || usage.kind == "links";
    EXPECT_EQ(usage.entries, used ? 1U : 0U) << usage.kind;
    EXPECT_GE(usage.bytes, usage.kind == "wheels" ? 300'000U : 0U);
  }
}

TEST_F(StoreTest, PrunesWhatWasNotUsedForLong) {
  Store store(root_);
  const StoredWheel old = add(store, foo()), used = add(store, WheelBuilder("used", "1.0"));
  store.link("old", hash_bytes("old"));
  {
    const TempDir temp = store.make_temp("pycs");
    fs::create_directory(temp.path() / "t");
    store.publish(temp.path() / "t", store.layout().pycs(old.digest, "key"));
  }
  for (const fs::path& path :
       {old.tree.parent_path(), used.tree.parent_path(), root_ / "links" / hash_bytes("old").hex,
        store.layout().pycs(old.digest, "key")})
    age(path, std::chrono::hours(1000));
  EXPECT_TRUE(store.find_wheel(used.digest));  // that is a use
  const auto pruned = store.prune(std::chrono::hours(500), std::chrono::milliseconds(0));
  EXPECT_EQ(pruned.entries, 3U);
  EXPECT_GT(pruned.bytes, 300'000U);
  EXPECT_FALSE(store.find_wheel(old.digest));
  EXPECT_TRUE(store.find_wheel(used.digest));
  EXPECT_TRUE(fs::is_empty(root_ / "pycs"));
  EXPECT_TRUE(fs::is_empty(root_ / "tmp"));
  EXPECT_EQ(store.prune(std::chrono::seconds(-1), std::chrono::milliseconds(0)).entries, 1U);
}

TEST_F(StoreTest, PrunesWhatIndexesGiveAgain) {
  Store store(root_);
  const StoredWheel fetched = add(store, foo()), built = add(store, WheelBuilder("built", "1.0"));
  store.link("a build", built.digest);
  const PruneRule rule{.older_than = std::chrono::hours(500), .fetched = true};
  EXPECT_EQ(store.prunable(rule).entries, 1U);
  EXPECT_EQ(store.prune(rule, std::chrono::milliseconds(0)).entries, 1U);
  EXPECT_FALSE(store.find_wheel(fetched.digest));
  EXPECT_TRUE(store.find_wheel(built.digest));
}

TEST_F(StoreTest, PrunesToASizeWhatWasNotUsedForLongestFirst) {
  Store store(root_);
  const StoredWheel first = add(store, foo()), second = add(store, WheelBuilder("second", "1.0")),
                    third = add(store, WheelBuilder("third", "1.0"));
  age(second.tree.parent_path(), std::chrono::hours(3));
  age(first.tree.parent_path(), std::chrono::hours(2));
  std::uint64_t all = 0;
  for (const StoreUsage& usage : store.usage()) all += usage.bytes;
  const std::chrono::hours long_ago(500);
  EXPECT_EQ(store.prunable({.older_than = long_ago, .most_bytes = all}).entries, 0U);
  EXPECT_EQ(
      store.prune({.older_than = long_ago, .most_bytes = all - 1}, std::chrono::milliseconds(0)).entries, 1U);
  EXPECT_FALSE(store.find_wheel(second.digest));
  EXPECT_TRUE(store.find_wheel(third.digest));
  EXPECT_TRUE(store.find_wheel(first.digest));
  store.prune({.older_than = long_ago, .most_bytes = 0}, std::chrono::milliseconds(0));
  EXPECT_TRUE(store.list_wheels().empty());
}

TEST_F(StoreTest, PrunesOnlyAlone) {
  Store store(root_), other(root_);
  try {
    store.prune(std::chrono::hours(1), std::chrono::milliseconds(10));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Busy);
  }
  const StoredWheel wheel = add(store, foo());  // still usable
  EXPECT_TRUE(other.find_wheel(wheel.digest));
}

TEST_F(StoreTest, RemovesSomeWheelsWithTheirBytecode) {
  Store store(root_);
  const StoredWheel gone = add(store, foo()), stays = add(store, WheelBuilder("bar", "1.0"));
  for (const StoredWheel* wheel : {&gone, &stays}) {
    const TempDir temp = store.make_temp("pycs");
    fs::create_directory(temp.path() / "t");
    store.publish(temp.path() / "t", store.layout().pycs(wheel->digest, "key"));
  }
  const auto removed = store.remove_wheels({gone}, std::chrono::milliseconds(0));
  EXPECT_EQ(removed.entries, 2U);
  EXPECT_GT(removed.bytes, 0U);
  EXPECT_FALSE(store.find_wheel(gone.digest));
  EXPECT_FALSE(fs::exists(store.layout().pycs(gone.digest, "key")));
  EXPECT_TRUE(store.find_wheel(stays.digest));
  EXPECT_TRUE(fs::exists(store.layout().pycs(stays.digest, "key")));
  EXPECT_TRUE(fs::is_empty(root_ / "tmp"));
  EXPECT_EQ(store.remove_wheels({gone}, std::chrono::milliseconds(0)).entries, 0U);
  EXPECT_TRUE(store.find_wheel(add(store, foo()).digest));  // and it may come back
}

TEST_F(StoreTest, RemovesWheelsOnlyAlone) {
  Store store(root_), other(root_);
  const StoredWheel wheel = add(store, foo());
  try {
    store.remove_wheels({wheel}, std::chrono::milliseconds(10));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Busy);
  }
  EXPECT_TRUE(store.find_wheel(wheel.digest));
  EXPECT_TRUE(other.find_wheel(wheel.digest));
}

TEST_F(StoreTest, SweepsOldRubbishOnly) {
  { Store store(root_); }
  fs::create_directories(root_ / "tmp/old/deep");
  fs::create_directories(root_ / "tmp/new");
  age(root_ / "tmp/old", std::chrono::hours(30));
  Store store(root_);
  EXPECT_FALSE(fs::exists(root_ / "tmp/old"));
  EXPECT_TRUE(fs::exists(root_ / "tmp/new"));
}

TEST_F(StoreTest, SaysWhatItIs) {
  Store store(root_);
  EXPECT_EQ(read_file(root_ / "format"), "1\n");
  EXPECT_THAT(read_file(root_ / "CACHEDIR.TAG"),
              ::testing::StartsWith("Signature: 8a477f597d28d172789f06886806bc55"));
}

TEST_F(StoreTest, AnEmptyFormatIsNone) {
  { Store store(root_); }
  testing::write_bytes(root_ / "format", "");  // as a power failure leaves it
  Store store(root_);
  EXPECT_EQ(read_file(root_ / "format"), "1\n");
}

TEST_F(StoreTest, LeavesNewerFormatsAlone) {
  { Store store(root_); }
  testing::write_bytes(root_ / "format", "2\n");
  try {
    Store store(root_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::BadInput);
    EXPECT_THAT(error.what(), HasSubstr("format `2`"));
  }
}

TEST(WheelManifest, SurvivesEveryCutAndRoundTrips) {
  StoredWheel wheel;
  wheel.filename = "a-1-py3-none-any.whl";
  wheel.dist_info = "a-1.dist-info";
  wheel.files = {{"a b.py", hash_bytes("1"), 1, false, 315532800, 42},
                 {"ünï/x", hash_bytes("2"), 2, true, 7, 43}};
  wheel.faults = {{"unlisted", "a b.py"}, {"of-a-later-moat", "x"}};
  const std::string text = format_wheel_manifest(wheel);
  const auto parsed = parse_wheel_manifest(text);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(format_wheel_manifest(*parsed), text);
  EXPECT_EQ(parsed->files[0].path, "a b.py");
  EXPECT_EQ(parsed->faults, wheel.faults);
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(parse_wheel_manifest(text.substr(0, size)));
}

// As 0.1.0 wrote it, which knew no faults.
std::string of_format_1(std::string manifest) {
  manifest.replace(0, sizeof "moat wheel 2" - 1, "moat wheel 1");
  const std::string faults = "faults 0\n";
  return manifest.erase(manifest.find(faults), faults.size());
}

TEST_F(StoreTest, ReadsEntriesOfFormat1) {
  Store store(root_);
  const StoredWheel wheel = add(store, foo());
  const fs::path manifest = wheel.tree.parent_path() / "manifest";
  testing::write_bytes(manifest, of_format_1(read_file(manifest)));
  const auto found = store.find_wheel(wheel.digest);
  ASSERT_TRUE(found);
  EXPECT_EQ(format_wheel_manifest(*found), format_wheel_manifest(wheel));
}

TEST_F(StoreTest, LeavesEntriesOfNewerFormatsAlone) {
  Store store(root_);
  const StoredWheel wheel = add(store, foo());
  const fs::path manifest = wheel.tree.parent_path() / "manifest";
  testing::write_bytes(manifest, "moat wheel 3\nanything\n");
  try {
    store.find_wheel(wheel.digest);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::BadInput);
    EXPECT_THAT(error.what(), HasSubstr("format 3"));
  }
  EXPECT_EQ(read_file(manifest), "moat wheel 3\nanything\n");
}

}  // namespace
}  // namespace moat
