#include "resolver/base/base64.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

// RFC 4648, 10.
TEST(Base64, EncodesAsTheStandardSays) {
  const std::pair<std::string_view, std::string_view> table[] = {{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : table) {
    EXPECT_EQ(to_base64(bytes), text);
    if (!text.empty()) {
      EXPECT_EQ(*from_base64(text), bytes);
    }
  }
}

TEST(Base64, UrlsHaveTheirOwnAlphabetAndNoPadding) {
  EXPECT_EQ(to_base64("\xfb\xff\xfe"), "+//+");
  EXPECT_EQ(to_base64url("\xfb\xff\xfe"), "-__-");
  EXPECT_EQ(to_base64url("f"), "Zg");
  EXPECT_EQ(*from_base64url("-__-"), "\xfb\xff\xfe");
  EXPECT_FALSE(from_base64url("+//+"));
  EXPECT_FALSE(from_base64url("Zg=="));
}

TEST(Base64, EveryByteComesBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i);
    EXPECT_EQ(*from_base64(to_base64(bytes)), bytes);
    EXPECT_EQ(*from_base64url(to_base64url(bytes)), bytes);
    EXPECT_EQ(from_hex(to_hex(bytes)), bytes);
  }
}

TEST(Base64, WhatIsNotWrittenSoIsRefused) {
  for (const char* text :
       {"", "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", " Zm9v", "Zm9v====", "====", "Z-9v", "=m9v"})
    EXPECT_FALSE(from_base64(text)) << text;
  for (const char* text : {"", "Z", "Zh", "Zm9", "Zm 9", "Zm9v="}) EXPECT_FALSE(from_base64url(text)) << text;
}

}  // namespace
}  // namespace moat
