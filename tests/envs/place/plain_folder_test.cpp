#include "envs/place/plain_folder.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/process.h"
#include "tests/support/wheel_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::WheelBuilder;
using testing::write_bytes;

class PlainFolderTest : public ::testing::Test {
 protected:
  TempDir folder_{fs::temp_directory_path(), "plain-folder"};
  fs::path around_ = folder_.path() / "around";  // nothing may be left here
  fs::path root_ = around_ / "lib";
  Store store_{folder_.path() / "store"};
  Workers workers_{2};
  fs::path python_ = "/usr/bin/python3";
  bool strict_files_ = false;

  void SetUp() override { fs::create_directory(around_); }

  WantedPackage wanted(const std::string& name, const std::string& version, const WheelBuilder& builder) {
    const fs::path file = builder.write(folder_.path());
    return {*PackageName::parse(name), *Version::parse(version),
            store_.add_wheel(file, *WheelFilename::parse(builder.filename()), builder.filename(),
                             hash_file(file), workers_)};
  }
  // foo VERSION: a module that only this version has, a command, data.
  WantedPackage foo(const std::string& version) {
    return wanted("foo", version,
                  WheelBuilder("foo", version)
                      .file("foo/__init__.py", "version = '" + version + "'\n")
                      .file("foo/only_" + version + ".py", "")
                      .data("data/share/foo.txt", version)
                      .console_script("foo", "foo:main"));
  }
  WantedPackage simple(const std::string& name, const std::string& path, const std::string& text) {
    return wanted(name, "1", WheelBuilder(name, "1").file(path, text));
  }

  FolderRequest request(std::vector<WantedPackage> packages, bool keep = false) const {
    return {.root = root_,
            .scheme = target_scheme(),
            .python = python_,
            .install = std::move(packages),
            .keep = keep,
            .strict_files = strict_files_};
  }
  FolderResult place(std::vector<WantedPackage> packages, bool keep = false) {
    return place_in_folder(request(std::move(packages), keep), workers_);
  }
  std::string read(const std::string& path) const { return read_file(root_ / path); }
  bool has(const std::string& path) const { return fs::exists(fs::symlink_status(root_ / path)); }

  std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> out;
    if (!fs::exists(root_)) return out;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root_))
      out[entry.path().lexically_relative(root_).native()] = entry.is_regular_file() ? read_file(entry.path())
                                                             : entry.is_symlink()    ? "link"
                                                                                     : "folder";
    return out;
  }
  // Why it is refused; and that nothing has changed then.
  std::string refusal(std::vector<WantedPackage> packages) {
    const auto before = contents();
    const bool was_there = fs::exists(root_);
    std::string foreseen;
    try {
      plan_folder(request(packages));
    } catch (const Error& error) {
      foreseen = error.what();
    }
    try {
      place(std::move(packages));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::Refused);
      EXPECT_EQ(error.what(), foreseen);
      EXPECT_EQ(contents(), before);
      EXPECT_EQ(fs::exists(root_), was_there);
      return error.what();
    }
    return "";
  }
  void TearDown() override {
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(around_))
      names.push_back(entry.path().filename().native());
    EXPECT_TRUE(names.empty() || names == std::vector<std::string>{"lib"}) << ::testing::PrintToString(names);
  }
};

TEST_F(PlainFolderTest, ANewFolderHoldsModulesCommandsAndData) {
  EXPECT_THAT(place({foo("1.0")}).kept, IsEmpty());
  EXPECT_EQ(read("foo/__init__.py"), "version = '1.0'\n");
  EXPECT_EQ(read("share/foo.txt"), "1.0");
  EXPECT_THAT(read("bin/foo"), HasSubstr("#!/usr/bin/python3"));
  EXPECT_TRUE(has("foo-1.0.dist-info/RECORD"));
  const InstalledDistributions there = installed_in_folder(root_, target_scheme());
  ASSERT_EQ(there.all.size(), 1U);
  EXPECT_EQ(there.all.front().version.to_string(), "1.0");
}

TEST_F(PlainFolderTest, AnotherVersionMakesWayByItsRecord) {
  place({foo("1.0"), simple("other", "other.py", "1")});
  write_bytes(root_ / "foo/mine.txt", "not of the package");
  EXPECT_THAT(place({foo("2.0")}).kept, IsEmpty());
  EXPECT_EQ(read("foo/__init__.py"), "version = '2.0'\n");
  EXPECT_FALSE(has("foo/only_1.0.py"));
  EXPECT_FALSE(has("foo-1.0.dist-info"));
  EXPECT_EQ(read("foo/mine.txt"), "not of the package");
  EXPECT_TRUE(has("other.py"));
}

TEST_F(PlainFolderTest, WhatIsThereStaysWhereThatIsAskedFor) {
  place({foo("1.0")});
  const auto before = contents();
  EXPECT_FALSE(place({foo("2.0"), simple("other", "other.py", "1")}, true).kept.empty());
  EXPECT_EQ(read("foo/__init__.py"), "version = '1.0'\n");
  EXPECT_FALSE(has("foo-2.0.dist-info"));
  EXPECT_TRUE(has("other.py"));
  for (const auto& [path, text] : before) EXPECT_EQ(contents()[path], text) << path;
}

