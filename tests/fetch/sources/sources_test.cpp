#include "fetch/sources/sources.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/process.h"
#include "tests/support/loopback_index.h"
#include "tests/support/source_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace moat {
namespace {

using testing::CommentBuilder;
using ::testing::HasSubstr;
using testing::LoopbackIndex;
using testing::write_bytes;

class SourcesTest : public ::testing::Test {
 protected:
  SourcesTest() : folder_(fs::temp_directory_path(), "sources-test"), store_(folder_.path() / "store") {}

  // A .tar.gz (or what the suffix says) of one folder `stem` with these files.
  std::string archive(const std::string& stem, const std::vector<std::pair<std::string, std::string>>& files,
                      const std::string& suffix = ".tar.gz") {
    const fs::path work = folder_.path() / ("make" + std::to_string(made_++));
    for (const auto& [path, contents] : files) {
      fs::create_directories((work / stem / path).parent_path());
      write_bytes(work / stem / path, contents);
    }
    const fs::path out = work / (stem + suffix);
    Command command{.argv = {"tar", "--auto-compress", "-cf", out.native(), "-C", work.native(), stem}};
    if (suffix == ".zip")
      command.argv = {"python3",
                      "-c",
                      "import shutil,sys; shutil.make_archive(sys.argv[1], 'zip', sys.argv[2], sys.argv[3])",
                      (work / stem).native(),
                      work.native(),
                      stem};
    EXPECT_EQ(run_process(command).status, 0);
    return read_file(out);
  }
  fs::path folder(const std::vector<std::pair<std::string, std::string>>& files) {
    const fs::path path = folder_.path() / ("tree" + std::to_string(made_++));
    for (const auto& [name, contents] : files) {
      fs::create_directories((path / name).parent_path());
      write_bytes(path / name, contents);
    }
    return path;
  }
  Sources& sources(bool offline = false) {
    sources_.reset();
    http_ = std::make_unique<HttpClient>(HttpOptions{
        .offline = offline, .retry = {.attempts = 2, .first_delay = std::chrono::milliseconds(1)}});
    sources_ = std::make_unique<Sources>(*http_, store_, reporter_,
                                         GitOptions{.path = std::getenv("PATH"), .offline = offline});
    return *sources_;
  }
  static SourceOrder order(const std::string& url) { return SourceOrder::of(SourceUrl::parse(url).value()); }
  std::string failure(const SourceOrder& order, ErrorKind kind, bool offline = false) {
    try {
      sources(offline).obtain(order, {});
    } catch (const Error& error) {
      EXPECT_EQ(to_string(error.kind()), to_string(kind)) << error.what();
      return error.what();
    }
    return "";
  }

