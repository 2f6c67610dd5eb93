// One downloadable (or local) file of a project.
#pragma once

#include "resolver/base/url.h"
#include "resolver/files/digest.h"
#include "resolver/pep/specifier.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// Seconds since the epoch, UTC; fractions of the index's upload-time are dropped.
using UnixTime = std::int64_t;

// "2010-04-16", in UTC.
std::string calendar_day(UnixTime moment);

// One file as an index page describes it; a value. Downloading it is fetch's job.
struct Artifact {
  std::string filename;
  Url url;                            // absolute; file: for local ones; no fragment; may hold credentials
  std::vector<Digest> digests;        // as promised by the index; may be empty
  std::optional<std::uint64_t> size;  // bytes
  std::optional<UnixTime> upload_time;
  std::optional<std::string> yanked;  // the reason, "" when none was given
  std::string requires_python;        // as written by the index; "" when absent
  bool has_metadata_file = false;     // PEP 658: {url}.metadata exists
  std::optional<Digest> metadata_digest;

  bool is_wheel() const {
    return filename.size() > 4 && filename.compare(filename.size() - 4, 4, ".whl") == 0;
  }
  const Digest* strongest_digest() const;  // nullptr when there is none
};

}  // namespace moat
