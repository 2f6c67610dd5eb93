#include "envs/place/wheel_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace moat::test {
namespace {

const Scheme kScheme = venv_scheme("cpython", "3.11");

StoredWheel wheel_of(const std::vector<std::string>& paths,
                     const std::string& dist_info = "foo_bar-1.0.dist-info") {
  StoredWheel wheel{.filename = "foo_bar-1.0-py3-none-any.whl", .dist_info = dist_info};
  for (const std::string& path : paths) wheel.files.push_back({.path = path});
  return wheel;
}

std::map<std::string, std::string> places(const StoredWheel& wheel) {
  std::map<std::string, std::string> out;
  for (const Placement& placement : lay_out(wheel, *PackageName::parse("Foo.Bar"), kScheme))
    out[placement.file.path] = placement.path + (placement.is_script ? " (script)" : "");
  return out;
}

ErrorKind kind_of_failure(const std::vector<std::string>& paths) {
  try {
    places(wheel_of(paths));
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::Usage;  // none: nothing here throws it
}

TEST(WheelLayout, EachPartGoesWhereTheSchemeSays) {
  const std::map<std::string, std::string> wanted = {
      {"foo/__init__.py", "lib/python3.11/site-packages/foo/__init__.py"},
      {"foo_bar-1.0.dist-info/METADATA", "lib/python3.11/site-packages/foo_bar-1.0.dist-info/METADATA"},
      {"foo_bar-1.0.dist-info/licenses/L", "lib/python3.11/site-packages/foo_bar-1.0.dist-info/licenses/L"},
      {"foo_bar-1.0.data/purelib/p.py", "lib/python3.11/site-packages/p.py"},
      {"foo_bar-1.0.data/platlib/q.so", "lib/python3.11/site-packages/q.so"},
      {"foo_bar-1.0.data/headers/sub/h.h", "include/site/python3.11/foo-bar/sub/h.h"},
      {"foo_bar-1.0.data/scripts/run", "bin/run (script)"},
      {"foo_bar-1.0.data/data/share/man/x.1", "share/man/x.1"},
      {"foo_bar-1.0.data/data/lib64/python3.11/site-packages/r.py", "lib/python3.11/site-packages/r.py"},
      {"other-1.0.data/x", "lib/python3.11/site-packages/other-1.0.data/x"}};
  std::vector<std::string> paths;
  for (const auto& [from, to] : wanted) paths.push_back(from);
  EXPECT_EQ(places(wheel_of(paths)), wanted);
}

TEST(WheelLayout, TheDataFolderMayBeSpelledDifferently) {
  EXPECT_EQ(places(wheel_of({"Foo.Bar-1.0.data/scripts/run"})).begin()->second, "bin/run (script)");
}

TEST(WheelLayout, LeavesOutWhatTheInstallerWrites) {
  EXPECT_THAT(places(wheel_of({"foo_bar-1.0.dist-info/RECORD", "foo_bar-1.0.dist-info/INSTALLER",
                               "foo_bar-1.0.dist-info/REQUESTED", "foo_bar-1.0.dist-info/direct_url.json"})),
              testing::IsEmpty());
}

TEST(WheelLayout, RefusesBadArchives) {
  const std::vector<std::vector<std::string>> bad = {
      {"foo_bar-1.0.data/stdlib/x"},  // no such key
      {"foo_bar-1.0.data/x"},         // directly in .data
      {"foo_bar-1.0.data"},
      {"foo_bar-1.0.data/scripts/../../../x"},  // leaves the environment
      {"/etc/passwd"},
      {"a//b"},
      {"./a"},
      {""},
      {"foo_bar-1.0.data/data/"},
      {"p.py", "foo_bar-1.0.data/purelib/p.py"},  // one path
  };
  for (const auto& paths : bad) EXPECT_EQ(kind_of_failure(paths), ErrorKind::BadArchive) << paths.back();
}

TEST(WheelLayout, RefusesWhatBelongsToTheEnvironment) {
  for (const std::string path :
       {"data/pyvenv.cfg", "data/.moat/journal", "data/bin/python", "data/bin", "data/lib64",
        "scripts/python3", "scripts/python3.11", "scripts/Python", "scripts/python3.13t", "scripts/pypy3",
        "scripts/activate", "scripts/Activate.ps1", "scripts/activate_this.py", "scripts/python.exe",
        "data/.gitignore"})
    EXPECT_EQ(kind_of_failure({"foo_bar-1.0.data/" + path}), ErrorKind::Refused) << path;
}

TEST(WheelLayout, AdmitsNamesThatOnlyBeginAlike) {
  for (const std::string path : {"scripts/python-config-of-foo", "scripts/activate-global-python-argcomplete",
                                 "scripts/pythonista", "data/.moatrc", "data/share/pyvenv.cfg"})
    EXPECT_EQ(kind_of_failure({"foo_bar-1.0.data/" + path}), ErrorKind::Usage) << path;
}

TEST(WheelLayout, BytecodeLiesBesideItsSource) {
  const auto placed = lay_out_bytecode(wheel_of({}), *PackageName::parse("foo-bar"), kScheme,
                                       {{.path = "foo_bar-1.0.data/purelib/__pycache__/p.cpython-311.pyc"}});
  EXPECT_EQ(placed.front().path, "lib/python3.11/site-packages/__pycache__/p.cpython-311.pyc");
}

TEST(WheelLayout, KnowsWhatCanBeImported) {
  EXPECT_TRUE(is_importable_source("foo/a.py", "foo-1.dist-info"));
  EXPECT_TRUE(is_importable_source("foo-1.data/purelib/a.py", "foo-1.dist-info"));
  EXPECT_FALSE(is_importable_source("foo-1.data/scripts/a.py", "foo-1.dist-info"));
  EXPECT_FALSE(is_importable_source("foo-1.data/data/a.py", "foo-1.dist-info"));
  EXPECT_FALSE(is_importable_source("foo-1.dist-info/a.py", "foo-1.dist-info"));
  EXPECT_FALSE(is_importable_source("foo/a.pyi", "foo-1.dist-info"));
}

}  // namespace
}  // namespace moat::test