  TempDir folder_;
  Store store_;
  Workers workers_;
  Reporter reporter_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<Sources> sources_;
  int made_ = 0;
};

TEST_F(SourcesTest, AnArchiveComesOnceAndThenFromTheStore) {
  LoopbackIndex index;
  index.add_file("foo", "foo-1.0.tar.gz",
                 archive("foo-1.0", {{"setup.py", "# foo 1.0"}, {"PKG-INFO", "Name: foo\n"}}));
  const std::string url = index.file_url("foo-1.0.tar.gz");
  const ObtainedSource& source = sources().obtain(order(url), {});
  EXPECT_TRUE(fs::exists(source.tree.path / "setup.py"));
  EXPECT_EQ(source.tree.key, source.sha256->to_string());
  EXPECT_TRUE(source.files.pkg_info);
  sources_->obtain(order(url), {});
  EXPECT_EQ(index.file_requests("foo-1.0.tar.gz"), 1U);
  sources(true).obtain(order(url), {});
  EXPECT_EQ(index.file_requests("foo-1.0.tar.gz"), 1U);
}

TEST_F(SourcesTest, ADamagedArchiveOfTheStoreComesAgain) {
  LoopbackIndex index;
  index.add_file("foo", "foo-1.0.tar.gz", archive("foo-1.0", {{"setup.py", ""}}));
  const std::string url = index.file_url("foo-1.0.tar.gz");
  const Digest sha256 = *sources().obtain(order(url), {}).sha256;
  const fs::path stored = store_.layout().source(sha256) / "foo-1.0.tar.gz";
  fs::permissions(stored, fs::perms::owner_all);
  write_bytes(stored, "spoilt");
  EXPECT_EQ(sources().obtain(order(url), {}).sha256, sha256);
  EXPECT_EQ(index.file_requests("foo-1.0.tar.gz"), 2U);
}

TEST_F(SourcesTest, ATextWithoutAnEndIsNotRead) {
  const fs::path tree = folder({{"pyproject.toml", ""}});
  fs::resize_file(tree / "pyproject.toml", std::uintmax_t{17} << 20U);
  EXPECT_THAT(failure(order(Url::from_path(tree.native()).to_string()), ErrorKind::BadInput),
              HasSubstr("its pyproject.toml has 17825792 bytes"));
}

TEST_F(SourcesTest, EveryKindOfArchiveIsUnpacked) {
  for (const char* suffix : {".tar.gz", ".tar.bz2", ".tar.xz", ".tar", ".tgz", ".zip"}) {
    const fs::path file = folder_.path() / (std::string("foo-1.0") + suffix);
    write_bytes(file, archive("foo-1.0", {{"setup.py", "x"}}, suffix));
    const ObtainedSource& source = sources().obtain(order("file://" + file.native()), {});
    EXPECT_EQ(read_file(source.tree.path / "setup.py"), "x") << suffix;
  }
}

TEST_F(SourcesTest, AWrongHashIsRefusedBeforeAnythingIsUnpacked) {
  LoopbackIndex index;
  index.add_file("foo", "foo-1.0.tar.gz", archive("foo-1.0", {{"setup.py", ""}}));
  const std::string url = index.file_url("foo-1.0.tar.gz");
  EXPECT_THAT(failure(order(url + "#sha256=" + std::string(64, '0')), ErrorKind::HashMismatch),
              HasSubstr(", expected "));
  SourceOrder asked = order(url);
  asked.accepted = {*Digest::parse("sha256", std::string(64, '1'))};
  failure(asked, ErrorKind::HashMismatch);
  const fs::path file = folder_.path() / "foo-1.0.tar.gz";
  write_bytes(file, archive("foo-1.0", {{"setup.py", ""}}));
  failure(order("file://" + file.native() + "#sha256=" + std::string(64, '0')), ErrorKind::HashMismatch);
}

TEST_F(SourcesTest, WhatIsNoProjectIsSaid) {
  const fs::path file = folder_.path() / "foo-1.0.tar.gz";
  write_bytes(file, archive("foo-1.0", {{"README", ""}}));
  EXPECT_THAT(failure(order("file://" + file.native()), ErrorKind::BadInput),
              HasSubstr("not a Python project"));
  EXPECT_THAT(failure(order("file://" + folder({{"x", ""}}).native()), ErrorKind::BadInput),
              HasSubstr("it has no pyproject.toml"));
  EXPECT_THAT(failure(order("file:///no/such/folder"), ErrorKind::BadInput), HasSubstr("there is no"));
  EXPECT_THAT(failure(order("file:///no/such-1.0.tar.gz"), ErrorKind::BadInput), HasSubstr("there is no"));
  write_bytes(file, "garbage");
  EXPECT_THAT(failure(order("file://" + file.native()), ErrorKind::BadArchive), HasSubstr("foo-1.0.tar.gz"));
}

TEST_F(SourcesTest, ASubdirectoryIsFoundAndALinkOutOfItIsNot) {
  const fs::path file = folder_.path() / "foo-1.0.tar.gz";
  write_bytes(file, archive("foo-1.0", {{"py/lib/setup.py", "deep"}}));
  const ObtainedSource& source =
      sources().obtain(order("file://" + file.native() + "#subdirectory=py/lib"), {});
  EXPECT_EQ(read_file(source.tree.path / "setup.py"), "deep");
  EXPECT_THAT(source.tree.key, HasSubstr("#py/lib"));
  EXPECT_THAT(failure(order("file://" + file.native() + "#subdirectory=nope"), ErrorKind::BadInput),
              HasSubstr("no folder `nope`"));
  const fs::path tree = folder({{"a", ""}});
  fs::create_directory_symlink("/etc", tree / "link");
  failure(order("file://" + tree.native() + "#subdirectory=link"), ErrorKind::BadInput);
}

TEST_F(SourcesTest, AFolderHasNoKeyAndItsPkgInfoIsNotTrusted) {
  const ObtainedSource& source = sources().obtain(
      order("file://" + folder({{"setup.py", ""}, {"PKG-INFO", "Name: old\n"}}).native()), {});
  EXPECT_EQ(source.tree.key, "");
  EXPECT_FALSE(source.files.pkg_info);
}

TEST_F(SourcesTest, MetadataIsBuiltOnlyWhereTheSourceDoesNotSayItself) {
  CommentBuilder builder(store_, workers_);
  const MetadataAsker asker{&builder, ""};
  const ObtainedSource says = *&sources().obtain(
      order("file://" + folder({{"setup.py", "# foo 1.0 bar"},
                                {"pyproject.toml", "[project]\nname='foo'\nversion='1.0'\n"}})
                            .native()),
      {});
  EXPECT_THAT(source_metadata(says, {}, {}, {}, asker, {}), HasSubstr("Name: foo"));
  EXPECT_EQ(builder.metadata_asked, 0);
  const ObtainedSource asks =
      sources().obtain(order("file://" + folder({{"setup.py", "# foo 1.0 bar"}}).native()), {});
  EXPECT_THAT(source_metadata(asks, {}, {}, {}, asker, {}), HasSubstr("Requires-Dist: bar"));
  EXPECT_EQ(builder.metadata_asked, 1);
  try {
    source_metadata(asks, {}, {}, {}, {nullptr, "`--no-build` forbids it"}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Refused);
    EXPECT_THAT(error.what(), HasSubstr("`--no-build` forbids it"));
  }
}

}  // namespace
}  // namespace moat
