#include "envs/journal/bytecode_list.h"

#include "tests/envs/folder.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

const std::string kHash(64, 'a');

TEST(BytecodeList, IsWrittenSortedAndReadBack) {
  const std::string text =
      format_bytecode_list({{"lib/foo/__pycache__/b c.cpython-311.pyc", kHash, 12, "foo"},
                            {".moat/rt/__pycache__/os.pyc", kHash, 7, ""},
                            {"lib/__pycache__/a.pyc", kHash, 3, "bar"}});
  EXPECT_EQ(text, "moat-bytecode 1\n" + kHash + " 7 - .moat/rt/__pycache__/os.pyc\n" + kHash +
                      " 3 bar lib/__pycache__/a.pyc\n" + kHash +
                      " 12 foo lib/foo/__pycache__/b c.cpython-311.pyc\n");
  const auto entries = parse_bytecode_list(text);
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ(entries->at(0).owner, "") << "of the runtime";
  EXPECT_EQ(entries->at(2).path, "lib/foo/__pycache__/b c.cpython-311.pyc");
  EXPECT_EQ(format_bytecode_list(*entries), text);
}

TEST(BytecodeList, RefusesWhatItWouldNotHaveWritten) {
  const std::string head = "moat-bytecode 1\n";
  for (const std::string& text :
       {std::string(), std::string("moat-bytecode 2\n"), head + kHash + " 1 foo a.py\n",
        head + kHash + " 1 foo ../__pycache__/a.pyc\n", head + kHash + " 1 foo /__pycache__/a.pyc\n",
        head + kHash + " x foo __pycache__/a.pyc\n", head + kHash + " 1  __pycache__/a.pyc\n",
        head + "abc 1 foo __pycache__/a.pyc\n", head + kHash + " 1 foo __pycache__/a.pyc",
        head + kHash + " 1 foo __pycache__/b.pyc\n" + kHash + " 1 foo __pycache__/a.pyc\n"})
    EXPECT_FALSE(parse_bytecode_list(text)) << text;
}

TEST(BytecodeList, OfFormat1LiesInTheManifest) {
  const test::Folder folder;
  Manifest manifest{.format = 1};
  manifest.entries = {{".moat/rt/__pycache__/os.pyc", kHash, 1, 0644, ""},
                      {"lib/__pycache__/foo.pyc", kHash, 2, 0644, "foo"},
                      {"lib/foo.py", kHash, 3, 0644, "foo"}};
  const auto entries = read_bytecode_list(folder.path(), manifest);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].owner, "foo");
  EXPECT_EQ(entries[0].size, 2U);
  ASSERT_EQ(manifest.entries.size(), 2U) << "bytecode of the runtime is a part of it";
  EXPECT_EQ(manifest.entries[1].path, "lib/foo.py");
}

TEST(BytecodeList, ThatIsDamagedIsEmpty) {
  const test::Folder folder;
  Manifest manifest;
  EXPECT_TRUE(read_bytecode_list(folder.path(), manifest).empty());
  folder.write(".moat/bytecode", "moat-bytecode 1\nrubbish\n");
  EXPECT_TRUE(read_bytecode_list(folder.path(), manifest).empty());
}

}  // namespace
}  // namespace moat
