#include "fetch/index/charset.h"

#include "resolver/base/text.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

namespace moat {
namespace {

constexpr std::size_t kLookedThrough = 1024;  // as the HTML standard has it
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool is_utf8_name(std::string_view name) {
  return iequals_ascii(name, "utf-8") || iequals_ascii(name, "utf8");
}

// On the web these names have always meant this charset.
bool is_windows_1252(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {"iso-8859-1", "iso8859-1", "latin1",       "latin-1",
                                                      "l1",         "ascii",     "windows-1252", "us-ascii"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view known) { return iequals_ascii(known, name); });
}

bool is_name_character(char c) {
  return is_ascii_alnum(c) || c == '-' || c == '_' || c == '.' || c == ':' || c == '+';
}

// `charset=latin1`, `Charset = "utf-8"`: anywhere in the text.
std::string charset_in(std::string_view text) {
  constexpr std::string_view kKey = "charset";
  const std::string lower = ascii_lower(text);
  for (std::size_t at = lower.find(kKey); at != std::string::npos; at = lower.find(kKey, at)) {
    at += kKey.size();
    std::string_view rest = trim(std::string_view(lower).substr(at));
    if (rest.empty() || rest.front() != '=') continue;
    rest = trim(rest.substr(1));
    if (!rest.empty() && (rest.front() == '"' || rest.front() == '\'')) rest = trim(rest.substr(1));
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_name_character);
    if (end != rest.begin()) return std::string(rest.begin(), end);
  }
  return "";
}

std::string charset_of_meta(std::string_view body) {
  const std::string head = ascii_lower(body.substr(0, kLookedThrough));
  for (std::size_t at = 0; (at = head.find('<', at)) != std::string::npos;) {
    const std::string_view rest = std::string_view(head).substr(at);
    if (rest.starts_with("<!--")) {
      at = head.find("-->", at);
      if (at == std::string::npos) break;
      continue;
    }
    const std::size_t end = std::min(rest.find('>'), rest.size());
    if (rest.starts_with("<meta") && rest.size() > 5 && (is_ascii_space(rest[5]) || rest[5] == '/')) {
      std::string charset = charset_in(rest.substr(0, end));
      // A page whose ASCII bytes name a charset cannot be UTF-16.
      if (charset.starts_with("utf-16") || charset.starts_with("utf-32")) charset = "utf-8";
      if (!charset.empty()) return charset;
    }
    at += end;
  }
  return "";
}

class Converter {
 public:
  explicit Converter(const std::string& from) : handle_(::iconv_open("UTF-8", from.c_str())) {}
  ~Converter() {
    if (works()) ::iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  // iconv_open's way of saying no.
  bool works() const { return handle_ != reinterpret_cast<iconv_t>(-1); }  // NOLINT

  std::string convert(std::string& text) const {
    std::string out;
    std::array<char, 16384> piece{};
    char* in = text.data();
    std::size_t left = text.size();
    while (left > 0) {
      char* at = piece.data();
      std::size_t room = piece.size();
      const std::size_t result = ::iconv(handle_, &in, &left, &at, &room);
      const int problem = errno;
      out.append(piece.data(), piece.size() - room);
      if (result != static_cast<std::size_t>(-1) || problem == E2BIG) continue;
      out += kReplacement;
      ++in, --left;
    }
    return out;
  }

 private:
  iconv_t handle_;
};

}  // namespace

std::string charset_of_html(std::string_view body, std::string_view content_type) {
  if (body.starts_with("\xEF\xBB\xBF")) return "utf-8";
  if (body.starts_with("\xFF\xFE") || body.starts_with("\xFE\xFF")) return "utf-16";
  const std::size_t parameters = std::min(content_type.find(';'), content_type.size());
  std::string charset = charset_in(content_type.substr(parameters));
  return charset.empty() ? charset_of_meta(body) : charset;
}

bool decode_text(std::string& text, std::string_view charset) {
  if (charset.empty() || is_utf8_name(charset)) return true;
  // "" and "//TRANSLIT" mean something to iconv.
  if (!std::all_of(charset.begin(), charset.end(), is_name_character)) return false;
  const Converter converter(is_windows_1252(charset) ? "WINDOWS-1252" : std::string(charset));
  if (!converter.works()) return false;
  text = converter.convert(text);
  return true;
}

}  // namespace moat
