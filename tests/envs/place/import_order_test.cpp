#include "envs/place/import_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat::test {
namespace {

using ::testing::ElementsAre;

TEST(ImportOrder, NamesModules) {
  EXPECT_EQ(module_name("foo/bar.py"), "foo.bar");
  EXPECT_EQ(module_name("foo/__init__.py"), "foo");
  EXPECT_EQ(module_name("foo.py"), "foo");
  EXPECT_EQ(module_name("foo/bar.txt"), "");
  EXPECT_EQ(module_name("__init__.py"), "");
}

TEST(ImportOrder, ReadsImports) {
  EXPECT_THAT(imported_modules("import a, b.c as d\n", "m", false), ElementsAre("a", "b.c"));
  EXPECT_THAT(imported_modules("from a.b import c as d, e\n", "m", false),
              ElementsAre("a.b", "a.b.c", "a.b.e"));
  EXPECT_THAT(imported_modules("from a import (b,  # this\n  c,\n)\nimport z\n", "m", false),
              ElementsAre("a", "a.b", "a.c", "z"));
  EXPECT_THAT(imported_modules("try:\n    import fast\nexcept ImportError:\n    import slow\n", "m", false),
              ElementsAre("fast", "slow"));
  EXPECT_THAT(imported_modules("x = 'import a'\n# import b\nimportant = 1\nfrom_ = 2\n", "m", false),
              ElementsAre());
}

TEST(ImportOrder, ResolvesRelativeNames) {
  EXPECT_THAT(imported_modules("from . import b\n", "a", true), ElementsAre("a", "a.b"));
  EXPECT_THAT(imported_modules("from . import b\n", "a.x", false), ElementsAre("a", "a.b"));
  EXPECT_THAT(imported_modules("from ..b import c\n", "a.x.y", false), ElementsAre("a.b", "a.b.c"));
  EXPECT_THAT(imported_modules("from ... import c\n", "a.x", false), ElementsAre());
  EXPECT_THAT(imported_modules("from . import c\n", "top", false), ElementsAre());
}

TEST(ImportOrder, LeavesOutWhatIsImportedLater) {
  EXPECT_THAT(imported_modules("def f():\n    import a\nimport b\nclass C:\n    import c\n"
                               "if TYPE_CHECKING:\n    import d\nif 1:\n    import e\n",
                               "m", false),
              ElementsAre("b", "e"));
}

TEST(ImportOrder, TakesWhatCannotBeParsed) {
  for (const char* text : {"from", "from ", "import", "import ", "from a import (", "from . import",
                           "from ..", "\t", "import ,", "from import x", "from a import \\\n  b\n"})
    imported_modules(text, "m", true);  // ends, and reads nothing beyond the text
}

TEST(ImportOrder, BeginsWithWhatIsAskedForAndFollowsIt) {
  const std::vector<ImportableFile> files = {
      {"dep/__init__.py"}, {"dep/rare.py"},          {"dep/used.py"},  {"app/__init__.py", true},
      {"app/cli.py"},      {"app/util/__init__.py"}, {"app/util/x.py"}};
  const std::vector<std::string> texts = {
      "", "", "", "from .util.x import y\n", "", "", "import dep.used, app\n"};
  const auto read = [&](std::size_t i) { return texts[i]; };
  EXPECT_THAT(import_order(files, read), ElementsAre(3, 5, 6, 0, 2, 1, 4));
}

}  // namespace
}  // namespace moat::test