TEST_F(PlainFolderTest, StrictlyTwoPackagesWithOneFileAreRefused) {
  strict_files_ = true;
  EXPECT_THAT(refusal({simple("a", "shared.py", "1"), simple("b", "shared.py", "2")}),
              HasSubstr("cannot install a 1 beside b 1: both contain `shared.py`"));
}

TEST_F(PlainFolderTest, AFileAndAFolderThatMeetAreRefused) {
  place({foo("1.0")});  // what makes way for others comes back, too
  fs::create_directories(root_ / "z.py/folder");
  EXPECT_THAT(refusal({foo("2.0"), simple("a", "a.py", "1"), simple("z", "z.py", "1")}), HasSubstr("z.py"));
}

TEST_F(PlainFolderTest, APlanTellsWhatMakesWayAndWritesNothing) {
  place({foo("1.0"), simple("other", "other.py", "1")});
  const auto before = contents();
  const FolderPlan plan = plan_folder(request({foo("2.0")}));
  EXPECT_THAT(plan.outs, ::testing::IsSupersetOf({"foo/__init__.py", "foo/only_1.0.py", "bin/foo"}));
  EXPECT_THAT(plan.outs, ::testing::Not(::testing::Contains("other.py")));
  EXPECT_EQ(contents(), before);
}

TEST_F(PlainFolderTest, AFileOfAnOldVersionMayBecomeAFolder) {
  place({wanted("foo", "1", WheelBuilder("foo", "1").file("foo.py", "x = 1\n"))});
  place({wanted("foo", "2", WheelBuilder("foo", "2").file("foo.py/x", "odd"))});
  EXPECT_EQ(read("foo.py/x"), "odd");
}

TEST_F(PlainFolderTest, AFileWhereAFolderWillBeIsRefused) {
  fs::create_directories(root_);
  write_bytes(root_ / "a", "the user's");
  EXPECT_THAT(refusal({simple("a", "a/__init__.py", "1")}), HasSubstr("is in the way"));
  fs::remove(root_ / "a");
  fs::remove(root_);
  write_bytes(root_, "a file");
  EXPECT_THROW(plan_folder(request({foo("1.0")})), Error);
  fs::remove(root_);
}

TEST_F(PlainFolderTest, NothingIsPlacedThroughALinkThatLeavesTheFolder) {
  fs::create_directories(root_);
  fs::create_directory(folder_.path() / "elsewhere");
  fs::create_directory_symlink(folder_.path() / "elsewhere", root_ / "a");
  EXPECT_THAT(refusal({simple("a", "a/__init__.py", "1")}), HasSubstr("a"));
  EXPECT_TRUE(fs::is_empty(folder_.path() / "elsewhere"));
}

TEST_F(PlainFolderTest, ALinkToAFolderInsideStaysWhenItsPackageChanges) {
  place({foo("1")});
  fs::rename(root_ / "foo", root_ / "real");
  fs::create_directory_symlink("real", root_ / "foo");
  place({foo("2")});
  EXPECT_EQ(contents()["foo"], "link");
  EXPECT_EQ(read("foo/__init__.py"), "version = '2'\n");
}

TEST_F(PlainFolderTest, CommandsStartThePythonWhateverItsFolderIsCalled) {
  python_ = folder_.path() / "a \"$HOME\" `x` \\ b" / "python3";
  fs::create_directory(python_.parent_path());
  fs::create_symlink("/usr/bin/python3", python_);
  place({wanted(
      "foo", "1",
      WheelBuilder("foo", "1").file("foo.py", "def main(): return 7\n").console_script("foo", "foo:main"))});
  Command command;
  command.argv = {(root_ / "bin/foo").string()};
  command.environment = {{"PATH", "/usr/bin:/bin"}, {"PYTHONPATH", root_.string()}};
  const ProcessResult result = run_process(command);
  EXPECT_EQ(result.status, 7) << result.errors;
}

TEST_F(PlainFolderTest, OneFileOfTwoPackagesIsThatOfTheLaterName) {
  const FolderResult result = place({simple("two", "x/y.py", "two"), simple("one", "x/y.py", "one"),
                                     simple("three", "x/z.py", "same"), simple("four", "x/z.py", "same")});
  EXPECT_THAT(
      result.warnings,
      ElementsAre("two 1 and one 1 both contain `x/y.py`, with different contents; those of two 1 are used"));
  EXPECT_EQ(read("x/y.py"), "two");
  EXPECT_THAT(read("one-1.dist-info/RECORD"), ::testing::Not(HasSubstr("x/y.py")));
  EXPECT_THAT(read("two-1.dist-info/RECORD"), HasSubstr("x/y.py"));
  EXPECT_THAT(read("three-1.dist-info/RECORD"), HasSubstr("x/z.py"));
  EXPECT_THAT(read("four-1.dist-info/RECORD"), HasSubstr("x/z.py"));
}

}  // namespace
}  // namespace moat
