#include "fetch/archive/zip_directory.h"

#include "tests/support/wheel_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace moat {
namespace {

using testing::build_zip;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ZipEndLies;
using testing::ZipMember;

ReadAt reader(const std::string& bytes) {
  return [&bytes](std::uint64_t offset, std::span<std::byte> into) -> std::size_t {
    if (offset >= bytes.size()) return 0;
    const std::size_t count = std::min<std::size_t>(into.size(), bytes.size() - offset);
    std::memcpy(into.data(), bytes.data() + offset, count);
    return count;
  };
}

Expected<std::vector<ZipEntry>> directory_of(const std::string& bytes, const ZipLimits& limits = {}) {
  return read_zip_directory(reader(bytes), bytes.size(), limits);
}

// Why the archive is refused; "" where it is not.
std::string refusal(const std::string& bytes, const ZipLimits& limits = {}) {
  const auto entries = directory_of(bytes, limits);
  return entries ? "" : entries.error().message;
}

std::string contents_of(const std::string& bytes, const ZipEntry& entry) {
  std::string contents;
  const auto read =
      MemberReader(reader(bytes)).read(entry, [&](std::string_view piece) { contents += piece; });
  return read ? contents : "error: " + read.error().message;
}

ZipMember member(std::string name, std::string contents = "contents") {
  ZipMember made;
  made.name = std::move(name);
  made.contents = std::move(contents);
  return made;
}

template <class Change>
ZipMember changed(Change change) {
  ZipMember made = member("a.py");
  change(made);
  return made;
}

TEST(ZipDirectory, GivesEntriesInTheOrderOfTheirRecords) {
  ZipMember script = member("bin/run", std::string(100'000, 'x'));
  script.mode = 0100755;
  ZipMember plain = member("b.txt", "plain");
  plain.deflate = false;
  const std::string zip = build_zip({member("a/"), script, plain, member("empty", "")});
  const auto entries = directory_of(build_zip({member("a/", ""), script, plain, member("empty", "")}));
  EXPECT_THAT(refusal(zip), HasSubstr("directory with contents"));
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 4U);
  EXPECT_TRUE((*entries)[0].is_directory());
  EXPECT_EQ((*entries)[1].name, "bin/run");
  EXPECT_TRUE((*entries)[1].executable());
  EXPECT_EQ((*entries)[1].size, 100'000U);
  EXPECT_EQ((*entries)[1].mtime, 1704067200);
  EXPECT_FALSE((*entries)[2].executable());
  EXPECT_EQ((*entries)[2].method, ZipMethod::Stored);
}

TEST(ZipDirectory, ReadsMembersOfEachForm) {
  const std::string text = "some text, some text, some text";
  std::vector<ZipMember> members;
  for (const bool deflate : {false, true})
    for (const bool descriptor : {false, true})
      for (const bool zip64 : {false, true}) {
        ZipMember made = member("m" + std::to_string(members.size()), text + std::to_string(members.size()));
        made.deflate = deflate, made.descriptor = descriptor, made.zip64 = zip64;
        members.push_back(std::move(made));
      }
  members.push_back(member("empty", ""));
  const std::string zip = build_zip(members, {.comment = "a comment", .zip64 = true});
  const auto entries = directory_of(zip);
  ASSERT_TRUE(entries) << entries.error().message;
  for (std::size_t i = 0; i < members.size(); ++i) {
    EXPECT_EQ(contents_of(zip, (*entries)[i]), members[i].contents) << members[i].name;
    const std::string record = zip.substr((*entries)[i].header_offset, (*entries)[i].record_size);
    const auto inflated = inflate_member((*entries)[i], record);
    ASSERT_TRUE(inflated) << inflated.error().message;
    EXPECT_EQ(*inflated, members[i].contents);
  }
}

TEST(ZipDirectory, FindsTheDirectoryOfARemoteArchiveInItsTail) {
  const std::string zip = build_zip({member("a", std::string(5000, 'a')), member("b")});
  const auto end = find_zip_end(std::string_view(zip).substr(zip.size() - kZipEndSize), zip.size());
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->entries, 2U);
  const auto entries = parse_central_directory(zip.substr(end->directory_offset, end->directory_size), *end);
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ((*entries)[1].name, "b");
  EXPECT_EQ((*entries)[1].header_offset + (*entries)[1].record_size, end->directory_offset);
}

TEST(ZipDirectory, AcceptsAnEmptyArchive) { EXPECT_EQ(refusal(build_zip({})), ""); }

TEST(ZipDirectory, AcceptsUnicodeAndOddButHarmlessNames) {
  EXPECT_EQ(refusal(build_zip({member("ünï/日本.py"), member("a b/c,d\"e'.py"), member("...x"),
                               member(".hidden"), member("aux.py"), member("con/nul")})),
            "");
}

TEST(ZipDirectory, TakesNamesThatOnlyWindowsCannotHold) {
  for (const std::string name : {"pynvvideocodec./x.so", "a ", "...", "aux.py", "a.py:stream", "C:/x"})
    EXPECT_EQ(refusal(build_zip({member(name)})), "") << name;
}

TEST(ZipDirectory, RefusesNamesThatAreNoPlainRelativePaths) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "no name"},
      {"/etc/passwd", "absolute"},
      {"../x", "leaves"},
      {"a/../../x", "leaves"},
      {"a/..", "leaves"},
      {"a//b", "empty component"},
      {"./a", "empty component"},
      {"a/./b", "empty component"},
      {"a\\b", "backslash"},
      {std::string("a\0b", 3), "control"},
      {"a\nb", "control"},
      {"a\x7f", "control"},
      {"\xff\xfe", "UTF-8"},
      {"\xc0\xaf", "UTF-8"},
      {"\xed\xa0\x80", "UTF-8"},
      {"\xf4\x90\x80\x80", "UTF-8"},
      {"a\xe2\x82", "UTF-8"},
  };
  for (const auto& [name, reason] : cases)
    EXPECT_THAT(refusal(build_zip({member(name)})), HasSubstr(reason)) << name;
}

