// What is known of a stored page besides its body, and what HTTP's rules make of it (RFC 9111): no files, no
// network.
#pragma once

#include "fetch/http/http.h"
#include "resolver/files/digest.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace moat {

// Everything known about a page except its body.
struct PageHead {
  int status = 200;  // or 404 or 410, which have no body
  std::string final_url;
  std::string content_type;
  std::string etag;
  std::string last_modified;
  std::int64_t stored = 0;    // unix seconds
  std::int64_t lifetime = 0;  // seconds from then
  std::uint64_t size = 0;
  std::string sha256;  // of the body

  bool operator==(const PageHead&) const = default;
};

// 404 and 410: nothing is there.
bool is_missing(int status);

// One field a line in fixed order; `end` shows that nothing was cut off. Header values hold no line ends.
std::string to_text(const PageHead& head);
std::optional<PageHead> parse_page_head(std::string_view text);

bool is_fresh(const PageHead& head, std::int64_t now);

// The headers that ask whether the page changed.
HttpHeaders conditions(const PageHead& head);

// Of a response with status 200, 404 or 410, whose body has this digest. What is missing is remembered for a
// minute.
PageHead head_of(const HttpResponse& response, std::uint64_t body_size, const Digest& body, std::int64_t now);

// The same page after a 304.
PageHead confirmed(PageHead head, const HttpResponse& not_modified, std::int64_t now);

}  // namespace moat
