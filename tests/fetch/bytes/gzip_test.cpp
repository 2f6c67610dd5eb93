#include "fetch/bytes/gzip.h"

#include "fetch/bytes/inflate.h"

#include <gtest/gtest.h>

#include <string>

namespace moat {
namespace {

std::string packed(std::string_view text) {
  std::string out;
  GzipWriter writer([&](std::string_view piece) { out += piece; });
  writer.write(text);
  writer.finish();
  return out;
}

// "-": refused.
std::string unpacked(std::string_view stream, std::size_t size) {
  std::string out(size, '\0');
  return gunzip(stream, {out.data(), out.size()}) ? out : "-";
}

TEST(Gzip, AWholeStreamIsUnpackedAtOnce) {
  for (const std::string& text : {std::string(), std::string("x"), std::string(1'000'000, 'x')}) {
    const std::string stream = packed(text);
    ASSERT_EQ(claimed_length(stream), text.size());
    EXPECT_EQ(unpacked(stream, text.size()), text);
  }
}

TEST(Gzip, WhatIsNotOneWholeStreamIsRefused) {
  const std::string text = "some text, some text, some text", stream = packed(text);
  EXPECT_EQ(unpacked(stream + "x", text.size()), "-");
  EXPECT_EQ(unpacked(stream + stream, text.size()), "-");
  EXPECT_EQ(unpacked(stream, text.size() - 1), "-");
  EXPECT_EQ(unpacked(stream, text.size() + 1), "-");
  std::string damaged = stream;
  damaged[stream.size() / 2] ^= 1;
  EXPECT_EQ(unpacked(damaged, text.size()), "-");
  EXPECT_EQ(unpacked(stream.substr(0, stream.size() - 1), text.size()), "-");
  EXPECT_EQ(claimed_length("too short"), std::nullopt);
}

}  // namespace
}  // namespace moat
