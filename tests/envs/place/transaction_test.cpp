#include "envs/place/transaction.h"

#include "tests/envs/place/transaction_fixture.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

namespace moat::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(TransactionTest, InstallsWhatPythonThenFinds) {
  const TransactionResult result = install({foo("1.0", true)});
  EXPECT_EQ(result.state, 1);
  EXPECT_THAT(result.warnings, IsEmpty());
  ASSERT_EQ(result.operations.size(), 1U);
  EXPECT_EQ(result.operations[0].kind, OperationKind::Install);

  EXPECT_EQ(env.python("import foo, foo.sub.a; print(foo.version, foo.sub.a.a)"), "1.0 1.0\n");
  EXPECT_EQ(env.python("import importlib.metadata as m; d = m.distribution('foo'); print(d.version, "
                       "d.read_text('INSTALLER'),"
                       "sorted(e.name for e in d.entry_points), all(f.locate().exists() for f in d.files))"),
            "1.0 moat\n ['foo'] True\n");
  EXPECT_EQ(run_process({.argv = {(env.root / "bin/foo").string()}}).output, "foo 1.0\n");
  EXPECT_EQ(run_process({.argv = {(env.root / "bin/foo-old").string()}}).output, "old 1.0\n");
  EXPECT_EQ(env.read("share/foo/x.txt"), "1.0");
  EXPECT_EQ(env.read("include/site/python" + env.interpreter.major_minor() + "/foo/foo.h"),
            "#define V 1.0\n");
  EXPECT_TRUE(env.has(in_site("foo-1.0.dist-info/REQUESTED")));
  EXPECT_TRUE(env.has(in_site("foo/__pycache__/__init__." + env.interpreter.cache_tag + ".pyc")));
  expect_true_record("foo");
  expect_true_manifest();
  const Manifest manifest = env.open().manifest();
  ASSERT_EQ(manifest.packages.size(), 1U);
  EXPECT_EQ(manifest.packages[0].name, "foo");
  EXPECT_TRUE(manifest.packages[0].requested);
  EXPECT_EQ(read_history(env.root).front().summary, std::vector<std::string>{"+ foo 1.0"});
}

TEST_F(TransactionTest, PlacedBytecodeIsUsed) {
  install({foo("1.0")});
  const std::string cached = in_site("foo/__pycache__/__init__." + env.interpreter.cache_tag + ".pyc");
  const std::string before = env.read(cached);
  EXPECT_EQ(env.python("import foo; print(foo.main.__code__.co_filename == foo.__file__)"), "True\n");
  EXPECT_EQ(env.read(cached), before);
  // An edit is seen, whatever its time.
  const fs::path source = env.root / in_site("foo/__init__.py");
  const auto time = fs::last_write_time(source);
  env.write(in_site("foo/__init__.py"), "version = 'mine'\n");
  fs::last_write_time(source, time);
  EXPECT_EQ(env.python("import foo; print(foo.version)"), "mine\n");
}

// ---- times ----

class TimesTest : public TransactionTest {
 protected:
  // All releases have the same date and size, as reproducible wheels do.
  WantedPackage release(const std::string& version) {
    return wanted("foo", version,
                  WheelBuilder("foo", version)
                      .file("foo/__init__.py", "V = '" + version + "'\n")
                      .file("foo/same.py", "same = True\n"));
  }
  std::int64_t time_of(const std::string& path) const {
    struct stat facts {};
    if (::stat((env.root / in_site(path)).c_str(), &facts) != 0) return -1;
    return facts.st_mtime;
  }
  // What a Python finds that keeps its bytecode elsewhere, as it was told by PYTHONPYCACHEPREFIX.
  std::string seen_with_cache() const {
    const std::string prefix = "import sys; sys.pycache_prefix = " + repr((env.folder / "cache").string());
    return env.python(prefix + "; import foo; print(foo.V, end='')");
  }
  static std::string repr(const std::string& text) { return "'" + text + "'"; }
  void remove_bytecode() const {
    fs::remove_all(env.root / in_site("foo/__pycache__"));  // what lies beside a source counts first
  }
  void set_time(const std::string& path, std::int64_t time) const {
    const timespec times[2] = {{time, 0}, {time, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (env.root / in_site(path)).c_str(), times, 0), 0);
  }
};

