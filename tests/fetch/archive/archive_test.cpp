#include "fetch/archive/archive.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/process.h"
#include "fetch/os/workers.h"
#include "tests/support/wheel_builder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

namespace moat {
namespace {

using testing::build_zip;
using ::testing::HasSubstr;
using testing::write_bytes;
using testing::ZipMember;

class ArchiveTest : public ::testing::Test {
 protected:
  TempDir folder_{fs::temp_directory_path(), "archive-test"};
  int made_ = 0;

  fs::path fresh() {
    fs::path path = folder_.path() / std::to_string(made_++);
    fs::create_directory(path);
    return path;
  }

  fs::path unpacked(const std::string& bytes, std::string_view suffix, ArchiveKind kind) {
    const fs::path archive = folder_.path() / fmt::format("pkg-{}{}", made_, suffix);
    write_bytes(archive, bytes);
    return unpack_source(archive, kind, fresh());
  }
  fs::path untarred(const std::string& bytes) { return unpacked(bytes, ".tar", ArchiveKind::Tar); }

  std::string refusal(const std::string& tar) {
    try {
      untarred(tar);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::BadArchive);
      return error.what();
    }
    return "";
  }
};

// One ustar record; '0' file, '1' hard link, '2' symbolic link, '5' directory, '3' device, '6' FIFO.
std::string tar_entry(const std::string& name, const std::string& contents, char type = '0',
                      const std::string& target = {}, unsigned mode = 0644) {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, const std::string& text) { header.replace(at, text.size(), text); };
  put(0, name);
  put(100, fmt::format("{:07o}", mode));
  put(108, "0000000");
  put(116, "0000000");
  put(124, fmt::format("{:011o}", contents.size()));
  put(136, fmt::format("{:011o}", 1'700'000'000));
  put(148, "        ");
  header[156] = type;
  put(157, target);
  put(257, std::string("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  std::string padding((512 - contents.size() % 512) % 512, '\0');
  return header + contents + padding;
}
std::string tar_of(std::initializer_list<std::string> entries) {
  std::string tar;
  for (const std::string& entry : entries) tar += entry;
  return tar + std::string(1024, '\0');
}
std::string link_entry(const std::string& name, const std::string& target) {
  return tar_entry(name, "", '2', target);
}

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777U;
}

TEST_F(ArchiveTest, UnpacksZipMembersOnSeveralThreads) {
  std::vector<ZipMember> members;
  for (int i = 0; i < 40; ++i) {
    ZipMember member;
    member.name = fmt::format("d{}/e/file{}", i % 7, i);
    member.contents = std::string(static_cast<std::size_t>(i) * 20'000, static_cast<char>('a' + i % 26));
    member.deflate = i % 3 != 0;
    members.push_back(member);
  }
  write_bytes(folder_.path() / "a.zip", build_zip(members));
  ZipUnpacking unpacking("a.zip", open_file(folder_.path() / "a.zip", O_RDONLY), 1'800'000'000);
  const fs::path tree = fresh();
  unpacking.make_directories(tree);
  EXPECT_GT(unpacking.slices(), 2U);
  Workers workers(4);
  workers.for_each(unpacking.slices(), [&](std::size_t slice) { unpacking.unpack(slice); });
  const std::vector<StoredFile> files = unpacking.take_files();
  ASSERT_EQ(files.size(), members.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(files[i].path, members[i].name);
    EXPECT_EQ(files[i].digest, hash_bytes(members[i].contents));
    EXPECT_EQ(read_file(tree / files[i].path), members[i].contents);
  }
}

TEST_F(ArchiveTest, ClampsTimesToWhatZipKnowsAndNow) {
  ZipMember late;
  late.name = "late";
  ZipMember nonsense = late;
  nonsense.name = "nonsense";
  nonsense.dos_date = 0;
  write_bytes(folder_.path() / "a.zip", build_zip({late, nonsense}));
  ZipUnpacking unpacking("a.zip", open_file(folder_.path() / "a.zip", O_RDONLY), 1'600'000'000);
  unpacking.make_directories(fresh());
  unpacking.unpack(0);
  const auto files = unpacking.take_files();
  EXPECT_EQ(files[0].mtime, 1'600'000'000);
  EXPECT_EQ(files[1].mtime, kEarliestTime);
}

TEST_F(ArchiveTest, NeverWritesOverSomething) {
  ZipMember member;
  member.name = "a";
  write_bytes(folder_.path() / "a.zip", build_zip({member}));
  const fs::path tree = fresh(), outside = folder_.path() / "outside";
  fs::create_symlink(outside, tree / "a");
  ZipUnpacking unpacking("a.zip", open_file(folder_.path() / "a.zip", O_RDONLY), 1'800'000'000);
  unpacking.make_directories(tree);
  EXPECT_THROW(unpacking.unpack(0), Error);
  EXPECT_FALSE(fs::exists(outside));
}

TEST_F(ArchiveTest, UnpacksSourcesAndFindsTheirFolder) {
  const fs::path top =
      untarred(tar_of({tar_entry("pkg-1.0/", "", '5'), tar_entry("pkg-1.0/setup.py", "setup()"),
                       tar_entry("pkg-1.0/deep/er/run", "#!", '0', "", 06755),
                       link_entry("pkg-1.0/link", "deep/../setup.py")}));
  EXPECT_EQ(top.filename(), "pkg-1.0");
  EXPECT_EQ(read_file(top / "setup.py"), "setup()");
  EXPECT_EQ(read_file(top / "link"), "setup()");
  EXPECT_EQ(mode_of(top / "deep/er/run") & 07111U, 0111U);
  EXPECT_EQ(mode_of(top / "setup.py") & 0111U, 0U);
  struct stat status {};
  ASSERT_EQ(::stat((top / "setup.py").c_str(), &status), 0);
  EXPECT_EQ(status.st_mtime, 1'700'000'000);
}

TEST_F(ArchiveTest, UnpacksFlatArchivesToo) {
  const fs::path top = untarred(tar_of({tar_entry("setup.py", "setup()"), tar_entry("pkg/x", "")}));
  EXPECT_TRUE(fs::exists(top / "setup.py"));
}

TEST_F(ArchiveTest, UnpacksEachCompression) {
  const fs::path source = fresh();
  fs::create_directories(source / "pkg-1.0/ünï");
  write_bytes(source / "pkg-1.0/ünï/日本.txt", "text");
  write_bytes(source / ("pkg-1.0/" + std::string(150, 'n')), "long");
  const std::tuple<const char*, const char*, ArchiveKind> forms[] = {{".tar", "", ArchiveKind::Tar},
                                                                     {".tar.gz", "-z", ArchiveKind::TarGz},
                                                                     {".tar.bz2", "-j", ArchiveKind::TarBz2},
                                                                     {".tar.xz", "-J", ArchiveKind::TarXz}};
  for (const auto& [suffix, option, kind] : forms)
    for (const char* format : {"--format=gnu", "--format=pax"}) {
      const fs::path archive = folder_.path() / (std::string("pkg-1.0") + suffix);
      Command tar{.argv = {"/bin/tar", format, "-C", source.native(), "-cf", archive.native()}};
      if (*option) tar.argv.emplace_back(option);
      tar.argv.emplace_back("pkg-1.0");
      if (run_process(tar).status != 0) GTEST_SKIP() << "tar cannot make " << suffix;
      const fs::path top = unpack_source(archive, kind, fresh());
      EXPECT_EQ(read_file(top / "ünï/日本.txt"), "text") << suffix << format;
      EXPECT_EQ(read_file(top / std::string(150, 'n')), "long") << suffix << format;
    }
}

TEST_F(ArchiveTest, UnpacksZippedSourcesWritable) {
  ZipMember member;
  member.name = "pkg-1.0/setup.py";
  member.contents = "setup()";
  const fs::path top = unpacked(build_zip({member}), ".zip", ArchiveKind::Zip);
  EXPECT_EQ(read_file(top / "setup.py"), "setup()");
  EXPECT_NE(mode_of(top / "setup.py") & 0200U, 0U);
  member.name = "../evil";
  EXPECT_THROW(unpacked(build_zip({member}), ".zip", ArchiveKind::Zip), Error);
}

TEST_F(ArchiveTest, LaterEntriesReplaceEarlierOnes) {
  const fs::path top =
      untarred(tar_of({tar_entry("p/a", "old"), tar_entry("p/b", ""), tar_entry("p/a", "new")}));
  EXPECT_EQ(read_file(top / "a"), "new");
}

TEST_F(ArchiveTest, UnderstandsHardLinksInside) {
  const fs::path top = untarred(tar_of({tar_entry("p/a", "text"), tar_entry("p/b", "", '1', "p/a")}));
  EXPECT_EQ(read_file(top / "b"), "text");
}

TEST_F(ArchiveTest, DropsLeadingSlashes) {
  const fs::path top = untarred(tar_of({tar_entry("/p/a", "text"), tar_entry("p/./b//c", "")}));
  EXPECT_EQ(read_file(top / "a"), "text");
  EXPECT_TRUE(fs::exists(top / "b/c"));
}

TEST_F(ArchiveTest, RefusesWhatLeavesTheTree) {
  EXPECT_THAT(refusal(tar_of({tar_entry("../evil", "x")})), HasSubstr("`../evil` leaves"));
  EXPECT_THAT(refusal(tar_of({tar_entry("p/../../evil", "x")})), HasSubstr("leaves"));
  EXPECT_THAT(refusal(tar_of({link_entry("p/l", "/etc/passwd")})), HasSubstr("leaves"));
  EXPECT_THAT(refusal(tar_of({link_entry("p/l", "../../x")})), HasSubstr("leaves"));
  EXPECT_THAT(refusal(tar_of({link_entry("l", "p/../..")})), HasSubstr("leaves"));
  // Each link alone stays inside; together they do not, whichever comes first.
  EXPECT_THAT(refusal(tar_of({link_entry("p/q/up", ".."), link_entry("out", "p/q/up/../../x")})),
              HasSubstr("leaves"));
  EXPECT_THAT(refusal(tar_of({link_entry("out", "p/q/up/../../x"), link_entry("p/q/up", "..")})),
              HasSubstr("leaves"));
  EXPECT_THAT(refusal(tar_of({link_entry("a", "b"), link_entry("b", "a")})), HasSubstr("leaves"));
  EXPECT_THAT(refusal(tar_of({tar_entry("b", "", '1', "../../etc/passwd")})), HasSubstr("leaves"));
  EXPECT_THAT(refusal(tar_of({tar_entry("b", "", '1', "nothing")})), HasSubstr("which it does not contain"));
}

TEST_F(ArchiveTest, NeverWritesThroughLinks) {
  EXPECT_THAT(refusal(tar_of({link_entry("d", "."), tar_entry("d/x", "x")})),
              HasSubstr("through a symbolic link"));
  EXPECT_THAT(refusal(tar_of({tar_entry("r/a", "x"), link_entry("d", "r"), tar_entry("b", "", '1', "d/a")})),
              HasSubstr("through a symbolic link"));
  const fs::path top =
      untarred(tar_of({tar_entry("p/a", "target"), link_entry("p/l", "a"), tar_entry("p/l", "own")}));
  EXPECT_EQ(read_file(top / "a"), "target");
  EXPECT_EQ(read_file(top / "l"), "own");
}

TEST_F(ArchiveTest, RefusesSpecialFilesAndClashes) {
  EXPECT_THAT(refusal(tar_of({tar_entry("fifo", "", '6')})), HasSubstr("neither"));
  EXPECT_THAT(refusal(tar_of({tar_entry("dev", "", '3')})), HasSubstr("neither"));
  EXPECT_THAT(refusal(tar_of({tar_entry("a", ""), tar_entry("a/b", "")})), HasSubstr("where a file is"));
  EXPECT_THAT(refusal(tar_of({tar_entry("a/b", ""), tar_entry("a", "")})), HasSubstr("where a directory is"));
}

TEST_F(ArchiveTest, RefusesWhatIsNoArchiveOfItsKind) {
  EXPECT_NE(refusal(std::string(5000, 'x')), "");
  EXPECT_NE(refusal(""), "");
  EXPECT_NE(refusal(tar_entry("a", std::string(5000, 'x')).substr(0, 3000)), "");
  ZipMember member;
  member.name = "a";
  EXPECT_THROW(unpacked(build_zip({member}), ".tar.gz", ArchiveKind::TarGz), Error);
}

}  // namespace
}  // namespace moat
