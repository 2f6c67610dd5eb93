#include "resolver/lock/lockfile.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

const std::string kHash = std::string(64, 'a');

Target target(const std::string& python = "3.11.7") {
  Target out{.python = Version::parse(python).value(),
             .description = "CPython " + python + " on linux x86_64"};
  out.environment = {.os_name = "posix",
                     .sys_platform = "linux",
                     .platform_machine = "x86_64",
                     .platform_python_implementation = "CPython",
                     .platform_system = "Linux",
                     .python_version = python.substr(0, python.rfind('.')),
                     .python_full_version = python,
                     .implementation_name = "cpython",
                     .implementation_version = python};
  const unsigned minor = static_cast<unsigned>(std::stoul(python.substr(2)));
  out.tags =
      TagSet(compatible_tags({.minor = minor, .platforms = linux_platforms("x86_64", Libc::Glibc, 2, 36)}));
  return out;
}

std::string wheel(const std::string& name, const std::string& more = "") {
  return "{name = \"" + name + "\", url = \"https://h/" + name + "\"" + more + ", hashes = {sha256 = \"" +
         kHash + "\"}}";
}

std::string lock_of(const std::string& packages, const std::string& head = "") {
  return "lock-version = \"1.0\"\n" + head + "created-by = \"moat\"\n" + packages;
}
std::string foo(const std::string& lines) {
  return lock_of("[[packages]]\nname = \"foo\"\nversion = \"1.0\"\n" + lines);
}

std::string problem(const std::string& text, const std::string& name = "pylock.toml") {
  const Expected<Pylock> lock = parse_pylock(text, name);
  return lock ? "" : lock.error().message;
}

TEST(Pylock, ReadsAndWritesTheSameBytes) {
  const std::string text = lock_of(
      "\n[[packages]]\nname = \"foo\"\nversion = \"1.0\"\nmarker = \"\\\"x\\\" in extras\"\nrequires-python "
      "= \">=3.8\"\n"
      "dependencies = [\n    {name = \"bar\"},\n]\nindex = \"https://h/simple/\"\n"
      "sdist = {name = \"foo-1.0.tar.gz\", upload-time = 2024-01-31T12:00:00Z, url = "
      "\"https://h/foo-1.0.tar.gz\", size = 7, "
      "hashes = {sha256 = \"" +
          kHash + "\"}}\nwheels = [\n    " + wheel("foo-1.0-py3-none-any.whl", ", size = 3") + ",\n]\n",
      "environments = [\"sys_platform == \\\"linux\\\"\"]\nrequires-python = \"==3.11.*\"\nextras = "
      "[\"x\"]\n");
  const Expected<Pylock> lock = parse_pylock(text, "pylock.toml");
  ASSERT_TRUE(lock) << lock.error().message;
  EXPECT_EQ(format_pylock(*lock), text);
}

TEST(Pylock, RefusesWhatTheSpecificationRefuses) {
  const std::string any = "wheels = [" + wheel("foo-1.0-py3-none-any.whl") + "]\n";
  const std::pair<std::string, std::string> cases[] = {
      {"created-by = \"x\"\npackages = []", "`lock-version` is missing"},
      {"lock-version = \"2.0\"\ncreated-by = \"x\"\npackages = []", "is 2.0"},
      {"lock-version = \"1.0\"\npackages = []", "`created-by` is missing"},
      {"lock-version = \"1.0\"\ncreated-by = \"x\"", "`packages` is missing"},
      {lock_of("[[packages]]\nname = \"Foo\"\n" + any), "not normalised"},
      {foo(""), "has no source"},
      {foo(any + "[packages.directory]\npath = \"x\"\n"), "mixes sources"},
      {foo("wheels = [{name = \"foo-1.0-py3-none-any.whl\", url = \"https://h/x\"}]"), "hashes` is missing"},
      {foo("wheels = [{name = \"foo-1.0-py3-none-any.whl\", url = \"https://h/x\", hashes = {}}]"),
       "no sha256"},
      {foo("wheels = [{url = \"https://h/x\", hashes = {sha256 = \"00\"}}]"), "64 hex digits"},
      {foo("wheels = [{name = \"foo-1.0-py3-none-any.whl\", hashes = {sha256 = \"" + kHash + "\"}}]"),
       "neither a url nor a path"},
      {foo("wheels = [" + wheel("foo-2.0-py3-none-any.whl") + "]"), "is version 2.0, not 1.0"},
      {foo("wheels = [" + wheel("bar-1.0-py3-none-any.whl") + "]"), "a file of bar"},
      {foo("wheels = [" + wheel("foo-1.0-py3-none-any.whl", ", size = true") + "]"), "must be an integer"},
      {foo("marker = \"extra == 'x'\"\n" + any), "marker"},
      {foo("requires-python = 3\n" + any), "must be a string"},
      {foo("attestation-identities = [{environment = \"x\"}]\n" + any),
       "`packages[0].attestation-identities[0].kind` is missing"},
      {foo("tool = 1\n" + any), "`packages[0].tool` must be a table"},
      {lock_of("packages = []", "environments = \"x\"\n"), "must be an array"}};
  for (const auto& [text, want] : cases)
    EXPECT_NE(problem(text).find(want), std::string::npos) << text << "\nsays: " << problem(text);
  EXPECT_EQ(problem(foo(any)), "");
  EXPECT_EQ(problem(foo(any), "pylock.dev.toml"), "");
  EXPECT_NE(problem(foo(any), "pylock.a.b.toml"), "");
  EXPECT_NE(problem(foo(any), "Pylock.toml"), "");
}

