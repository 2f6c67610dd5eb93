#include "envs/environment/scripts.h"

#include "fetch/os/process.h"
#include "tests/envs/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

namespace moat::test {
namespace {

namespace fs = std::filesystem;
using Entries = std::vector<std::tuple<std::string, std::string, std::string>>;

Entries parsed(const std::string& text) {
  Entries out;
  const auto entries = parse_script_entry_points(text);
  EXPECT_TRUE(entries) << entries.error().message;
  if (entries)
    for (const EntryPoint& entry : *entries) out.emplace_back(entry.name, entry.module, entry.attribute);
  return out;
}

TEST(EntryPoints, OfBothScriptGroupsAreRead) {
  EXPECT_EQ(
      parsed("\xef\xbb\xbf# comment\n; comment\n[console_scripts]\n Foo = foo.cli : main [extra, other] "
             "\nbar=b:C.run\r\n"
             "\n[ gui_scripts ]\n  g.u-i = g:main\n[flask.plugins]\nno function = "
             "x\n[console_scripts]\nfoo=f:m\n"),
      (Entries{
          {"Foo", "foo.cli", "main"}, {"bar", "b", "C.run"}, {"g.u-i", "g", "main"}, {"foo", "f", "m"}}));
  EXPECT_EQ(parsed(""), Entries{});
}

TEST(EntryPoints, ColonsAreNotDelimiters) {
  EXPECT_FALSE(parse_script_entry_points("[console_scripts]\na: b\n"));
}

TEST(EntryPoints, BadOnesFail) {
  for (const std::string line :
       {"a", "a = b", "a = b:", "a = :b", "a = b:c-d", "a = b c:d", "a = b:c;import os", "../x = a:b",
        "/abs = a:b", "a = b:c [extra", ".. = a:b", " = a:b", "a\\b = a:b", "a = 1b:c", "a = b..c:d",
        "a = b:c\n a = b:d", "[x\na = b:c"})
    EXPECT_FALSE(parse_script_entry_points("[console_scripts]\n" + line + "\n")) << line;
  EXPECT_FALSE(parse_script_entry_points("a = b:c\n"));
  EXPECT_TRUE(parse_script_entry_points("[console_scripts]\na = b:c\na = b : c\n"));
}

// An environment as far as scripts see one: bin/python is a Python that finds modules in ../lib.
class ScriptsRun : public testing::Test {
 protected:
  ScriptsRun() {
    root = folder / "an env";
    folder.write("an env/bin/python", "#!/bin/sh\nPYTHONPATH=\"${0%/*}/../lib\" exec python3 -B \"$@\"\n");
    fs::permissions(root / "bin/python", fs::perms(0755));
    folder.write("an env/lib/tool/__init__.py",
                 "import sys\nclass C:\n  def run():\n    print('tool', sys.argv[1:])\n    return 3\n");
  }
  void script(const std::string& name, const std::string& text) const {
    folder.write("an env/bin/" + name, text);
    fs::permissions(root / "bin" / name, fs::perms(0755));
  }
  ProcessResult run(std::vector<std::string> argv, const fs::path& directory = "/") const {
    return run_process({.argv = std::move(argv), .directory = directory});
  }
  Folder folder;
  fs::path root;
};

TEST_F(ScriptsRun, HoweverTheyAreCalled) {
  script("tool", script_wrapper({"tool", "tool", "C.run"}));
  fs::create_symlink(root / "bin/tool", folder / "link");
  fs::create_symlink("link", folder / "link to link");
  const std::string direct = (root / "bin/tool").string();
  const std::vector<std::vector<std::string>> calls = {
      {direct, "a b", "c"},
      {(folder / "link").string(), "a b", "c"},
      {(folder / "link to link").string(), "a b", "c"},
      {(root / "bin/python").string(), direct, "a b", "c"},
      {"/bin/sh", direct, "a b", "c"},
      {"/bin/sh", "-c", "PATH=\"$1:$PATH\" exec tool 'a b' c", "sh", (root / "bin").string()}};
  for (const auto& call : calls) {
    const ProcessResult result = run(call);
    EXPECT_EQ(result.output, "tool ['a b', 'c']\n") << call.front() << result.errors;
    EXPECT_EQ(result.status, 3);
  }
  EXPECT_EQ(run({"./tool", "x"}, root / "bin").output, "tool ['x']\n");
  EXPECT_EQ(run({"bin/tool", "x"}, root).output, "tool ['x']\n");
}

TEST_F(ScriptsRun, AfterTheEnvironmentWasMoved) {
  script("tool", script_wrapper({"tool", "tool", "C.run"}));
  script("old", *rewrite_script("#!python\nimport tool\ntool.C.run()\n"));
  fs::rename(root, folder / "elsewhere");
  EXPECT_EQ(run({(folder / "elsewhere/bin/tool").string()}).output, "tool []\n");
  EXPECT_EQ(run({(folder / "elsewhere/bin/old").string()}).output, "tool []\n");
}

TEST_F(ScriptsRun, WithoutAShell) {
  const std::string python = "/srv/env/bin/python", first = "#!/srv/env/bin/python\n";
  EXPECT_EQ(script_at(*rewrite_script("#!python -u\nimport tool\n"), python), first + "import tool\n");
  EXPECT_EQ(script_at(*rewrite_script("#!python\n'''the docs'''\n"), python), first + "'''the docs'''\n");
  EXPECT_EQ(script_at(*rewrite_script("#!python\n# -*- coding: latin-1 -*-\nx = 1\n"), python),
            first + "# -*- coding: latin-1 -*-\nx = 1\n");
  EXPECT_EQ(script_at("#!/bin/sh\necho\n", python), std::nullopt);
  // No kernel takes a space in it.
  EXPECT_EQ(script_at(*rewrite_script("#!python\nx = 1\n"), "/a b/bin/python"),
            "#!/bin/sh\n'''exec' \"/a b/bin/python\" \"$0\" \"$@\"\n' '''\nx = 1\n");
  script("tool", *script_at(script_wrapper({"tool", "tool", "C.run"}), "/usr/bin/python3"));
  EXPECT_EQ(run({(root / "bin/python").string(), (root / "bin/tool").string(), "a"}).output, "tool ['a']\n");
}

TEST_F(ScriptsRun, RewrittenOnesKeepTheirDocstringAndFutureImports) {
  const std::string body =
      "# a comment\n\n'''the docs'''\nfrom __future__ import annotations\nimport sys\n"
      "print(__doc__, sys.argv[1:])\n";
  script("doc", *rewrite_script("#!python -u\n" + body));
  fs::create_symlink(root / "bin/doc", folder / "link");
  EXPECT_EQ(run({(root / "bin/doc").string(), "a b"}).output, "the docs ['a b']\n");
  EXPECT_EQ(run({(folder / "link").string(), "a b"}).output, "the docs ['a b']\n");
  script("future", *rewrite_script("#!python\nfrom __future__ import annotations\nprint('ok')\n"));
  const ProcessResult result = run({(root / "bin/future").string()});
  EXPECT_EQ(result.output, "ok\n") << result.errors;
}

TEST_F(ScriptsRun, RewrittenOnesKeepTheirCoding) {
  script("latin", *rewrite_script("#!python\r\n# -*- coding: latin-1 -*-\r\nprint(len('\xe4\xf6'))\r\n"));
  const ProcessResult result = run({(root / "bin/latin").string()});
  EXPECT_EQ(result.output, "2\n") << result.errors;
}

TEST(RewriteScript, LeavesOtherFilesAlone) {
  for (const std::string text : {"", "#!", "#!/usr/bin/python\n", "#!/bin/sh\necho\n", "#! python\n",
                                 "\x7f"
                                 "ELF",
                                 "print()\n"})
    EXPECT_EQ(rewrite_script(text), std::nullopt) << text;
}

TEST(RewriteScript, KeepsTheRestByteForByte) {
  const std::string rest = "import x\r\nx.y('\\n')\n\n\tno end";
  for (const std::string first : {"#!python\n", "#!pythonw\n", "#!python3 -E\n", "#!python\r\n"}) {
    const std::string out = *rewrite_script(first + rest);
    EXPECT_EQ(out.substr(out.size() - rest.size()), rest);
    EXPECT_EQ(out.find("#!/bin/sh\n"), 0U);
    EXPECT_THAT(out, testing::Not(testing::HasSubstr("#!python")));
  }
  EXPECT_TRUE(rewrite_script("#!python"));
}

TEST(EntryPointWrappers, OfSetuptoolsAreKnownByTheirNames) {
  const std::vector<EntryPoint> entries = {{"foo", "f", "m"}};
  for (const std::string name : {"foo", "foo.exe", "foo-script.py", "foo.pya"})
    EXPECT_TRUE(is_entry_point_wrapper(name, entries)) << name;
  for (const std::string name : {"foo.py", "Foo", "foo2", "foo.sh"})
    EXPECT_FALSE(is_entry_point_wrapper(name, entries)) << name;
}

}  // namespace
}  // namespace moat::test