TEST(ZipDirectory, RefusesTwoRecordsForOnePath) {
  EXPECT_THAT(refusal(build_zip({member("a"), member("b"), member("a")})), HasSubstr("`a` is there twice"));
  EXPECT_THAT(refusal(build_zip({member("a"), member("a/", "")})), HasSubstr("twice"));
  EXPECT_THAT(refusal(build_zip({member("a"), member("a-b"), member("a/b/c")})),
              HasSubstr("`a` is a file and a directory"));
  EXPECT_EQ(refusal(build_zip({member("a/", ""), member("a/b"), member("a/c/", ""), member("a/c/d")})), "");
}

TEST(ZipDirectory, RefusesSpecialFiles) {
  EXPECT_THAT(refusal(build_zip({changed([](auto& m) { m.mode = 0120777; })})), HasSubstr("symbolic link"));
  EXPECT_THAT(refusal(build_zip({changed([](auto& m) { m.mode = 0060666; })})), HasSubstr("neither"));
  EXPECT_THAT(refusal(build_zip({changed([](auto& m) { m.mode = 0040755; })})),
              HasSubstr("directory without"));
  EXPECT_EQ(refusal(build_zip({changed([](auto& m) { m.mode = 0; })})), "");
}

TEST(ZipDirectory, RefusesWhatItCannotUnpack) {
  EXPECT_THAT(refusal(build_zip({changed([](auto& m) { m.flags = 1; })})), HasSubstr("encrypted"));
  EXPECT_THAT(refusal(build_zip({changed([](auto& m) { m.flags = 1U << 13U; })})), HasSubstr("encrypted"));
  EXPECT_THAT(refusal(build_zip({changed([](auto& m) { m.flags = 1U << 5U; })})), HasSubstr("patch"));
  EXPECT_THAT(
      refusal(build_zip({changed([](auto& m) { m.lies.central_method = m.lies.local_method = 12; })})),
      HasSubstr("method 12"));
  EXPECT_THAT(refusal(build_zip({changed([](auto& m) { m.comment = "hello"; })})), HasSubstr("comment"));
}

TEST(ZipDirectory, RefusesLocalHeadersThatSayOtherwise) {
  EXPECT_THAT(refusal(build_zip({changed([](auto& m) { m.lies.local_name = "b.py"; })})),
              HasSubstr("another name"));
  EXPECT_THAT(refusal(build_zip({changed([](auto& m) { m.lies.local_name = "a.pyc"; })})), HasSubstr("a.py"));
  EXPECT_THAT(refusal(build_zip({changed([](auto& m) { m.lies.local_crc = 7; })})), HasSubstr("another CRC"));
  EXPECT_THAT(refusal(build_zip({changed([](auto& m) { m.lies.local_size = 7; })})),
              HasSubstr("another size"));
  EXPECT_THAT(refusal(build_zip({changed([](auto& m) { m.lies.local_method = 0; })})),
              HasSubstr("another method"));
  EXPECT_THAT(refusal(build_zip({changed([](auto& m) {
                m.descriptor = true;
                m.lies.local_crc = 7;
              })})),
              HasSubstr("data descriptor"));
}

