#include "resolver/base/url.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace moat {
namespace {

int hex_value(char c) {
  if (is_ascii_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The scheme's length, or npos where the text does not begin with one.
std::size_t scheme_length(std::string_view text) {
  if (text.empty() || !is_ascii_alpha(text.front())) return std::string_view::npos;
  std::size_t i = 1;
  while (i < text.size() && (is_ascii_alnum(text[i]) || text[i] == '+' || text[i] == '-' || text[i] == '.'))
    ++i;
  return i < text.size() && text[i] == ':' ? i : std::string_view::npos;
}

// Offset of the first eight bytes that hold a byte up to 0x20, or 0x7f; else of the remainder shorter than
// eight. Every URL of every index page is checked here.
std::size_t skip_good_characters(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U, kHighs = 0x80U * kOnes;
  const auto holds_below = [](std::uint64_t bytes, std::uint64_t limit) {
    return ((bytes - limit * kOnes) & ~bytes & kHighs) != 0;
  };
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, 8);
    if (holds_below(bytes, 0x21) || holds_below(bytes ^ (0x7fU * kOnes), 1)) break;
  }
  return at;
}

// Offset of the first space or control character; the size of the text if it has none.
std::size_t find_bad_character(std::string_view text) {
  const auto begin = text.begin() + static_cast<std::ptrdiff_t>(skip_good_characters(text));
  const auto bad = std::find_if(begin, text.end(),
                                [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
  return static_cast<std::size_t>(bad - text.begin());
}

// RFC 3986 section 5.2.4.
std::string remove_dot_segments(std::string_view path) {
  std::vector<std::string_view> kept;
  const bool absolute = !path.empty() && path.front() == '/';
  const std::vector<std::string_view> parts = split(absolute ? path.substr(1) : path, '/');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    if (parts[i] == "." || parts[i] == "..") {
      if (parts[i] == ".." && !kept.empty()) kept.pop_back();
      if (last) kept.emplace_back();
    } else {
      kept.push_back(parts[i]);
    }
  }
  return (absolute ? "/" : "") + fmt::format("{}", fmt::join(kept, "/"));
}

}  // namespace

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string percent_encode_path(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (is_ascii_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == '/')
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return out;
}

Expected<Url> Url::parse(std::string_view text) {
  if (const std::size_t bad = find_bad_character(text); bad != text.size())
    return parse_error("a URL may not hold spaces or control characters", bad);
  const std::size_t scheme_end = scheme_length(text);
  if (scheme_end == std::string_view::npos) return parse_error("a URL begins with a scheme such as https:");

  Url url;
  url.scheme_ = ascii_lower(text.substr(0, scheme_end));
  std::string_view rest = text.substr(scheme_end + 1);
  if (const std::size_t hash = rest.find('#'); hash != std::string_view::npos) {
    url.fragment_ = rest.substr(hash + 1);
    rest = rest.substr(0, hash);
  }
  if (const std::size_t question = rest.find('?'); question != std::string_view::npos) {
    url.query_ = rest.substr(question + 1);
    rest = rest.substr(0, question);
  }
  if (rest.substr(0, 2) == "//") {
    url.has_authority_ = true;
    rest.remove_prefix(2);
    const std::size_t slash = rest.find('/');
    std::string_view authority = rest.substr(0, slash);
    url.path_ = slash == std::string_view::npos ? "" : rest.substr(slash);
    // The last @ ends the user information: passwords with a raw @ are common.
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
      url.userinfo_ = authority.substr(0, at);
      authority.remove_prefix(at + 1);
    }
    const std::size_t bracket = authority.rfind(']');
    const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
    url.host_ = ascii_lower(authority.substr(0, colon));
    if (colon != std::string_view::npos) url.port_ = authority.substr(colon + 1);
    if (!std::all_of(url.port_.begin(), url.port_.end(), is_ascii_digit))
      return parse_error("the port is not a number");
    if (url.scheme_ == "file" && url.host_ == "localhost") url.host_.clear();
    if (url.host_.empty() && url.scheme_ != "file") return parse_error("a URL of this scheme needs a host");
  } else {
    url.path_ = rest;
  }
  return url;
}

Url Url::from_path(std::string_view absolute_path) {
  Url url;
  url.scheme_ = "file";
  url.has_authority_ = true;
  url.path_ = percent_encode_path(absolute_path);
  return url;
}

Expected<Url> Url::join(std::string_view reference) const {
  if (const std::size_t bad = find_bad_character(reference); bad != reference.size())
    return parse_error("a reference may not hold spaces or control characters", bad);
  if (scheme_length(reference) != std::string_view::npos) return parse(reference);
  if (reference.substr(0, 2) == "//") return parse(scheme_ + ":" + std::string(reference));

  Url url = *this;
  url.fragment_.clear();
  if (const std::size_t hash = reference.find('#'); hash != std::string_view::npos) {
    url.fragment_ = reference.substr(hash + 1);
    reference = reference.substr(0, hash);
  }
  std::string_view query;
  bool has_query = false;
  if (const std::size_t question = reference.find('?'); question != std::string_view::npos) {
    query = reference.substr(question + 1);
    has_query = true;
    reference = reference.substr(0, question);
  }
  if (reference.empty()) {
    if (has_query) url.query_ = query;
    return url;
  }
  url.query_ = query;
  if (reference.front() == '/')
    url.path_ = remove_dot_segments(reference);
  else
    url.path_ = remove_dot_segments(path_.substr(0, path_.rfind('/') + 1) + std::string(reference));
  if (url.has_authority_ && !url.path_.empty() && url.path_.front() != '/') url.path_.insert(0, "/");
  return url;
}

Url Url::without_fragment() const {
  Url url = *this;
  url.fragment_.clear();
  return url;
}

Url Url::without_credentials() const { return with_userinfo(""); }

Url Url::with_userinfo(std::string_view userinfo) const {
  Url url = *this;
  url.userinfo_ = userinfo;
  return url;
}

std::string Url::origin() const { return scheme_ + "://" + host_ + (port_.empty() ? "" : ":" + port_); }

std::string Url::last_segment() const {
  return percent_decode(std::string_view(path_).substr(path_.rfind('/') + 1));
}

std::string Url::file_path() const { return percent_decode(path_); }

std::string Url::to_string() const {
  std::string out = scheme_ + ":";
  if (has_authority_) {
    out += "//";
    if (!userinfo_.empty()) out += userinfo_ + "@";
    out += host_;
    if (!port_.empty()) out += ":" + port_;
  }
  out += path_;
  if (!query_.empty()) out += "?" + query_;
  if (!fragment_.empty()) out += "#" + fragment_;
  return out;
}

std::string Url::display() const {
  return userinfo_.empty() ? to_string() : with_userinfo("****").to_string();
}

}  // namespace moat
