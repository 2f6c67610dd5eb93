#include "tests/envs/place/transaction_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

namespace moat::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// ---- format 1, as moat 0.1.0 left it ----

class FormatOneTest : public TransactionTest {
 protected:
  // Bytecode was among the files, there was no list of it, and pyvenv.cfg said so.
  void age() {
    const Environment::Placed placed = env.open().placed();
    Manifest old = placed.manifest;
    for (const BytecodeEntry& entry : placed.bytecode)
      old.entries.push_back({entry.path, entry.sha256, entry.size, 0644, entry.owner});
    old.requests.clear();
    std::string text = format_manifest(old);
    text.replace(0, sizeof "moat-manifest 2" - 1, "moat-manifest 1");
    env.write(".moat/manifest", text);
    fs::remove(env.root / ".moat/bytecode");
    std::string settings = env.read("pyvenv.cfg");
    settings.replace(settings.find("moat = 2"), 8, "moat = 1");
    env.write("pyvenv.cfg", settings);
  }
};

TEST_F(FormatOneTest, IsReadAsItIs) {
  install({foo("1.0", true)});
  const Environment::Placed before = env.open().placed();
  ASSERT_THAT(before.bytecode, Not(IsEmpty()));
  age();
  const Environment::Placed after = env.open().placed();
  EXPECT_EQ(format_manifest(after.manifest), format_manifest(before.manifest));
  EXPECT_EQ(format_bytecode_list(after.bytecode), format_bytecode_list(before.bytecode));
  EXPECT_EQ(env.open().manifest().entries.size(), before.manifest.entries.size());
  EXPECT_THAT(env.read("pyvenv.cfg"), HasSubstr("moat = 1"));
}

TEST_F(FormatOneTest, BecomesFormat2WithItsNextChange) {
  install({foo("1.0", true)});
  age();
  install({simple("bar", "bar.py", "")});
  EXPECT_THAT(env.read("pyvenv.cfg"), HasSubstr("moat = 2"));
  EXPECT_THAT(env.read(".moat/manifest"), ::testing::StartsWith("moat-manifest 2\n"));
  EXPECT_THAT(env.read(".moat/bytecode"), HasSubstr(" foo "));
  expect_true_manifest();
  remove("foo");
  EXPECT_THAT(env.read(".moat/bytecode"), Not(HasSubstr(" foo ")));
  expect_true_manifest();
}

TEST_F(FormatOneTest, CanBeGoneBackTo) {
  install({foo("1.0", true)});
  age();
  const std::string bytecode = format_bytecode_list(env.open().placed().bytecode);
  install({foo("2.0")});
  install({simple("bar", "bar.py", "")});
  rollback(env.root, 1, "back");
  EXPECT_EQ(env.open().manifest().packages.front().version, "1.0");
  EXPECT_EQ(env.read(".moat/bytecode"), bytecode);
  EXPECT_THAT(env.read("pyvenv.cfg"), HasSubstr("moat = 2"));
  expect_true_manifest();
  rollback(env.root, 3, "and again");
  EXPECT_EQ(env.open().manifest().packages.size(), 2U);
  expect_true_manifest();
}

// It knows less of journals and marks than today's.
TEST_F(FormatOneTest, LosesItsLauncherForGood) {
  install({foo("1.0", true)});
  const auto present = env.open().placed();
  Manifest manifest = present.manifest;
  for (const std::string name : {"bin/python", "bin/python3", ".moat/rt/bin/python3.11"}) {
    fs::remove(env.root / name);
    env.write(name, "the launcher of 0.1.0");
    manifest.entries.push_back({name, hash_bytes("the launcher of 0.1.0").hex, 21, 0644, ""});
  }
  env.write("bin/python-of-foo", "no launcher");
  env.write(".moat/manifest", format_manifest(manifest));
  age();
  apply({.install = {simple("bar", "bar.py", "")}, .compile = Compile::Never});
  const auto expect_new = [&] {
    for (const char* name : {"bin/python", "bin/python3", ".moat/rt/bin/python3.11"})
      EXPECT_GT(env.read(name).size(), 1000U) << name;
    EXPECT_EQ(env.read("bin/python-of-foo"), "no launcher");
    for (const ManifestEntry& entry : env.open().manifest().entries)
      EXPECT_EQ(hash_file(env.root / entry.path).hex, entry.sha256) << entry.path;
  };
  expect_new();
  rollback(env.root, std::nullopt, "back");
  expect_new();
  rollback(env.root, 0, "to the beginning");
  expect_new();
}

TEST_F(TransactionTest, ANewerFormatIsRefused) {
  std::string settings = env.read("pyvenv.cfg");
  settings.replace(settings.find("moat = 2"), 8, "moat = 3");
  env.write("pyvenv.cfg", settings);
  try {
    env.open();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::BadInput);
    EXPECT_THAT(error.what(), HasSubstr("made by a newer moat: it has format 3"));
  }
}

}  // namespace
}  // namespace moat::test