TEST(ZipDirectory, RefusesBytesThatBelongToNobody) {
  EXPECT_THAT(refusal("#!/bin/sh\n" + build_zip({member("a")})), HasSubstr("not where its end record says"));
  ZipMember first = member("a"), second = member("b");
  first.before = "prefix";
  EXPECT_THAT(refusal(build_zip({first})), HasSubstr("before its first entry"));
  second.before = "gap";
  EXPECT_THAT(refusal(build_zip({member("a"), second})), HasSubstr("`a` is followed by bytes"));
  EXPECT_THAT(refusal(build_zip({member("a")}, {.before_directory = "gap"})), HasSubstr("followed by bytes"));
  EXPECT_THAT(refusal(build_zip({member("a")}, {.after_directory = "gap"})), HasSubstr("not where"));
  EXPECT_THAT(refusal(build_zip({member("a")}, {.after_end = "tail"})), HasSubstr("after its end record"));
}

TEST(ZipDirectory, RefusesASecondEndRecord) {
  const std::string inner = build_zip({member("evil")}), zip = build_zip({member("a")});
  EXPECT_NE(refusal(zip + inner), "");
  EXPECT_NE(refusal(build_zip({member("a")}, {.comment = inner})), "");
  EXPECT_NE(refusal(build_zip({member("a")}, {.comment = inner.substr(inner.size() - 22)})), "");
}

TEST(ZipDirectory, AcceptsAZipInsideAZip) {
  ZipMember inner = member("inner.zip", build_zip({member("x")}));
  inner.deflate = false;
  EXPECT_EQ(refusal(build_zip({inner, member("b")})), "");
}

TEST(ZipDirectory, RefusesWrongEndRecords) {
  EXPECT_THAT(refusal(build_zip({member("a")}, {.entries = 2})), HasSubstr("fewer"));
  EXPECT_THAT(refusal(build_zip({member("a"), member("b")}, {.entries = 1})), HasSubstr("more in it"));
  EXPECT_THAT(refusal(build_zip({member("a")}, {.directory_offset = 3})), HasSubstr("not where"));
  EXPECT_THAT(refusal(build_zip({member("a")}, {.directory_size = 3})), HasSubstr("not where"));
  EXPECT_THAT(refusal(build_zip({member("a")}, {.directory_size = 0xFFFFFFFF})), HasSubstr("ZIP64"));
  EXPECT_THAT(refusal(build_zip({member("a")}, {.zip64 = true, .zip64_offset = 0})),
              HasSubstr("ZIP64 locator"));
  EXPECT_THAT(refusal(build_zip({member("a")}, {.zip64 = true, .entries = 2})), HasSubstr("contradict"));
  EXPECT_THAT(refusal(""), HasSubstr("too short"));
  EXPECT_THAT(refusal(std::string(1000, 'x')), HasSubstr("not a zip archive"));
}

TEST(ZipDirectory, RefusesOverlappingRecords) {
  // Both central entries show the record of the first: the quine's trick.
  const ZipMember first = member("a", std::string(1000, 'a'));
  ZipMember second = first;
  second.lies.header_offset = 0;
  second.name = "b";
  EXPECT_NE(refusal(build_zip({first, second})), "");
  second.lies.header_offset = 40;
  EXPECT_THAT(refusal(build_zip({first, second})), HasSubstr("overlaps"));
}

TEST(ZipDirectory, RefusesSecondNamesAndBrokenExtras) {
  const std::string zip64("\1\0\0\0", 4), odd("\1\0\5\0\0\0\0\0\0", 9);
  const std::string path("\x75\x70\x06\0\1\0\0\0\0b", 10), same("\x75\x70\x09\0\1\0\0\0\0a.py", 13);
  EXPECT_THAT(refusal(build_zip({changed([&](auto& m) { m.extra = zip64 + zip64; })})),
              HasSubstr("two ZIP64"));
  EXPECT_THAT(refusal(build_zip({changed([&](auto& m) { m.extra = odd; })})), HasSubstr("bad ZIP64"));
  EXPECT_THAT(refusal(build_zip({changed([&](auto& m) { m.extra = path; })})), HasSubstr("second name"));
  EXPECT_THAT(refusal(build_zip({changed([&](auto& m) { m.local_extra = path; })})),
              HasSubstr("second name"));
  EXPECT_THAT(refusal(build_zip({changed([&](auto& m) { m.extra = same + same; })})),
              HasSubstr("second name"));
  EXPECT_THAT(refusal(build_zip({changed([&](auto& m) { m.extra = "abc"; })})), HasSubstr("broken extra"));
  EXPECT_EQ(refusal(build_zip({changed([&](auto& m) { m.extra = m.local_extra = same; })})), "");
  EXPECT_EQ(refusal(build_zip({changed([&](auto& m) {
              m.local_extra = std::string("UT\x05\0\1\0\0\0\0", 9) + std::string("\xca\xfe\xc8\0", 4) +
                              std::string(200, 'p');
            })})),
            "");
}

