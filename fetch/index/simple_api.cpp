#include "fetch/index/simple_api.h"

#include "fetch/index/simple_api_html.h"
#include "resolver/base/text.h"
#include "resolver/pep/dist_filename.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace moat {
namespace {

namespace ondemand = simdjson::ondemand;

// The newest minor of api-version 1 whose additions are known here (and ignored if they do not concern
// moat).
constexpr std::uint64_t kKnownMinor = 5;

// Longer than any known key; simdjson's padding makes this many bytes readable after any position of a body.
constexpr std::size_t kLongestKey = 32;
static_assert(kLongestKey <= simdjson::SIMDJSON_PADDING);

// The most hashes of one file; there are no more algorithms than that.
constexpr std::size_t kMostHashes = 16;

// Each file takes some memory, however little the page says of it. A page with this many files and so few
// bytes for each is not an index's: a name, a URL and a hash are longer.
constexpr std::size_t kManyFiles = 50'000, kLeastOfEach = 100;

// No project has a tenth of these. A file takes some two kilobytes of memory in the end.
constexpr std::size_t kMostFiles = 250'000;

constexpr std::string_view kJsonType = "application/vnd.pypi.simple.v1+json";
constexpr std::string_view kHtmlType = "application/vnd.pypi.simple.v1+html";

std::optional<std::uint64_t> to_number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// Days since 1970-01-01 of a date in the proleptic Gregorian calendar.
std::int64_t days_from_civil(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = year / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

// A string's contents: a view into the body or, if something in it is escaped, into the parser's buffer.
// simdjson scans with the best instructions of this machine, but unescapes with those the compiler may use;
// so the copy is made only when needed. The value is left unread, which its object's loop allows. "" for
// values that are not strings.
std::string_view text(ondemand::value value) {
  const std::string_view token = value.raw_json_token();
  if (token.empty() || token.front() != '"') return {};
  if (token.find('\\') != std::string_view::npos) return value.get_string();
  return token.substr(1, token.rfind('"') - 1);
}

// The raw key: nobody escapes keys, and an escaped one counts as unknown.
template <class Field>
std::string_view key_of(Field& field) {
  const char* const begin = ondemand::raw_json_string(field.key()).raw();
  const std::string_view start(begin, kLongestKey);
  return start.substr(0, start.find('"'));
}

// The values of one file object, in any order of keys. A value of an unexpected type counts as absent; only
// malformed JSON throws (simdjson_error), since nothing after it can be trusted.
class FileReader {
 public:
  explicit FileReader(ProjectPage& page) : page_(page) {}

  void read(ondemand::object object) {
    file_ = PageFile{};
    core_metadata_seen_ = false;
    file_.first_hash = page_.hashes.size();
    for (auto field : object) {
      const std::string_view key = key_of(field);
      take(key, field.value());
    }
    file_.hash_count = page_.hashes.size() - file_.first_hash;
    if (file_.url.empty() || !is_plain_filename(file_.filename)) {
      page_.hashes.resize(file_.first_hash);
      ++page_.skipped;
    } else {
      page_.files.push_back(file_);
    }
  }

 private:
  void take(std::string_view key, ondemand::value value) {
    switch (key.size()) {
      case 3:
        if (key == "url") file_.url = text(value);
        break;
      case 4:
        if (key == "size") file_.size = number(value);
        break;
      case 6:
        if (key == "hashes")
          take_hashes(value);
        else if (key == "yanked")
          file_.yanked = flag_or_text(value);
        break;
      case 8:
        if (key == "filename") file_.filename = text(value);
        break;
      case 11:
        if (key == "upload-time") file_.upload_time = parse_upload_time(text(value));
        break;
      case 13:
        if (key == "core-metadata") {
          core_metadata_seen_ = true;
          take_metadata(value);
        }
        break;
      case 15:
        if (key == "requires-python") file_.requires_python = text(value);
        break;
      case 18:
        if (key == "dist-info-metadata" && !core_metadata_seen_) take_metadata(value);
        break;
      case 23:
        // PyPI's spelling of before PEP 714.
        if (key == "data-dist-info-metadata" && !core_metadata_seen_) take_metadata(value);
        break;
      default:
        break;
    }
  }

  static std::optional<std::uint64_t> number(ondemand::value value) {
    if (value.type() != ondemand::json_type::number) return std::nullopt;
    std::uint64_t out = 0;
    if (value.get_uint64().get(out) != simdjson::SUCCESS) return std::nullopt;
    return out;
  }

  // `yanked`: a bool, or a string with the reason (an empty one means no).
  static std::optional<std::string_view> flag_or_text(ondemand::value value) {
    const ondemand::json_type type = value.type();
    if (type == ondemand::json_type::boolean)
      return value.get_bool() ? std::optional<std::string_view>("") : std::nullopt;
    if (type != ondemand::json_type::string) return std::nullopt;
    const std::string_view reason = text(value);
    return reason.empty() ? std::nullopt : std::optional(reason);
  }

  void take_hashes(ondemand::value value) {
    if (value.type() != ondemand::json_type::object) return;
    for (auto hash : value.get_object()) {
      const std::string_view algorithm = key_of(hash);
      const std::string_view hex = text(hash.value());
      if (!hex.empty() && page_.hashes.size() - file_.first_hash < kMostHashes)
        page_.hashes.push_back({algorithm, hex});
    }
  }

  void take_metadata(ondemand::value value) {
    file_.has_metadata_file = false;
    file_.metadata_hash = {};
    const ondemand::json_type type = value.type();
    if (type == ondemand::json_type::boolean) {
      file_.has_metadata_file = value.get_bool();
    } else if (type == ondemand::json_type::object) {
      file_.has_metadata_file = true;
      int best = -1;
      for (auto hash : value.get_object()) {
        const std::string_view algorithm = key_of(hash);
        const std::string_view hex = text(hash.value());
        const auto digest = Digest::parse(algorithm, hex);
        if (!digest || digest->strength() <= best) continue;
        best = digest->strength();
        file_.metadata_hash = {algorithm, hex};
      }
    }
  }

  ProjectPage& page_;
  PageFile file_;
  bool core_metadata_seen_ = false;  // it wins over its older spellings, also where it comes later
};

// The body (padded, as simdjson wants it) and the parser, whose buffer holds the unescaped texts.
struct JsonMemory {
  std::string body;
  ondemand::parser parser;
};

void read_meta(ondemand::value value, std::string& api_version) {
  if (value.type() != ondemand::json_type::object) return;
  for (auto field : value.get_object()) {
    if (key_of(field) != "api-version") continue;
    ondemand::value version = field.value();
    api_version = text(version);
  }
}

void read_status(ondemand::value value, ProjectPage& page) {
  if (value.type() == ondemand::json_type::string) {
    page.status = text(value);
    return;
  }
  if (value.type() != ondemand::json_type::object) return;
  for (auto field : value.get_object()) {
    const std::string_view key = key_of(field);
    if (key == "status")
      page.status = text(field.value());
    else if (key == "reason")
      page.status_reason = text(field.value());
  }
}

void read_files(ondemand::value value, ProjectPage& page) {
  if (value.type() != ondemand::json_type::array) return;
  FileReader reader(page);
  for (auto element : value.get_array()) {
    if (page.files.size() + page.skipped > kMostFiles) return;  // it is refused
    ondemand::value file = element.value();
    if (file.type() == ondemand::json_type::object)
      reader.read(file.get_object());
    else
      ++page.skipped;
  }
}

void read_page(ondemand::object object, ProjectPage& page, std::string& api_version) {
  for (auto field : object) {
    const std::string_view key = key_of(field);
    ondemand::value value = field.value();
    if (key == "files") {
      read_files(value, page);
    } else if (key == "meta") {
      read_meta(value, api_version);
    } else if (key == "name") {
      page.name = text(value);
    } else if (key == "project-status") {
      read_status(value, page);
    }
  }
}

tl::unexpected<ParseError> too_many_files() {
  return parse_error("it lists more than " + std::to_string(kMostFiles) + " files");
}

// Bytes that are not UTF-8 become '?': one bad reason for one file must not make the whole page unreadable.
void mend_utf8(std::string& text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0;
    if (length != 0 && i + length <= text.size() && simdjson::validate_utf8(text.data() + i, length)) {
      i += length;
    } else {
      text[i++] = '?';
    }
  }
}

}  // namespace

