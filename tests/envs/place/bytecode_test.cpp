#include "envs/place/bytecode.h"

#include "tests/envs/plain_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace moat::test {
namespace {

using testing::WheelBuilder;

class Bytecode : public ::testing::Test {
 protected:
  Bytecode() : runtime{.tree = env.root / ".moat/rt", .interpreter = env.interpreter} {}

  std::vector<StoredBytecode> obtain(const std::vector<StoredWheel>& wheels) {
    Reporter silent;
    return obtain_bytecode(wheels, runtime, env.store, env.workers, silent);
  }
  std::string cached(const std::string& folder, const std::string& stem) const {
    return folder + "__pycache__/" + stem + "." + env.interpreter.cache_tag + ".pyc";
  }
  static std::vector<std::string> names(const StoredBytecode& bytecode) {
    std::vector<std::string> out;
    for (const StoredFile& file : bytecode.files) out.push_back(file.path);
    return out;
  }
  PlainEnvironment env;
  Runtime runtime;
};

TEST_F(Bytecode, IsMadeForEverySourceThatCanBeImported) {
  const auto wheel = env.stored(WheelBuilder("foo", "1")
                                    .file("foo/__init__.py", "x = 1\n")
                                    .file("foo/sub/a.py", "y = 2\n")
                                    .file("top.py", "")
                                    .file("foo/tests/test_a.py", "no = 1\n")
                                    .file("foo/sub/test/b.py", "no = 1\n")
                                    .file("foo/sub/testing.py", "yes = 1\n")
                                    .data("purelib/p.py", "z = 3\n")
                                    .file("foo/data.txt", "no")
                                    .script("run", "#!python\n"));
  const auto bytecode = obtain({wheel});
  EXPECT_THAT(
      names(bytecode.at(0)),
      ::testing::UnorderedElementsAre(cached("", "top"), cached("foo/", "__init__"), cached("foo/sub/", "a"),
                                      cached("foo/sub/", "testing"), cached("foo-1.data/purelib/", "p")));
  for (const StoredFile& file : bytecode[0].files) {
    EXPECT_EQ(hash_file(bytecode[0].tree / file.path), file.digest);
    const std::string bytes = read_file(bytecode[0].tree / file.path);
    EXPECT_EQ(bytes.size(), file.size);
    EXPECT_EQ(bytes.substr(4, 4), std::string("\3\0\0\0", 4));  // checked-hash
  }
}

TEST_F(Bytecode, WhatDoesNotCompileIsLeftOut) {
  std::string deep = "x = ";
  for (int i = 0; i < 100000; ++i) deep += "-";
  deep += "1\n";
  const auto wheel = env.stored(WheelBuilder("foo", "1")
                                    .file("foo/bad.py", "def\n")
                                    .file("foo/nul.py", std::string("x\0y", 3))
                                    .file("foo/latin.py", "x = '\xe4'\n")
                                    .file("foo/deep.py", deep)
                                    .file("foo/good.py", "x = 1\n"));
  EXPECT_EQ(names(obtain({wheel})[0]), std::vector<std::string>{cached("foo/", "good")});
}

TEST_F(Bytecode, AProcessThatDiesTakesOneFileWithIt) {
  // A Python that kills itself over one of the sources.
  const fs::path python = runtime.tree / runtime_layout(env.interpreter).python;
  fs::remove(python);
  write_file_atomically(python,
                        "#!/bin/sh\nfor last; do :; done\n"
                        "exec " +
                            env.interpreter.executable.string() +
                            " -S -c 'import os, sys\n"
                            "def watch(event, args):\n"
                            "  if event == \"open\" and \"deadly.py\" in str(args[0]): os.abort()\n"
                            "sys.addaudithook(watch)\n"
                            "exec(sys.argv[1])' \"$last\"\n",
                        0755);
  WheelBuilder builder("foo", "1");
  for (int i = 0; i < 40; ++i)
    builder.file("foo/m" + std::to_string(i) + ".py", "x = " + std::to_string(i) + "\n");
  builder.file("foo/deadly.py", "x = 12\n");
  const auto found = names(obtain({env.stored(builder)})[0]);
  EXPECT_EQ(found.size(), 40U);
  EXPECT_THAT(found, ::testing::Not(::testing::Contains(cached("foo/", "deadly"))));
}

TEST(BytecodeKey, IsNothingThatLeadsElsewhere) {
  for (const char* key : {"cpython-311-a70d0d0a", "pypy39-pp73-f00f0d0a", "cpython-313t-f30d0d0a"})
    EXPECT_TRUE(is_bytecode_key(key)) << key;
  using namespace std::string_view_literals;
  for (const std::string_view key :
       {""sv, "-"sv, "cpython"sv, "-a70d0d0a"sv, "cpython-"sv, "/etc/x-00"sv, "../x-00"sv, "a/b-00"sv,
        "..-00"sv, "/srv/x\0-00"sv, "a b-00"sv, "a\n-00"sv})
    EXPECT_FALSE(is_bytecode_key(key)) << key;
}

TEST_F(Bytecode, ARuntimeThatDoesNotStartIsAnError) {
  const fs::path python = runtime.tree / runtime_layout(env.interpreter).python;
  fs::remove(python);
  write_file_atomically(python, "#!/bin/sh\necho no Python today >&2\nexit 1\n", 0755);
  const auto wheel = env.stored(WheelBuilder("foo", "1").file("foo.py", ""));
  try {
    obtain({wheel});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Interpreter);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("no Python today"));
  }
}