TEST(ZipDirectory, RefusesBombs) {
  EXPECT_THAT(refusal(build_zip({member("a")}), {.total_size = 7}), HasSubstr("more than 7 bytes"));
  EXPECT_THAT(refusal(build_zip({member("a"), member("b")}), {.entries = 1}), HasSubstr("2 entries"));
  EXPECT_THAT(
      refusal(build_zip({member("a", std::string(1 << 20, 'a'))}), {.ratio = 10, .ratio_matters = 1000}),
      HasSubstr("more than 10 times its size"));
  EXPECT_THAT(
      refusal(build_zip({changed([](auto& m) { m.lies.central_size = m.lies.local_size = 1U << 30U; })})),
      HasSubstr("cannot inflate"));
}

TEST(MemberReader, RefusesMembersThatAreNotWhatTheyClaim) {
  const auto reading = [](const ZipMember& made) {
    const std::string zip = build_zip({made});
    const auto entries = directory_of(zip);
    return entries ? contents_of(zip, entries->front()) : "refused: " + entries.error().message;
  };
  const std::string tail_bytes = build_zip({member("x")}).substr(31, 10);  // "contents", deflated
  EXPECT_EQ(reading(changed([&](auto& m) { m.lies.packed = tail_bytes; })), "contents");
  EXPECT_THAT(reading(changed([&](auto& m) { m.lies.packed = tail_bytes + "hidden"; })),
              HasSubstr("bytes after"));
  EXPECT_THAT(reading(changed([&](auto& m) { m.lies.packed = tail_bytes.substr(0, 5); })),
              HasSubstr("error: "));
  EXPECT_THAT(reading(changed([&](auto& m) { m.lies.packed = "\xff\xff\xff\xff\xff\xff"; })),
              HasSubstr("deflate"));
  EXPECT_THAT(reading(changed([](auto& m) { m.lies.central_size = m.lies.local_size = 9; })),
              HasSubstr("less"));
  EXPECT_THAT(reading(changed([](auto& m) { m.lies.central_size = m.lies.local_size = 7; })),
              HasSubstr("more"));
  EXPECT_THAT(reading(changed([](auto& m) { m.lies.central_crc = m.lies.local_crc = 7; })), HasSubstr("CRC"));
}

TEST(InflateMember, HoldsToItsLimit) {
  const std::string zip = build_zip({member("a", std::string(1000, 'a'))});
  const auto entries = directory_of(zip);
  ASSERT_TRUE(entries);
  const std::string record = zip.substr(0, entries->front().record_size);
  EXPECT_FALSE(inflate_member(entries->front(), record, 999));
  EXPECT_TRUE(inflate_member(entries->front(), record, 1000));
  EXPECT_FALSE(inflate_member(entries->front(), record.substr(1), 1000));
}

// Any single wrong byte is noticed, or changes nothing that is used.
TEST(ZipDirectory, SurvivesEveryFlippedByte) {
  const std::string zip = build_zip({member("a.py", "aaaaaaaa"), member("b/c.py")}, {.zip64 = true});
  for (std::size_t i = 0; i < zip.size(); ++i) {
    std::string broken = zip;
    broken[i] = static_cast<char>(broken[i] ^ 0x41);
    const auto entries = directory_of(broken);
    if (!entries) continue;
    for (const ZipEntry& entry : *entries) {
      const std::string contents = contents_of(broken, entry);
      EXPECT_TRUE(contents == "aaaaaaaa" || contents == "contents" || contents.starts_with("error: ")) << i;
    }
  }
}

TEST(ZipDirectory, SurvivesEveryCut) {
  const std::string zip = build_zip({member("a.py"), member("b/c.py")});
  for (std::size_t size = 0; size < zip.size(); ++size) EXPECT_NE(refusal(zip.substr(0, size)), "") << size;
}

}  // namespace
}  // namespace moat
