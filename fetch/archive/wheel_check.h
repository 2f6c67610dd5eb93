// Is this zip file the wheel its name promises? Decided before a byte of it is unpacked (binary distribution
// format; RECORD both ways). Pure.
#pragma once

#include "fetch/archive/stored_file.h"
#include "fetch/archive/zip_directory.h"
#include "resolver/files/digest.h"
#include "resolver/pep/dist_filename.h"
#include "resolver/pep/record.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

struct WheelContents {
  std::string dist_info;  // "foo-1.0.dist-info", as spelled in the wheel
  bool root_is_purelib = true;
  // RECORD's hash for each file, in the order of the entries without directories; the algorithm is empty if
  // RECORD has no hash that could be checked, as for RECORD itself and its signatures.
  std::vector<RecordEntry> rows;
  std::vector<RecordFault> faults;    // of RECORD, and odd names
  std::vector<std::string> warnings;  // sentences about things that are odd, but not wrong
};

// `read` returns a member's bytes. The error is a clause ("its WHEEL file …"). A wrong RECORD is not an error
// here: whether such a wheel may be used depends on the source of its hash.
Expected<WheelContents> check_wheel(const std::vector<ZipEntry>& entries, const WheelFilename& name,
                                    const std::function<std::string(const ZipEntry&)>& read);

// Is it the digest of this row? REQUIRES: digest is of the row's algorithm.
bool agrees(const RecordEntry& row, const Digest& digest);

// All faults of RECORD, as one clause: "its RECORD does not list `a` and `b`; …"; "" if there are
// none.
std::string wrong_record(const std::vector<RecordFault>& faults);

// "`a`, `b` and 3 more": a list for messages.
std::string listing(const std::vector<std::string>& names);

}  // namespace moat