TEST_F(Bytecode, IsMadeOnceAndInTheOrderAsked) {
  const auto a = env.stored(WheelBuilder("a", "1").file("a.py", "a = 1\n"));
  const auto b = env.stored(WheelBuilder("b", "1").file("b.py", "b = 1\n"));
  const auto c = env.stored(WheelBuilder("c", "1").file("c.txt", "no source at all"));
  const auto first = obtain({b});
  struct stat before {
  }, after{};
  ASSERT_EQ(::lstat((first[0].tree / cached("", "b")).c_str(), &before), 0);
  const auto second = obtain({a, b, c});
  EXPECT_EQ(names(second[0]), std::vector<std::string>{cached("", "a")});
  EXPECT_EQ(names(second[1]), std::vector<std::string>{cached("", "b")});
  EXPECT_TRUE(second[2].files.empty());
  ASSERT_EQ(::lstat((second[1].tree / cached("", "b")).c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(Bytecode, ThatWasTamperedWithIsMadeAnew) {
  const auto wheel = env.stored(WheelBuilder("a", "1").file("a.py", "a = 1\n"));
  const auto first = obtain({wheel});
  const fs::path file = first[0].tree / cached("", "a");
  const std::string good = read_file(file);
  fs::permissions(file, fs::perms(0644));
  testing::write_bytes(file, "evil");
  const auto second = obtain({wheel});
  EXPECT_EQ(hash_file(second[0].tree / cached("", "a")), second[0].files[0].digest);
  EXPECT_EQ(read_file(second[0].tree / cached("", "a")).size(), good.size());
}

TEST_F(Bytecode, BytesRepeat) {
  if (env.interpreter.minor < 11) GTEST_SKIP() << "marshal repeats its bytes from 3.11 on";
  WheelBuilder builder("foo", "1");
  for (int i = 0; i < 50; ++i)
    builder.file("foo/m" + std::to_string(i) + ".py",
                 "s = {'a', 'b', 'c'}\ndef f(x): return x in {'p', 'q', " + std::to_string(i) + "}\n");
  PlainEnvironment other;
  Reporter silent;
  const auto ours = obtain({env.stored(builder)});
  const auto theirs = obtain_bytecode({other.stored(builder)},
                                      {.tree = other.root / ".moat/rt", .interpreter = other.interpreter},
                                      other.store, other.workers, silent);
  ASSERT_EQ(ours[0].files.size(), 50U);
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(ours[0].files[i].digest, theirs[0].files[i].digest);
}

}  // namespace
}  // namespace moat::test
