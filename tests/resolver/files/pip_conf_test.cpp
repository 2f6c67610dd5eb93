#include "resolver/files/pip_conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(PipConf, ReadsSectionsContinuationsAndComments) {
  const auto settings = parse_pip_conf(
      "; a comment\n[global]\nindex_url = https://a.example/simple  \nextra-index-url =\n    "
      "https://b.example\n"
      "    # not this\n    https://c.example\nempty =\n[install]\nNo-Deps: yes\n",
      "pip.conf");
  ASSERT_TRUE(settings);
  std::vector<std::string> told;
  for (const PipSetting& one : *settings)
    told.push_back(one.section + "|" + one.key + "|" + one.value + "|" + one.where);
  EXPECT_THAT(told, ElementsAre("global|index-url|https://a.example/simple|pip.conf:3",
                                "global|extra-index-url|https://b.example\nhttps://c.example|pip.conf:4",
                                "install|no-deps|yes|pip.conf:10"));
}

TEST(PipConf, NamesTheLineThatIsNoSetting) {
  EXPECT_THAT(parse_pip_conf("index-url = x\n", "f").error().message, HasSubstr("line 1 stands before"));
  EXPECT_THAT(parse_pip_conf("[global]\nnonsense\n", "f").error().message, HasSubstr("line 2"));
  EXPECT_THAT(parse_pip_conf("[global\n", "f").error().message, HasSubstr("does not end"));
}

}  // namespace
}  // namespace moat
