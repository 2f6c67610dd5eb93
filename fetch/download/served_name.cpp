#include "fetch/download/served_name.h"

#include "resolver/base/text.h"
#include "resolver/base/url.h"
#include "resolver/pep/dist_filename.h"

#include <fstream>
#include <utility>

namespace moat {
namespace {

bool says_what_it_is(std::string_view filename) {
  return is_plain_filename(filename) &&
         (ascii_lower(filename).ends_with(".whl") || archive_kind(filename).has_value());
}

// `"a \"b\""; more` → `a "b"`; a token ends at a semicolon. Removes the text it read from `rest`.
std::string take_value(std::string_view& rest) {
  std::string out;
  if (!rest.starts_with('"')) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    out = trim(rest.substr(0, end));
    rest.remove_prefix(end);
    return out;
  }
  std::size_t at = 1;
  for (; at < rest.size() && rest[at] != '"'; ++at) {
    if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
    out += rest[at];
  }
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return out;
}

}  // namespace

std::string disposition_filename(std::string_view header) {
  std::string plain, extended;
  std::string_view rest = header.substr(std::min(header.find(';'), header.size()));
  while (!rest.empty()) {
    rest = trim(rest.substr(1));
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) break;
    const std::string key = ascii_lower(trim(rest.substr(0, equals)));
    rest = trim(rest.substr(equals + 1));
    const std::string value = take_value(rest);
    if (key == "filename") plain = value;
    // UTF-8'en'name: the charset and a language, then the name with %XX.
    if (const std::size_t name = value.rfind('\''); key == "filename*" && name != std::string::npos)
      extended = percent_decode(value.substr(name + 1));
    rest = rest.substr(std::min(rest.find(';'), rest.size()));
  }
  std::string out = extended.empty() ? plain : extended;
  return is_plain_filename(out) && out.find('\\') == std::string::npos ? out : "";
}

std::string served_name(const HttpResponse& response) {
  if (const std::string* header = response.header("content-disposition"))
    if (std::string name = disposition_filename(*header); says_what_it_is(name)) return name;
  std::string name = response.final_url.last_segment();
  return says_what_it_is(name) ? name : "";
}

std::string name_by_content(const std::filesystem::path& file) {
  std::string head(262, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  constexpr std::pair<std::string_view, const char*> kBegins[] = {{"\x1F\x8B", "archive.tar.gz"},
                                                                  {"PK\x03\x04", "archive.zip"},
                                                                  {"BZh", "archive.tar.bz2"},
                                                                  {"\xFD"
                                                                   "7zXZ",
                                                                   "archive.tar.xz"}};
  for (const auto& [begin, name] : kBegins)
    if (head.starts_with(begin)) return name;
  return std::string_view(head).substr(257, 5) == "ustar" ? "archive.tar" : "";
}

}  // namespace moat
