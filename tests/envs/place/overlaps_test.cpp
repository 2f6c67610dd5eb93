#include "envs/place/overlaps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

TEST(Overlap, WhatWasAskedForComesBeforeADependencyThenTheLaterName) {
  const auto claim = [](const char* owner, bool requested) {
    return PathClaim{.owner = owner, .requested = requested};
  };
  EXPECT_TRUE(wins_over(claim("b", false), claim("a", false)));
  EXPECT_FALSE(wins_over(claim("a", false), claim("b", false)));
  EXPECT_TRUE(wins_over(claim("a", true), claim("b", false)));
  EXPECT_TRUE(wins_over(claim("b", true), claim("a", true)));
}

TEST(Overlap, KnowsDeclarationsOfNamespaces) {
  for (const char* source :
       {"", "# Licensed to nobody\n\n", "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
        "__path__ = __import__('pkgutil').extend_path(__path__, __name__)  # type: ignore\n",
        "__import__('pkg_resources').declare_namespace(__name__)",
        "import pkgutil\n__path__ = pkgutil.extend_path(__path__, __name__)\n",
        "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n",
        "\"\"\"A namespace\npackage.\"\"\"\ntry:\n    import pkg_resources\n    "
        "pkg_resources.declare_namespace(__name__)\nexcept ImportError:\n    import pkgutil\n\n    __path__ "
        "= "
        "pkgutil.extend_path(__path__, __name__)\n",
        "'''namespace'''\n__import__(\"pkg_resources\").declare_namespace(__name__)  # noqa\n"})
    EXPECT_TRUE(declares_only_a_namespace(source)) << source;
  for (const char* source : {"x = 1\n", "import os\n",
                             "__version__ = '1'\n__import__('pkg_resources').declare_namespace(__name__)\n",
                             "__import__('pkg_resources').declare_namespace(__name__); x()\n",
                             "'''doc''' + x()\n", "'''open\n", "\"\"\"a\"\"\"; import os\n"})
    EXPECT_FALSE(declares_only_a_namespace(source)) << source;
}

TEST(Overlap, IsToldOnceForEachPair) {
  OverlapReport report;
  EXPECT_THAT(report.sentences(), ::testing::IsEmpty());
  report.add("b 2", "a 1", "lib/y");
  report.add("b 2", "a 1", "lib/x");
  report.add("b 2", "c 3", "bin/z");
  EXPECT_THAT(
      report.sentences(),
      ::testing::ElementsAre(
          "b 2 and a 1 both contain `lib/x` and 1 more file, with different contents; those of b 2 are used",
          "b 2 and c 3 both contain `bin/z`, with different contents; those of b 2 are used"));
}

}  // namespace
}  // namespace moat