TEST_F(TimesTest, AFirstInstallHasTheDatesOfTheArchive) {
  install({release("1.0")});
  EXPECT_EQ(time_of("foo/__init__.py"), 1704067200);
}

TEST_F(TimesTest, CachesByTimeAndSizeSeeEveryChange) {
  install({release("1.0")});
  EXPECT_EQ(seen_with_cache(), "1.0");
  install({release("2.0")});
  EXPECT_EQ(seen_with_cache(), "2.0");
  const std::int64_t second = time_of("foo/__init__.py");
  rollback(env.root, std::nullopt, "back");
  EXPECT_EQ(seen_with_cache(), "1.0");
  EXPECT_GT(time_of("foo/__init__.py"), second);
  rollback(env.root, std::nullopt, "and forth");
  EXPECT_EQ(seen_with_cache(), "2.0");
}

TEST_F(TimesTest, WhatLayThereBeforeAnUninstallCounts) {
  install({release("1.0")});
  EXPECT_EQ(seen_with_cache(), "1.0");
  remove("foo");
  install({release("2.0")});
  EXPECT_EQ(seen_with_cache(), "2.0");
}

TEST_F(TimesTest, WhatTheHistoryForgotCounts) {
  install({release("1.0")});
  EXPECT_EQ(seen_with_cache(), "1.0");
  remove("foo");
  fs::remove_all(env.root / ".moat/history/1");
  fs::remove_all(env.root / ".moat/history/2/old/lib");
  install({release("2.0")});
  EXPECT_EQ(seen_with_cache(), "2.0");
}

TEST_F(TimesTest, AClockThatWasAheadDoesNotHideAChange) {
  install({release("1.0")});
  const std::int64_t tomorrow = std::time(nullptr) + 86400;
  set_time("foo/__init__.py", tomorrow);
  EXPECT_EQ(seen_with_cache(), "1.0");
  install({release("2.0")});
  EXPECT_EQ(time_of("foo/__init__.py"), tomorrow + 1);
  EXPECT_EQ(seen_with_cache(), "2.0");
}

TEST_F(TimesTest, TheSameBytesKeepTheirTime) {
  install({release("1.0")});
  set_time("foo/same.py", 1800000000);
  install({release("2.0")});
  EXPECT_EQ(time_of("foo/same.py"), 1800000000);
  rollback(env.root, std::nullopt, "back");
  EXPECT_EQ(time_of("foo/same.py"), 1800000000);
}

TEST_F(TimesTest, AnEditThatIsReplacedWasAChange) {
  install({release("1.0")});
  env.write(in_site("foo/__init__.py"), "V = '9.9'\n");
  set_time("foo/__init__.py", 1704067200);
  const std::int64_t before = std::time(nullptr);
  install({release("1.0")});
  EXPECT_GE(time_of("foo/__init__.py"), before);
}

