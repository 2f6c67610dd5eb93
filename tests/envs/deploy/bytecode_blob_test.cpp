#include "envs/deploy/bytecode_blob.h"

#include "tests/envs/plain_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>

namespace moat::test {
namespace {

using testing::WheelBuilder;

class BytecodeBlob : public ::testing::Test {
 protected:
  BytecodeBlob()
      : runtime{.tree = env.root / ".moat/rt", .interpreter = env.interpreter},
        wheel(env.stored(WheelBuilder("foo", "1")
                             .file("foo/__init__.py", "x = 1\n")
                             .file("foo/sub/a.py", "y = 2\n")
                             .file("foo/data.txt", "no"))) {}

  StoredBytecode compiled() {
    Reporter silent;
    return obtain_bytecode({wheel}, runtime, env.store, env.workers, silent).at(0);
  }
  std::string cached(const std::string& where, const std::string& stem) const {
    return where + "__pycache__/" + stem + "." + env.interpreter.cache_tag + ".pyc";
  }
  // A blob with these members.
  std::string packed(const std::function<void(BlobArchiveWriter&)>& fill) {
    const fs::path file = folder / ("blob" + std::to_string(++blobs));
    BlobArchiveWriter archive(file, 0);
    fill(archive);
    archive.finish();
    return read_file(file);
  }
  StoredBytecode obtained(const std::string& blob) {
    return obtain_bundled_bytecode(
        wheel, env.interpreter, hash_bytes(blob), [&](const auto& sink) { sink(blob); }, env.store);
  }
  StoredBytecode opened(const std::string& blob) {
    return open_bundled_bytecode(
        wheel, env.interpreter, hash_bytes(blob), [&](const auto& sink) { sink(blob); }, env.store);
  }
  // Whether it is unpacked or not.
  std::string refused(const std::string& blob) {
    std::string out = refused(blob, &BytecodeBlob::obtained);
    EXPECT_EQ(refused(blob, &BytecodeBlob::opened), out);
    return out;
  }
  std::string refused(const std::string& blob, StoredBytecode (BytecodeBlob::*take)(const std::string&)) {
    try {
      (this->*take)(blob);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadArchive);
      return error.what();
    }
    ADD_FAILURE() << "it was taken";
    return "";
  }

  PlainEnvironment env;
  Folder folder;
  Runtime runtime;
  StoredWheel wheel;
  int blobs = 0;
};

TEST_F(BytecodeBlob, BringsWhatWouldBeCompiled) {
  const StoredBytecode made = compiled();
  write_bytecode_blob(made, folder / "one");
  write_bytecode_blob(made, folder / "two");
  const std::string blob = read_file(folder / "one");
  EXPECT_EQ(blob, read_file(folder / "two"));
  const Digest sha256 = hash_bytes(blob);
  EXPECT_FALSE(has_bundled_bytecode(wheel.digest, bytecode_key(env.interpreter), sha256, env.store));
  const StoredBytecode came = obtained(blob);
  EXPECT_TRUE(has_bundled_bytecode(wheel.digest, bytecode_key(env.interpreter), sha256, env.store));
  EXPECT_NE(came.tree, made.tree) << "what is compiled here is for every environment, this is not";
  ASSERT_EQ(came.files.size(), 2U);
  for (std::size_t i = 0; i < made.files.size(); ++i) {
    EXPECT_EQ(came.files[i].path, made.files[i].path);
    EXPECT_EQ(came.files[i].digest, made.files[i].digest);
    EXPECT_EQ(came.files[i].mtime, made.files[i].mtime);
    EXPECT_EQ(hash_file(came.tree / came.files[i].path), made.files[i].digest);
  }
  EXPECT_EQ(obtain_bundled_bytecode(
                wheel, env.interpreter, sha256, [](const auto&) { FAIL() << "the store has it"; }, env.store)
                .tree,
            came.tree);
}

TEST_F(BytecodeBlob, IsUsedWithoutBeingUnpackedWhereTheStoreDoesNotHaveIt) {
  const StoredBytecode made = compiled();
  write_bytecode_blob(made, folder / "blob");
  const std::string blob = read_file(folder / "blob");
  const StoredBytecode came = opened(blob);
  EXPECT_FALSE(
      has_bundled_bytecode(wheel.digest, bytecode_key(env.interpreter), hash_bytes(blob), env.store));
  ASSERT_TRUE(came.packed);
  ASSERT_EQ(came.files.size(), made.files.size());
  for (std::size_t i = 0; i < made.files.size(); ++i) {
    EXPECT_EQ(came.files[i].path, made.files[i].path);
    EXPECT_EQ(came.files[i].digest, made.files[i].digest);
    EXPECT_EQ(came.files[i].size, made.files[i].size);
    EXPECT_EQ(came.files[i].mtime, made.files[i].mtime);
    EXPECT_EQ(came.packed->text(came.files[i].path), read_file(made.tree / made.files[i].path));
  }
  const fs::path unpacked = obtained(blob).tree;
  EXPECT_EQ(opened(blob).tree, unpacked);
}

TEST_F(BytecodeBlob, WhatBelongsToNoModuleIsRefused) {
  const std::string sound = read_file(compiled().tree / cached("foo/", "__init__"));
  for (const std::string& name : {cached("foo/", "other"), cached("", "os"), std::string("foo/__init__.py"),
                                  std::string("../out.pyc"), std::string("foo/data.txt")})
    EXPECT_THAT(refused(packed([&](BlobArchiveWriter& archive) { archive.add(name, sound); })),
                ::testing::HasSubstr("is refused: "))
        << name;
}

// Bytecode that its source does not vouch for on import, or of another Python.
TEST_F(BytecodeBlob, WhatIsNotCheckedByItsSourceIsRefused) {
  const std::string name = cached("foo/", "__init__");
  const std::string sound = read_file(compiled().tree / name);
  EXPECT_EQ(obtained(packed([&](BlobArchiveWriter& archive) { archive.add(name, sound); })).files.size(), 1U);
  std::string unchecked = sound, timed = sound, other = sound;
  unchecked[4] = 1;
  timed[4] = 0;
  other[0] = static_cast<char>(other[0] ^ 1);
  for (const std::string& bytes : {unchecked, timed, other, sound.substr(0, 7), std::string()})
    EXPECT_THAT(refused(packed([&](BlobArchiveWriter& archive) { archive.add(name, bytes); })),
                ::testing::HasSubstr("checked by its source"));
}

TEST_F(BytecodeBlob, WhatIsNoArchiveIsRefused) {
  EXPECT_NE(refused("rubbish"), "");
  const std::string whole = packed([&](BlobArchiveWriter& archive) {
    archive.add(cached("foo/", "__init__"), read_file(compiled().tree / cached("foo/", "__init__")));
  });
  EXPECT_NE(refused(whole.substr(0, whole.size() - 9)), "");
  EXPECT_TRUE(obtained(packed([](BlobArchiveWriter&) {})).files.empty());
}

}  // namespace
}  // namespace moat::test
