#include "resolver/base/redact.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

TEST(HideCredentials, InEveryUrlOfTheText) {
  EXPECT_EQ(hide_credentials("https://u:p@h.example/x"), "https://****@h.example/x");
  EXPECT_EQ(hide_credentials("a @ https://token@h/x b @ http://u:p@@h"),
            "a @ https://****@h/x b @ http://****@h");
  EXPECT_EQ(hide_credentials("https://h.example/a@b"), "https://h.example/a@b");
  EXPECT_EQ(hide_credentials("no url, me@home"), "no url, me@home");
}

}  // namespace
}  // namespace moat