TEST_F(TimesTest, FilesSharedWithTheStoreAreCopiedWhereTheirTimeWillNotDo) {
  for (const LinkMode mode : {LinkMode::Hardlink, LinkMode::Symlink}) {
    remove("foo");
    for (const std::string version : {"1.0", "2.0", "1.0"}) {
      TransactionRequest request{.install = {release(version)}, .link_mode = mode, .compile = Compile::Never};
      apply(request);
      remove_bytecode();
      EXPECT_EQ(seen_with_cache(), version);
    }
    const fs::path stored = release("1.0").wheel.tree / "foo/__init__.py";
    struct stat facts {};
    ASSERT_EQ(::stat(stored.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mtime, 1704067200);
    rollback(env.root, std::nullopt, "back");
    EXPECT_EQ(seen_with_cache(), "2.0");
  }
}

TEST_F(TransactionTest, ModesFollowTheArchiveAndTheUmask) {
  const mode_t before = ::umask(027);
  install({wanted("foo", "1",
                  WheelBuilder("foo", "1").file("foo/tool", "x", 0100777).file("foo/a", "", 0104600))});
  ::umask(before);
  struct stat facts {};
  ::lstat((env.root / in_site("foo/tool")).c_str(), &facts);
  EXPECT_EQ(facts.st_mode & 07777U, 0750U);
  ::lstat((env.root / in_site("foo/a")).c_str(), &facts);
  EXPECT_EQ(facts.st_mode & 07777U, 0640U);
  expect_true_manifest();
}

TEST_F(TransactionTest, AnUpgradeLeavesNothingBehind) {
  install({foo("1.0")});
  env.python("import foo.only_1, foo");  // not a module; nothing is written
  env.write(in_site("foo/__pycache__/only_1.0." + env.interpreter.cache_tag + ".opt-1.pyc"), "left by a run");
  const TransactionResult result = install({foo("2.0")});
  ASSERT_EQ(result.operations.size(), 1U);
  EXPECT_EQ(result.operations[0].kind, OperationKind::Change);

  PlainEnvironment fresh;
  std::swap(fresh.root, env.root);
  install({foo("2.0")});
  std::swap(fresh.root, env.root);
  EXPECT_EQ(contents(env.root), contents(fresh.root));
  expect_true_record("foo");
  expect_true_manifest();
}

TEST_F(TransactionTest, AnUninstallLeavesNothingBehind) {
  install({simple("bar", "shared/bar.py", "")});
  const Tree before = contents(env.root);
  install({foo("1.0"), simple("baz", "shared/baz.py", "")});
  env.python("import foo, shared.baz");
  remove("foo");
  remove("baz");
  EXPECT_EQ(contents(env.root), before);
  expect_true_manifest();
}

TEST_F(TransactionTest, FilesOfTheUserStay) {
  install({foo("1.0")});
  env.write(in_site("foo/mine.txt"), "mine");
  env.write("share/foo/mine.txt", "mine");
  remove("foo");
  EXPECT_EQ(env.read(in_site("foo/mine.txt")), "mine");
  EXPECT_EQ(env.read("share/foo/mine.txt"), "mine");
  EXPECT_FALSE(env.has(in_site("foo/__init__.py")));
  EXPECT_FALSE(env.has(in_site("foo/sub")));
}

TEST_F(TransactionTest, RollbackBringsBackEveryByte) {
  std::vector<Tree> states = {contents(env.root)};
  const auto remember = [&] { states.push_back(contents(env.root)); };
  install({foo("1.0", true), simple("bar", "ns/bar.py", "1")});
  remember();
  install({foo("2.0")});
  remember();
  remove("bar");
  remember();
  install({simple("baz", "ns/baz.py", "2"), foo("2.0")});
  remember();
  for (const int target : {3, 1, 4, 0, 2}) {
    rollback(env.root, target, "back");
    EXPECT_EQ(contents(env.root), states[static_cast<std::size_t>(target)]) << target;
    expect_true_manifest();
  }
}

TEST_F(TransactionTest, EditedFilesAreKeptAside) {
  install({foo("1.0")});
  env.write(in_site("foo/__init__.py"), "version = 'my own'\n");
  const TransactionResult result = install({foo("2.0")});
  EXPECT_THAT(result.warnings,
              ElementsAre(HasSubstr("was edited; the edited file is kept as `__init__.py.moat-saved`")));
  EXPECT_EQ(env.read(in_site("foo/__init__.py.moat-saved")), "version = 'my own'\n");
  EXPECT_EQ(env.python("import foo; print(foo.version)"), "2.0\n");
  env.write(in_site("foo/__init__.py"), "version = 'again'\n");
  install({foo("1.0")});
  EXPECT_EQ(env.read(in_site("foo/__init__.py.moat-saved")), "version = 'my own'\n");
  EXPECT_EQ(env.read(in_site("foo/__init__.py.moat-saved.2")), "version = 'again'\n");
  rollback(env.root, 1, "back");
  EXPECT_EQ(env.read(in_site("foo/__init__.py")), "version = 'my own'\n");
}

TEST_F(TransactionTest, RollbackRefusesToOverwriteWhatTheUserPutThere) {
  install({foo("1.0")});
  install({foo("2.0")});
  env.write(in_site("foo/only_1.0.py"), "mine");
  EXPECT_THAT(refusal([&] { rollback(env.root, 1, "back"); }), HasSubstr("only_1.0.py` did not exist then"));
}

TEST_F(TransactionTest, AnEditThatIsWhatComesIsNotKept) {
  install({foo("1.0")});
  env.write(in_site("foo/sub/a.py"), "a = '2.0'\n");
  EXPECT_THAT(install({foo("2.0")}).warnings, IsEmpty());
  EXPECT_FALSE(env.has(in_site("foo/sub/a.py.moat-saved")));
}

TEST_F(TransactionTest, ReinstallMends) {
  install({foo("1.0")});
  const Tree good = contents(env.root);
  fs::remove(env.root / in_site("foo/data.bin"));
  const TransactionResult result = install({foo("1.0")});
  EXPECT_EQ(result.operations[0].kind, OperationKind::Reinstall);
  EXPECT_EQ(contents(env.root), good);
}

TEST_F(TransactionTest, TwoPackagesMayNotBothClaimAnImportName) {
  const auto claiming = [&](const std::string& name, const std::string& path, const std::string& line) {
    return wanted(name, "1", WheelBuilder(name, "1").file(path, "").metadata(line));
  };
  EXPECT_THAT(refusal([&] {
                install({claiming("one", "x/one.py", "Import-Name: x"),
                         claiming("two", "x/two.py", "Import-Name: x ; private")});
              }),
              HasSubstr("both say that `x` is imported from them"));
  install({claiming("one", "x/one.py", "Import-Name: x.one"),
           claiming("two", "x/two.py", "Import-Name: x.two"),
           claiming("three", "x/three.py", "Import-Namespace: x"), claiming("four", "y.txt", "Import-Name:"),
           claiming("five", "z.txt", "Import-Name:")});
}

TEST_F(TransactionTest, AFileMayMoveFromOnePackageToAnother) {
  install({simple("one", "ns/x.py", "old")});
  apply({.install = {simple("two", "ns/x.py", "new")}, .remove = {name_of("one")}, .reason = "move"});
  EXPECT_EQ(env.read(in_site("ns/x.py")), "new");
  expect_true_manifest();
}

TEST_F(TransactionTest, AForeignFileInTheWayIsRefused) {
  env.write(in_site("foo/__init__.py"), "the user's");
  EXPECT_THAT(refusal([&] { install({foo("1.0")}); }), HasSubstr("refused: cannot install foo: "));
  EXPECT_EQ(env.read(in_site("foo/__init__.py")), "the user's");
  // The same bytes are no loss.
  env.write(in_site("foo/__init__.py"), "version = '1.0'\ndef main(): print('foo', version)\n");
  install({foo("1.0")});
  expect_true_manifest();
}

TEST_F(TransactionTest, ADirectoryOrALinkInTheWayIsRefused) {
  fs::create_directories(env.root / in_site("foo/__init__.py"));
  EXPECT_THAT(refusal([&] { install({foo("1.0")}); }), HasSubstr("is in the way"));
  fs::remove_all(env.root / in_site("foo"));
  // Writing through a link would leave the environment.
  fs::create_directory(env.folder / "outside");
  fs::create_symlink(env.folder / "outside", env.root / in_site("foo"));
  EXPECT_THAT(refusal([&] { install({foo("1.0")}); }), HasSubstr("is in the way"));
  EXPECT_TRUE(fs::is_empty(env.folder / "outside"));
}

TEST_F(TransactionTest, AFileWhereAnotherPackageHasADirectoryIsRefused) {
  EXPECT_THAT(refusal([&] {
                install({simple("one", "x", "file"), simple("two", "x/y.py", "")});
              }),
              HasSubstr("would be both a file and a directory"));
}

TEST_F(TransactionTest, AnUpgradeMayTurnAFileIntoADirectoryAndBack) {
  install({wanted("foo", "1", WheelBuilder("foo", "1").file("foo.py", "x = 1\n").file("bar/b.py", ""))});
  const Tree one = contents(env.root);
  install({wanted("foo", "2", WheelBuilder("foo", "2").file("foo.py/x", "odd").file("bar", "a file"))});
  EXPECT_EQ(env.read(in_site("foo.py/x")), "odd");
  EXPECT_EQ(env.read(in_site("bar")), "a file");
  rollback(env.root, 1, "back");
  EXPECT_EQ(contents(env.root), one);
}

TEST_F(TransactionTest, CommandsMayNotReplaceTheEnvironmentsOwn) {
  EXPECT_THAT(
      refusal([&] {
        install({wanted("evil", "1", WheelBuilder("evil", "1").console_script("python3", "a:b"))});
      }),
      HasSubstr("refused: cannot install evil 1: its command `python3` would replace the environment's own"));
  EXPECT_THAT(refusal([&] {
                install({wanted("evil", "1", WheelBuilder("evil", "1").console_script("../x", "a:b"))});
              }),
              HasSubstr("bad_archive: "));
  EXPECT_THAT(refusal([&] {
                install({wanted("evil", "1", WheelBuilder("evil", "1").data("data/pyvenv.cfg", "home = /"))});
              }),
              HasSubstr("refused: "));
}

TEST_F(TransactionTest, WithoutAListOfFilesNothingIsRemoved) {
  env.write(in_site("old-1.dist-info/METADATA"), "Metadata-Version: 2.1\nName: old\nVersion: 1\n\n");
  env.write(in_site("old-1.dist-info/INSTALLER"), "conda\n");
  EXPECT_THAT(refusal([&] { remove("old"); }), HasSubstr("was installed by `conda` without RECORD"));
  env.write(in_site("older-1.egg-info/PKG-INFO"), "Metadata-Version: 1.0\nName: older\nVersion: 1\n\n");
  EXPECT_THAT(refusal([&] { remove("older"); }), HasSubstr("the old way"));
}

TEST_F(TransactionTest, RowsThatLeaveTheEnvironmentAreLeftAlone) {
  env.folder.write("precious.txt", "precious");
  const std::string outside = "../../../../precious.txt", absolute = env.folder / "precious.txt";
  env.write(in_site("evil-1.dist-info/METADATA"), "Metadata-Version: 2.1\nName: evil\nVersion: 1\n\n");
  env.write(in_site("evil-1.dist-info/RECORD"),
            outside + ",,\n" + absolute + ",,\n../../../pyvenv.cfg,,\n" +
                "../../../bin/python,,\n../../../.moat/facts.json,,\nevil.py,,\n");
  env.write(in_site("evil.py"), "");
  const TransactionResult result = remove("evil");
  EXPECT_EQ(result.warnings.size(), 5U);
  EXPECT_EQ(env.folder.read("precious.txt"), "precious");
  EXPECT_TRUE(env.has("pyvenv.cfg"));
  EXPECT_TRUE(env.has("bin/python"));
  EXPECT_TRUE(env.has(".moat/facts.json"));
  EXPECT_FALSE(env.has(in_site("evil.py")));
  EXPECT_FALSE(env.has(in_site("evil-1.dist-info")));
}

TEST_F(TransactionTest, WhatAnotherInstallerPlacedIsTakenIn) {
  install({foo("1.0")});
  // As pip leaves it: rows for bytecode, a script outside of site-packages, an upgrade of foo in place.
  const std::string code = "x = 1\n", script = "#!/bin/sh\n";
  env.write(in_site("guest.py"), code);
  env.write(in_site("__pycache__/guest.cpython-39.pyc"), "compiled");
  env.write("bin/guest", script);
  env.write(in_site("guest-2.dist-info/METADATA"), "Metadata-Version: 2.1\nName: Guest\nVersion: 2\n\n");
  env.write(in_site("guest-2.dist-info/INSTALLER"), "pip\n");
  env.write(
      in_site("guest-2.dist-info/RECORD"),
      testing::record_row("guest.py", code) + "\n__pycache__/guest.cpython-39.pyc,,\n" +
          testing::record_row("../../../bin/guest", script) +
          "\nguest-2.dist-info/METADATA,,\nguest-2.dist-info/INSTALLER,,\nguest-2.dist-info/RECORD,,\n");
  install({simple("bar", "bar.py", "")});
  const Manifest manifest = env.open().manifest();
  std::map<std::string, std::string> owners;
  for (const ManifestEntry& entry : manifest.entries) owners[entry.path] = entry.owner;
  EXPECT_EQ(owners[in_site("guest.py")], "guest");
  EXPECT_EQ(owners["bin/guest"], "guest");
  EXPECT_EQ(owners[in_site("guest-2.dist-info/RECORD")], "guest");
  EXPECT_EQ(manifest.packages.size(), 3U);

  remove("guest");
  EXPECT_FALSE(env.has(in_site("guest.py")));
  EXPECT_FALSE(env.has(in_site("__pycache__/guest.cpython-39.pyc")));
  EXPECT_FALSE(env.has("bin/guest"));
  expect_true_manifest();
}

TEST_F(TransactionTest, WhatAnotherInstallerRemovedIsForgotten) {
  install({foo("1.0"), simple("bar", "bar.py", "")});
  for (const OwnedFile& file :
       owned_files(*installed().find(name_of("foo")), env.root, env.open().scheme()).files)
    fs::remove(env.root / file.path);
  fs::remove_all(env.root / in_site("foo-1.0.dist-info"));
  fs::remove_all(env.root / in_site("foo"));
  install({simple("baz", "baz.py", "")});
  EXPECT_EQ(env.open().manifest().packages.size(), 2U);
  expect_true_manifest();
}

TEST_F(TransactionTest, BeingAskedForIsRemembered) {
  install({foo("1.0")});
  EXPECT_FALSE(installed().find(name_of("foo"))->requested);
  apply({.mark_requested = {name_of("foo")}, .reason = "moat install foo"});
  EXPECT_TRUE(installed().find(name_of("foo"))->requested);
  EXPECT_TRUE(env.open().manifest().packages.front().requested);
  expect_true_record("foo");
  expect_true_manifest();
  install({foo("2.0")});  // on behalf of another
  EXPECT_TRUE(installed().find(name_of("foo"))->requested);
  rollback(env.root, 1, "back");
  EXPECT_FALSE(installed().find(name_of("foo"))->requested);
  EXPECT_EQ(apply({.mark_requested = {name_of("nothing")}, .reason = "x"}).state, 4);
}

TEST_F(TransactionTest, DirectUrlsAreWritten) {
  WantedPackage package = foo("1.0");
  package.direct_url = "{\"url\": \"file:///x\", \"dir_info\": {}}";
  install({package});
  EXPECT_EQ(installed().find(name_of("foo"))->direct_url, package.direct_url);
  expect_true_record("foo");
}

TEST_F(TransactionTest, NothingToDoIsNoChange) {
  install({foo("1.0")});
  const TransactionResult result = apply({.remove = {name_of("never-there")}, .reason = "x"});
  EXPECT_THAT(result.operations, IsEmpty());
  EXPECT_EQ(result.state, 1);
  EXPECT_EQ(read_history(env.root).size(), 1U);
}

TEST_F(TransactionTest, LinksAreMadeWhereAskedFor) {
  for (const LinkMode mode : {LinkMode::Hardlink, LinkMode::Symlink, LinkMode::Copy}) {
    const WantedPackage package = foo("1.0");
    apply({.install = {package}, .link_mode = mode, .reason = "x"});
    EXPECT_EQ(env.python("import foo; print(foo.version)"), "1.0\n");
    const fs::path placed = env.root / in_site("foo/data.bin");
    EXPECT_EQ(fs::is_symlink(placed), mode == LinkMode::Symlink);
    EXPECT_EQ(fs::equivalent(placed, package.wheel.tree / "foo/data.bin"), mode != LinkMode::Copy);
    expect_true_manifest();
  }
}

TEST_F(TransactionTest, SharedBinariesShareTheBigFilesAlone) {
  const std::string big(kBigBinary, 'x');
  const WantedPackage package = wanted("foo", "1.0",
                                       WheelBuilder("foo", "1.0")
                                           .file("foo/__init__.py", "version = '1.0'\n")
                                           .file("foo/big.so", big)
                                           .file("foo/big.py", "#" + big)
                                           .file("foo/small.so", "x"));
  apply({.install = {package}, .link_mode = LinkMode::SharedBinaries, .reason = "x"});
  const auto is_shared = [&](const std::string& name) {
    return fs::equivalent(env.root / in_site(name), package.wheel.tree / name);
  };
  EXPECT_TRUE(is_shared("foo/big.so"));
  EXPECT_FALSE(is_shared("foo/big.py"));
  EXPECT_FALSE(is_shared("foo/small.so"));
  EXPECT_FALSE(is_shared("foo/__init__.py"));
  expect_true_manifest();
}

TEST_F(TransactionTest, WithoutCompileThereIsNoBytecode) {
  apply({.install = {foo("1.0")}, .compile = Compile::Never, .reason = "x"});
  EXPECT_FALSE(env.has(in_site("foo/__pycache__")));
}

// As in a container's build: one layer makes the environment and installs, the next one changes it. There,
// directories of the lower layer cannot be renamed.
TEST_F(TransactionTest, WorksOnAnOverlay) {
  install({foo("1.0"), simple("bar", "ns/bar.py", "1")});
  const WantedPackage two = foo("2.0");
  const Tree one = contents(env.root);
  for (const std::string folder : {"upper", "work"}) fs::create_directory(env.folder / folder);
  const pid_t layer = ::fork();
  if (layer == 0) {
    constexpr int kNoMounts = 77;
    const std::string options = "lowerdir=" + env.root.string() +
                                ",upperdir=" + (env.folder / "upper").string() +
                                ",workdir=" + (env.folder / "work").string();
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("overlay", env.root.c_str(), "overlay", 0, (options + ",redirect_dir=off").c_str()) != 0)
      ::_exit(kNoMounts);
    int status = 1;
    try {
      Workers workers(2);
      Reporter silent;
      apply_transaction({.install = {two}, .remove = {name_of("bar")}, .reason = "x"}, env.open(), env.store,
                        workers, silent, "test");
      const bool upgraded = env.python("import foo; print(foo.version)") == "2.0\n" &&
                            !env.has(in_site("ns")) && !env.has(in_site("foo/only_1.0.py"));
      rollback(env.root, std::nullopt, "back");
      const Tree back = contents(env.root);
      if (back != one) std::cerr << ::testing::PrintToString(back) << "\n";
      status = (upgraded ? 0 : 2) + (back == one ? 0 : 4);
    } catch (const std::exception& error) {
      std::cerr << error.what() << "\n";
    }
    ::_exit(status);
  }
  int status = -1;
  ::waitpid(layer, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "overlays cannot be mounted here";
  EXPECT_EQ(status, 0);
  EXPECT_EQ(contents(env.root), one);  // the lower layer was not touched
}

TEST_F(TransactionTest, KilledAtAnyMomentItIsTheOldOrTheNew) {
  const WantedPackage one = foo("1.0"), two = foo("2.0");
  const std::vector<WantedPackage> extra = {simple("bar", "ns/bar.py", "1"), simple("baz", "ns/baz.py", "2")};
  install({one});
  const Tree old_tree = contents(env.root);
  const auto begun = std::chrono::steady_clock::now();
  apply({.install = {two, extra[0], extra[1]}, .reason = "x"});
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
  const Tree new_tree = contents(env.root);
  bool is_new = true;
  int changed = 0;
  std::mt19937 random(std::random_device{}());
  for (int round = 0; round < 60; ++round) {
    const pid_t writer = ::fork();
    if (writer == 0) {
      ::alarm(60);
      Workers workers(2);  // threads are not inherited
      Reporter silent;
      TransactionRequest request{.reason = "x"};
      if (is_new)
        request = {.install = {one}, .remove = {name_of("bar"), name_of("baz")}, .reason = "x"};
      else
        request = {.install = {two, extra[0], extra[1]}, .reason = "x"};
      apply_transaction(request, env.open(), env.store, workers, silent, "test");
      ::_exit(0);
    }
    ::usleep(
        std::uniform_int_distribution<useconds_t>(0, static_cast<useconds_t>(took.count() * 5 / 4))(random));
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    roll_forward(env.root);
    const Tree now = contents(env.root);
    const bool came_new = now == new_tree;
    if (!came_new) {
      ASSERT_EQ(now, old_tree) << "round " << round;
    }
    changed += came_new != is_new ? 1 : 0;
    is_new = came_new;
  }
  EXPECT_GT(changed, 0);
  install({one});
  expect_true_manifest();
}

TEST_F(TransactionTest, WritersTakeTurns) {
  const std::vector<WantedPackage> packages = {simple("a", "ns/a.py", ""), simple("b", "ns/b.py", ""),
                                               simple("c", "ns/c.py", ""), simple("d", "ns/d.py", "")};
  std::vector<pid_t> writers;
  for (const WantedPackage& package : packages) {
    const pid_t writer = ::fork();
    if (writer == 0) {
      ::alarm(60);
      Workers workers(1);
      Reporter silent;
      apply_transaction({.install = {package}, .reason = "x"}, env.open(), env.store, workers, silent,
                        "test");
      ::_exit(0);
    }
    writers.push_back(writer);
  }
  for (const pid_t writer : writers) {
    int status = -1;
    ::waitpid(writer, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(installed().all.size(), 4U);
  EXPECT_EQ(env.open().manifest().state, 4);
  expect_true_manifest();
}

TEST_F(TransactionTest, AskingWhetherItCanBeWritesNothing) {
  install({foo("1.0")});
  write_file_atomically(env.root / in_site("bar.py"), "the user's own");
  const WantedPackage unknown{name_of("later"), *Version::parse("1"), {}, false, std::nullopt};
  const Tree before = contents(env.root, "nothing is left out");
  EXPECT_EQ(foreseen({.install = {foo("2.0")}, .remove = {name_of("nothing")}}), "");
  EXPECT_THAT(foreseen({.install = {simple("bar", "bar.py", "another")}}), HasSubstr("is in the way"));
  EXPECT_EQ(foreseen({.install = {unknown}, .remove = {name_of("foo")}}), "");
  EXPECT_EQ(contents(env.root, "nothing is left out"), before);
}

TEST_F(TransactionTest, OperationsAreToldByName) {
  install({foo("1.0"), simple("bar", "bar.py", ""), simple("zed", "zed.py", "")});
  const auto operations = plan_operations(
      installed(), {.install = {foo("2.0"), simple("bar", "bar.py", ""), simple("aaa", "a.py", "")},
                    .remove = {name_of("zed"), name_of("none")}});
  ASSERT_EQ(operations.size(), 4U);
  EXPECT_EQ(operations[0].kind, OperationKind::Install);
  EXPECT_EQ(operations[0].name.normalized(), "aaa");
  EXPECT_EQ(operations[1].kind, OperationKind::Reinstall);
  EXPECT_EQ(operations[2].kind, OperationKind::Change);
  EXPECT_EQ(operations[2].from->to_string(), "1.0");
  EXPECT_EQ(operations[2].to->to_string(), "2.0");
  EXPECT_EQ(operations[3].kind, OperationKind::Remove);
}

TEST_F(TransactionTest, SatisfiedMeansTheVeryWheel) {
  const WantedPackage one = foo("1.0"), bar = simple("bar", "bar.py", "");
  install({one});
  const Manifest manifest = env.open().manifest();
  EXPECT_TRUE(is_satisfied(manifest, {one}, true));
  EXPECT_TRUE(is_satisfied(manifest, {}, false));
  EXPECT_FALSE(is_satisfied(manifest, {}, true));
  EXPECT_FALSE(is_satisfied(manifest, {one, bar}, false));
  EXPECT_FALSE(is_satisfied(manifest, {foo("2.0")}, false));
  EXPECT_FALSE(is_satisfied(manifest, {foo("1.0", true)}, false));
  WantedPackage other_wheel = one;
  other_wheel.wheel.digest.hex[0] = one.wheel.digest.hex[0] == '0' ? '1' : '0';
  EXPECT_FALSE(is_satisfied(manifest, {other_wheel}, false));
}

// ---- what was asked for ----

TEST_F(TransactionTest, RemembersWhatWasAskedForAndWhere) {
  apply({.install = {foo("1.0", true)},
         .requests = {{"foo", true, "command", "moat install foo<2", "foo<2"},
                      {"bar", true, "file", "/r.txt", "bar"}}});
  EXPECT_EQ(env.open().manifest().requests.size(), 2U);
  // The same package by another command; the same file without a package it named before.
  apply({.requests = {{"foo", true, "command", "moat install foo", "foo"},
                      {"baz", true, "file", "/r.txt", "baz"}}});
  auto requests = env.open().manifest().requests;
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].name, "baz");
  EXPECT_EQ(requests[1].requirement, "foo");
  EXPECT_EQ(env.open().manifest().state, 2);
  remove("foo");
  requests = env.open().manifest().requests;
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].name, "baz");
  rollback(env.root, 1, "back");
  EXPECT_EQ(env.open().manifest().requests.back().requirement, "foo<2");
}

}  // namespace
}  // namespace moat::test
