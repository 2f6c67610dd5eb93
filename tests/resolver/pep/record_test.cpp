#include "resolver/pep/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Record, HasPathHashAndSize) {
  EXPECT_THAT(parse_record("a/b.py,sha256=AbC-_x,12\r\n\nRECORD,,\n").value(),
              ElementsAre(RecordEntry{"a/b.py", "sha256", "AbC-_x", 12},
                          RecordEntry{"RECORD", "", "", std::nullopt}));
  EXPECT_THAT(parse_record("").value(), IsEmpty());
  EXPECT_THAT(parse_record("only/path").value(), ElementsAre(RecordEntry{"only/path", "", "", std::nullopt}));
}

TEST(Record, QuotesAsPythonDoes) {
  EXPECT_THAT(
      parse_record("\"a,b\",,\n\"say \"\"x\"\"\",,1\n\"two\r\nlines\",,\nin\"side,,\n\"a\"b,,\n").value(),
      ElementsAre(RecordEntry{"a,b", "", "", std::nullopt}, RecordEntry{"say \"x\"", "", "", 1},
                  RecordEntry{"two\r\nlines", "", "", std::nullopt},
                  RecordEntry{"in\"side", "", "", std::nullopt}, RecordEntry{"ab", "", "", std::nullopt}));
}

TEST(Record, RefusesRowsItCannotRead) {
  for (const char* text : {",sha256=x,1\n", "a,sha256=x,many\n", "a,sha256=x,-1\n", "a,sha256=x,1.5\n",
                           "a,nohash,1\n", "a,=x,1\n", "a,,1,2\n", "a,,99999999999999999999999\n"})
    EXPECT_FALSE(parse_record(text)) << text;
  EXPECT_EQ(parse_record("a,,\nb,,x\n").error().offset, 4u);
}

TEST(Record, IsWrittenSortedAndReadBack) {
  const std::vector<RecordEntry> entries = {
      {"b", "", "", std::nullopt}, {"a,\"\n", "sha256", "x", 0}, {"../../../bin/x", "sha512", "y", 7}};
  const std::string text = format_record(entries);
  EXPECT_EQ(text, "../../../bin/x,sha512=y,7\n\"a,\"\"\n\",sha256=x,0\nb,,\n");
  EXPECT_THAT(parse_record(text).value(), ElementsAre(entries[2], entries[1], entries[0]));
}

}  // namespace
}  // namespace moat
