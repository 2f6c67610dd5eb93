#include "fetch/http/page_head.h"

#include "fetch/http/http_policy.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace moat {
namespace {

constexpr std::int64_t kMissingLifetime = 60;
constexpr std::int64_t kLongestLifetime = 365LL * 24 * 3600;
constexpr std::string_view kFormat = "moat-page 1";

class HeadReader {
 public:
  explicit HeadReader(std::string_view text) : lines_(split(text, '\n')) {}

  bool is_whole() const { return lines_.size() == 12 && lines_.front() == kFormat && lines_[10] == "end"; }

  std::string text(std::string_view name) {
    const std::string_view line = lines_[next_++];
    const bool fits =
        line.size() > name.size() && line.substr(0, name.size()) == name && line[name.size()] == ' ';
    good_ = good_ && fits;
    return fits ? std::string(line.substr(name.size() + 1)) : "";
  }
  std::uint64_t number(std::string_view name) {
    const auto value = parse_unsigned(text(name));
    good_ = good_ && value && *value <= (1ULL << 62U);
    return value.value_or(0);
  }
  bool good() const { return good_; }

 private:
  std::vector<std::string_view> lines_;
  std::size_t next_ = 1;
  bool good_ = true;
};

std::string header_or_empty(const HttpResponse& response, std::string_view name) {
  const std::string* value = response.header(name);
  return value == nullptr ? "" : *value;
}

}  // namespace

bool is_missing(int status) { return status == 404 || status == 410; }

std::string to_text(const PageHead& head) {
  return fmt::format(
      "{}\nstatus {}\nfinal-url {}\ncontent-type {}\netag {}\nlast-modified {}\nstored {}\nlifetime {}\nsize "
      "{}\n"
      "sha256 {}\nend\n",
      kFormat, head.status, head.final_url, head.content_type, head.etag, head.last_modified, head.stored,
      head.lifetime, head.size, head.sha256);
}

std::optional<PageHead> parse_page_head(std::string_view text) {
  HeadReader reader(text);
  if (!reader.is_whole()) return std::nullopt;
  PageHead head;
  head.status = static_cast<int>(std::min<std::uint64_t>(reader.number("status"), 999));
  head.final_url = reader.text("final-url");
  head.content_type = reader.text("content-type");
  head.etag = reader.text("etag");
  head.last_modified = reader.text("last-modified");
  head.stored = static_cast<std::int64_t>(reader.number("stored"));
  head.lifetime = static_cast<std::int64_t>(reader.number("lifetime"));
  head.size = reader.number("size");
  head.sha256 = reader.text("sha256");
  const bool known = head.status == 200 || is_missing(head.status);
  if (!reader.good() || !known || !Digest::parse("sha256", head.sha256)) return std::nullopt;
  return head;
}

bool is_fresh(const PageHead& head, std::int64_t now) {
  const std::int64_t age = now - head.stored;
  return age >= 0 && age < std::min(head.lifetime, kLongestLifetime);
}

HttpHeaders conditions(const PageHead& head) {
  HttpHeaders out;
  if (head.status != 200) return out;
  if (!head.etag.empty()) out.emplace_back("If-None-Match", head.etag);
  if (!head.last_modified.empty()) out.emplace_back("If-Modified-Since", head.last_modified);
  return out;
}

PageHead head_of(const HttpResponse& response, std::uint64_t body_size, const Digest& body,
                 std::int64_t now) {
  const bool has_body = response.status == 200;
  PageHead head;
  head.status = response.status;
  head.final_url = response.final_url.to_string();
  head.content_type = header_or_empty(response, "content-type");
  head.etag = header_or_empty(response, "etag");
  head.last_modified = header_or_empty(response, "last-modified");
  head.stored = now;
  head.lifetime = has_body ? cache_rules(response.headers, now).lifetime : kMissingLifetime;
  head.size = has_body ? body_size : 0;
  head.sha256 = body.hex;
  return head;
}

PageHead confirmed(PageHead head, const HttpResponse& not_modified, std::int64_t now) {
  const CacheRules rules = cache_rules(not_modified.headers, now);
  if (rules.says_lifetime) head.lifetime = rules.lifetime;
  if (const std::string* etag = not_modified.header("etag")) head.etag = *etag;
  head.stored = now;
  head.final_url = not_modified.final_url.to_string();
  return head;
}

}  // namespace moat