TEST(Pylock, TakesUnknownKeysAndAlgorithmsButWarnsOfANewerMinor) {
  std::vector<std::string> warnings;
  const std::string text =
      "lock-version = \"1.1\"\ncreated-by = \"x\"\nnews = 1\n[[packages]]\nname = \"foo\"\n"
      "wheels = [{url = \"https://h/foo-1.0%2Bcu1-py3-none-any.whl\", hashes = {future = \"z\", sha256 = \"" +
      kHash + "\"}}]\n";
  const Expected<Pylock> lock = parse_pylock(text, "", &warnings);
  ASSERT_TRUE(lock) << lock.error().message;
  EXPECT_EQ(warnings.size(), 1U);
  EXPECT_EQ(lock->packages[0].wheels[0].name, "foo-1.0+cu1-py3-none-any.whl");
}

TEST(Pylock, SelectsTheBestWheelOffline) {
  const Pylock lock = parse_pylock(foo("wheels = [" + wheel("foo-1.0-py3-none-any.whl") + ", " +
                                       wheel("foo-1.0-cp311-cp311-manylinux_2_17_x86_64.whl") + ", " +
                                       wheel("foo-1.0-1-cp311-cp311-manylinux_2_17_x86_64.whl") + ", " +
                                       wheel("foo-1.0-cp312-cp312-manylinux_2_17_x86_64.whl") + "]"),
                                   "")
                          .value();
  EXPECT_EQ(select_packages(lock, target())[0].file->name, "foo-1.0-1-cp311-cp311-manylinux_2_17_x86_64.whl");
  EXPECT_EQ(select_packages(lock, target("3.10.1"))[0].file->name, "foo-1.0-py3-none-any.whl");
}

TEST(Pylock, WhatIsAskedForMustBeOffered) {
  const Pylock lock = parse_pylock(lock_of("packages = []\n",
                                           "extras = [\"x\"]\ndependency-groups = [\"test\"]\n"
                                           "default-groups = [\"own\"]\n"),
                                   "")
                          .value();
  const auto failure = [&](const std::set<ExtraName>& extras,
                           const std::set<GroupName>& groups) -> std::string {
    try {
      select_packages(lock, target(), extras, groups);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(failure({ExtraName::parse("X").value()}, {GroupName::parse("Test").value()}), "");
  EXPECT_EQ(failure({}, {GroupName::parse("own").value()}), "");
  EXPECT_EQ(failure({ExtraName::parse("y").value()}, {}), "the lock has no extra `y`; it has x");
  EXPECT_EQ(failure({}, {GroupName::parse("tests").value()}),
            "the lock has no dependency group `tests`; it has test, own");
}

TEST(Pylock, SelectingFailsAsTheSpecificationSays) {
  const auto failure = [](const std::string& text) -> std::string {
    try {
      select_packages(parse_pylock(text, "").value(), target());
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const std::string any = "wheels = [" + wheel("foo-1.0-py3-none-any.whl") + "]\n";
  const std::string package = "[[packages]]\nname = \"foo\"\n" + any;
  EXPECT_NE(failure(lock_of(package, "requires-python = \">=3.12\"\n")).find("requires Python >=3.12"),
            std::string::npos);
  EXPECT_NE(failure(lock_of(package, "environments = []\n")).find("not for"), std::string::npos);
  EXPECT_NE(failure(lock_of(package + package)).find("two entries of foo"), std::string::npos);
  EXPECT_NE(failure(foo("requires-python = \">=4\"\n" + any)).find("foo requires Python"), std::string::npos);
  EXPECT_NE(
      failure(foo("wheels = [" + wheel("foo-1.0-cp39-cp39-win_amd64.whl") + "]")).find("cp39-cp39-win_amd64"),
      std::string::npos);
  EXPECT_EQ(failure(lock_of("[[packages]]\nname = \"foo\"\nmarker = \"sys_platform == 'win32'\"\n" + any +
                            package)),
            "");
}

TEST(Pylock, SelectsSourcesWhereNoWheelFits) {
  const std::string sdist =
      "sdist = {name = \"foo-1.0.tar.gz\", url = \"https://h/foo-1.0.tar.gz\", hashes = {sha256 = \"" +
      kHash + "\"}}\n";
  const auto file = [](const std::string& text) {
    const Pylock lock = parse_pylock(text, "").value();
    const SelectedPackage selected = select_packages(lock, target())[0];
    return selected.file == nullptr ? std::string("none") : selected.file->name;
  };
  EXPECT_EQ(file(foo(sdist)), "foo-1.0.tar.gz");
  EXPECT_EQ(file(foo(sdist + "wheels = [" + wheel("foo-1.0-py3-none-any.whl") + "]\n")),
            "foo-1.0-py3-none-any.whl");
  EXPECT_EQ(file(foo(sdist + "wheels = [" + wheel("foo-1.0-cp39-cp39-win_amd64.whl") + "]\n")),
            "foo-1.0.tar.gz");
  EXPECT_EQ(
      file(foo("[packages.archive]\npath = \"x/foo-1.0.zip\"\nhashes = {sha256 = \"" + kHash + "\"}\n")),
      "foo-1.0.zip");
  EXPECT_EQ(file(foo("[packages.directory]\npath = \"x\"\n")), "none");
  EXPECT_EQ(file(foo("[packages.vcs]\ntype = \"git\"\nurl = \"https://h/r\"\ncommit-id = \"abc\"\n")),
            "none");
}

}  // namespace
}  // namespace moat
