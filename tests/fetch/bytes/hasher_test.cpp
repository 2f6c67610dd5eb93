#include "fetch/bytes/hasher.h"

#include "fetch/os/file.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace moat {
namespace {

TEST(Hasher, KnowsTheAlgorithmsOfDigest) {
  // What hashlib says of b"abc".
  EXPECT_EQ(hash_bytes("abc").to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_bytes("abc", "md5").hex, "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hash_bytes("abc", "sha1").hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
  for (const char* algorithm : {"md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b"}) {
    const Digest digest = hash_bytes("abc", algorithm);
    EXPECT_EQ(Digest::parse(algorithm, digest.hex), digest);
  }
  EXPECT_EQ(hash_bytes("abc", "blake2b").hex.substr(0, 16), "ba80a53f981c4d0d");
  EXPECT_THROW(Hasher("crc32"), std::invalid_argument);
}

TEST(Hasher, PiecesMakeTheWhole) {
  const std::string text(1'000'000, 'a');
  Hasher hasher;
  for (std::size_t at = 0; at < text.size(); at += 777) hasher.update(std::string_view(text).substr(at, 777));
  const Digest whole = hash_bytes(text);
  EXPECT_EQ(hasher.finish(), whole);
  const TempDir temp(::testing::TempDir(), "hasher-test");
  write_file_atomically(temp.path() / "f", text);
  EXPECT_EQ(hash_file(temp.path() / "f"), whole);
}

}  // namespace
}  // namespace moat
