#include "resolver/files/script_metadata.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

// What the block asks for, as "line:text …"; "none", or what is wrong.
std::string told(std::string_view text) {
  const auto script = parse_script_metadata(text);
  if (!script) return script.error().message;
  if (!*script) return "none";
  std::string out;
  for (const ProjectLine& line : (*script)->dependencies)
    out += (out.empty() ? "" : " ") + std::to_string(line.line) + ":" + line.text;
  return out;
}

TEST(ScriptMetadata, ReadsTheBlock) {
  const auto script = parse_script_metadata(
      "#!/usr/bin/env python\n# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n#   "
      "\"a<3\",\n#\n"
      "#   \"b\",\n# ]\n# [tool.moat]\n# pre = true\n# ///\n\nimport a\n");
  ASSERT_TRUE(script && *script);
  EXPECT_EQ((*script)->requires_python->to_string(), ">=3.11");
  ASSERT_EQ((*script)->dependencies.size(), 2U);
  EXPECT_EQ((*script)->dependencies[1].text, "b");
  EXPECT_EQ((*script)->dependencies[1].line, 7U);
  EXPECT_NE(find_path((*script)->tool, {"moat", "pre"}), nullptr);
}

TEST(ScriptMetadata, ABlockEndsAtItsLastMark) {
  // A mark that is followed by a line of content is content itself.
  EXPECT_EQ(told("# /// script\n# dependencies = ['a']\n# x = '''\n# ///\n# '''\n# ///\nb\n"), "2:a");
  const std::string early = told("# /// script\n# dependencies = ['a']\n# ///\n# b\n# ///\n");
  EXPECT_NE(early.find("(line 3"), std::string::npos) << early;
}

TEST(ScriptMetadata, WhatIsNoBlock) {
  for (const char* text :
       {"", "# /// script\n# dependencies = ['a']\n", "# /// script\n# ///\n",
        "# /// script\n# a = 1\n\n# ///\n", "# /// script\n#a = 1\n# ///\n",
        " # /// script\n# a = 1\n# ///\n", "# /// script \n# a = 1\n# ///\n", "# ///script\n# a = 1\n# ///\n",
        "# /// pyproject\n# a = 1\n# ///\n", "# /// other\n# /// script\n# dependencies = ['a']\n# ///\n"})
    EXPECT_EQ(told(text), "none") << text;
}

TEST(ScriptMetadata, AnUnclosedBlockHidesNothingBehindIt) {
  EXPECT_EQ(told("# /// other\n# x\n\n# /// script\n# dependencies = ['a']\n# ///"), "5:a");
  EXPECT_EQ(told("# /// other\n# x\n# ///\n# /// script\n# dependencies = ['a']\n# ///\n"), "none")
      << "one block, up to the last mark";
}

TEST(ScriptMetadata, LineEndsAndByteOrderMark) {
  EXPECT_EQ(told("# /// script\r\n# dependencies = ['a']\r\n# ///\r\n"), "2:a");
  EXPECT_EQ(told("\xEF\xBB\xBF# /// script\n# dependencies = ['a']\n# ///\n"), "2:a");
}

TEST(ScriptMetadata, WhatIsWrongNamesTheLineOfTheScript) {
  EXPECT_EQ(told("# /// script\n# a = 1\n# ///\n\n# /// script\n# a = 1\n# ///\n"),
            "there are two `# /// script` blocks (lines 1 and 5)");
  EXPECT_EQ(told("\n# /// script\n# dependencies = 'a'\n# ///\n"), "`dependencies` is not a list (line 3)");
  EXPECT_EQ(told("# /// script\n# dependencies = ['a', 1]\n# ///\n"),
            "`dependencies` holds something that is not a string (line 2)");
  EXPECT_EQ(told("# /// script\n# tool = 1\n# ///\n"), "`tool` is not a table (line 2)");
  EXPECT_NE(told("# /// script\n# requires-python = '>=x'\n# ///\n").find("(line 2)"), std::string::npos);
  EXPECT_NE(told("import x\n# /// script\n# dependencies = [\n# ///\n").find("(line "), std::string::npos);
}

TEST(ScriptParts, ComeTogetherAgain) {
  for (const char* text : {"", "print()\n", "print()", "#!/usr/bin/env python\nprint()\n",
                           "\xEF\xBB\xBFprint()\r\n", "# /// script\n# dependencies = []\n# ///\nprint()\n",
                           "#!/bin/x\r\n# /// script\r\n#\r\n# dependencies = []\r\n# ///\r\n"}) {
    const auto parts = take_script_apart(text);
    ASSERT_TRUE(parts) << text;
    if (!parts->toml.empty()) {
      EXPECT_EQ(parts->text(), text);
    }
  }
  // What names the encoding stays in the first two lines.
  for (const char* text : {"# -*- coding: latin-1 -*-\nx = 1\n", "# mine\n# -*- coding: latin-1 -*-\nx = 1\n",
                           "#!/bin/x\n# -*- coding: latin-1 -*-\nx = 1\n"}) {
    auto parts = take_script_apart(text);
    ASSERT_TRUE(parts);
    parts->toml = "dependencies = []\n";
    const std::string made = parts->text(),
                      head = std::string(text).substr(0, std::string(text).find("x = 1"));
    EXPECT_TRUE(made.starts_with(head)) << made;
  }
}

}  // namespace
}  // namespace moat
