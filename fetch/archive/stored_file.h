// One regular file of an unpacked tree.
#pragma once

#include "resolver/files/digest.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace moat {

// Path relative to the tree, with '/'.
struct StoredFile {
  std::string path;
  Digest digest = {};  // sha256
  std::uint64_t size = 0;
  bool executable = false;
  std::int64_t mtime = 0;   // of the archive's entry, clamped to 1980..now; unix seconds
  std::uint64_t inode = 0;  // with size and mtime: is it still the file that was put in?
};

// A fault in the RECORD of a wheel, or an odd name in it: kept with the entry, and judged each time the wheel
// is used.
struct RecordFault {
  std::string kind;  // a word of those below, or of a later moat
  std::string path;  // as in the archive or in RECORD, without control characters
  friend bool operator==(const RecordFault&, const RecordFault&) = default;
};

namespace record_fault {
inline constexpr std::string_view kUnlisted = "unlisted",  // a file that RECORD does not list
    kMissing = "missing",                                  // a row for a file that is not there
    kUnhashed = "unhashed",                                // a row without a hash of sha256 or better
    kOtherSize = "other-size",                             // a row with another size than the file's
    kOtherHash = "other-hash",                             // a row with another hash than the file's
    kTwoRows = "two-rows",                                 // two rows that differ
    kUnreadable = "unreadable",                            // RECORD itself: it does not parse
    kWindowsName = "windows-name";                         // a name that Windows cannot hold
}  // namespace record_fault

}  // namespace moat