std::optional<UnixTime> parse_upload_time(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() < kShape.size() + 1 || text.back() != 'Z') return std::nullopt;
  for (std::size_t i = 0; i < kShape.size(); ++i)
    if (kShape[i] == 'd' ? !is_ascii_digit(text[i]) : kShape[i] != text[i]) return std::nullopt;
  const std::string_view fraction = text.substr(kShape.size(), text.size() - kShape.size() - 1);
  if (!fraction.empty() && (fraction.size() < 2 || fraction.front() != '.' ||
                            !std::all_of(fraction.begin() + 1, fraction.end(), is_ascii_digit)))
    return std::nullopt;
  const auto part = [text](std::size_t at, std::size_t length) {
    std::int64_t value = 0;
    for (const char c : text.substr(at, length)) value = value * 10 + (c - '0');
    return value;
  };
  const std::int64_t month = part(5, 2), day = part(8, 2), hour = part(11, 2), minute = part(14, 2),
                     second = part(17, 2);
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
    return std::nullopt;
  return days_from_civil(part(0, 4), month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

Expected<std::optional<std::string>> check_api_version(std::string_view text) {
  const std::string_view version = trim(text);
  if (version.empty()) return std::optional<std::string>();
  const std::size_t dot = version.find('.');
  const auto major = to_number(version.substr(0, dot));
  const auto minor =
      dot == std::string_view::npos ? std::optional<std::uint64_t>(0) : to_number(version.substr(dot + 1));
  if (!major || !minor) return parse_error(quote(text) + " is not a version of the Simple index protocol");
  if (*major != 1)
    return parse_error("it speaks version " + quote(version) +
                       " of the Simple index protocol; moat supports 1.x");
  if (*minor > kKnownMinor) return std::optional<std::string>(version);
  return std::optional<std::string>();
}

std::optional<Url> ProjectPage::resolve(std::string_view reference) const {
  std::string text;
  for (const char c : trim(reference)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    if (c == ' ' || static_cast<unsigned char>(c) >= 0x80)
      text += percent_encode_path(std::string_view(&c, 1));
    else
      text += c;
  }
  auto url = base.join(text);
  return url ? std::optional(std::move(*url)) : std::nullopt;
}

std::optional<Url> ProjectPage::url_of(const PageFile& file) const {
  const std::optional<Url> url = resolve(file.url);
  if (!url) return std::nullopt;
  // A server must not choose files of this machine.
  const bool is_local = url->scheme() == "file" && base.scheme() == "file";
  if (url->scheme() != "https" && url->scheme() != "http" && !is_local) return std::nullopt;
  return url->without_fragment();
}

std::optional<Artifact> ProjectPage::artifact(const PageFile& file) const {
  std::optional<Url> url = url_of(file);
  if (!url) return std::nullopt;
  Artifact out{.filename = std::string(file.filename), .url = std::move(*url)};
  for (const PageHash& hash : hashes_of(file))
    if (auto digest = Digest::parse(hash.algorithm, hash.hex)) out.digests.push_back(std::move(*digest));
  out.size = file.size;
  out.upload_time = file.upload_time;
  if (file.yanked) out.yanked = std::string(*file.yanked);
  out.requires_python = file.requires_python;
  out.has_metadata_file = file.has_metadata_file;
  if (auto digest = Digest::parse(file.metadata_hash.algorithm, file.metadata_hash.hex))
    out.metadata_digest = std::move(*digest);
  return out;
}

Expected<ProjectPage> parse_simple_json(std::string body, const Url& final_url) {
  ProjectPage page(final_url);
  auto memory = std::make_shared<JsonMemory>();
  memory->body = std::move(body);
  memory->body.reserve(memory->body.size() + simdjson::SIMDJSON_PADDING);
  std::string api_version;
  const auto attempt = [&] {
    ondemand::document document = memory->parser.iterate(memory->body);
    if (document.type() != ondemand::json_type::object)
      throw simdjson::simdjson_error(simdjson::INCORRECT_TYPE);
    read_page(document.get_object(), page, api_version);
  };
  try {
    try {
      attempt();
    } catch (const simdjson::simdjson_error& error) {
      if (error.error() != simdjson::UTF8_ERROR) throw;
      mend_utf8(memory->body);
      page = ProjectPage(final_url);
      attempt();
    }
  } catch (const simdjson::simdjson_error& error) {
    return parse_error(error.error() == simdjson::INCORRECT_TYPE
                           ? std::string("the JSON is not a page of a Simple index (not an object)")
                           : std::string("the body is not valid JSON (") +
                                 simdjson::error_message(error.error()) + ")");
  }
  if (page.files.size() + page.skipped > kMostFiles) return too_many_files();
  if (page.files.size() > kManyFiles && memory->body.size() / page.files.size() < kLeastOfEach)
    return parse_error("it lists " + std::to_string(page.files.size()) +
                       " files and says next to nothing of each");
  auto newer = check_api_version(api_version);
  if (!newer) return tl::unexpected(newer.error());
  page.newer_api = std::move(*newer);
  if (page.status == "active") page.status.clear();
  page.memory = std::move(memory);
  return page;
}

Expected<ProjectPage> parse_simple_page(std::string body, std::string_view content_type,
                                        const Url& final_url) {
  const std::string type = ascii_lower(trim(content_type.substr(0, content_type.find(';'))));
  if (type == kJsonType) return parse_simple_json(std::move(body), final_url);
  if (type == kHtmlType || type == "text/html" || type == "application/xhtml+xml") {
    auto page = parse_simple_html(std::move(body), final_url, content_type);
    if (page && page->files.size() > kMostFiles) return too_many_files();
    return page;
  }
  if (type.empty()) return parse_error("the answer has no content type, so moat cannot read it");
  return parse_error("the answer is of type " + quote(type) + ", which is not a page of a Simple index");
}

}  // namespace moat
