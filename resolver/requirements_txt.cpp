#include "resolver/requirements_txt.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace moat {
namespace {

// ---- bytes to text

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&out](std::uint32_t value) {
    out += static_cast<char>(static_cast<unsigned char>(value));
  };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0U | (code >> 6U)), byte(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    byte(0xE0U | (code >> 12U)), byte(0x80U | ((code >> 6U) & 0x3FU)), byte(0x80U | (code & 0x3FU));
  } else {
    byte(0xF0U | (code >> 18U)), byte(0x80U | ((code >> 12U) & 0x3FU)), byte(0x80U | ((code >> 6U) & 0x3FU)),
        byte(0x80U | (code & 0x3FU));
  }
}

enum class ByteOrder { Little, Big };

std::uint32_t unit_at(std::string_view bytes, std::size_t at, std::size_t width, ByteOrder order) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t k = order == ByteOrder::Big ? at + i : at + width - 1 - i;
    value = (value << 8U) | static_cast<unsigned char>(bytes[k]);
  }
  return value;
}

Expected<std::string> from_wide(std::string_view bytes, std::size_t width, ByteOrder order) {
  std::string out;
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    std::uint32_t code = unit_at(bytes, at, width, order);
    if (width == 2 && code >= 0xD800 && code < 0xDC00 && at + 4 <= bytes.size()) {
      const std::uint32_t low = unit_at(bytes, at + 2, 2, order);
      if (low < 0xDC00 || low > 0xDFFF) return parse_error("a lone surrogate in UTF-16", at);
      code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
      at += 2;
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return parse_error("not a character", at);
    append_utf8(out, code);
  }
  if (bytes.size() % width != 0) return parse_error("the last character is cut off", bytes.size());
  return out;
}

// PEP 263: `# -*- coding: latin-1 -*-` in one of the first two lines.
std::string declared_encoding(std::string_view bytes) {
  for (int line = 0; line < 2 && !bytes.empty(); ++line) {
    const std::size_t end = bytes.find('\n');
    const std::string_view text = bytes.substr(0, end);
    const std::size_t coding = text.find("coding");
    if (text.substr(0, 1) == "#" && coding != std::string_view::npos && coding + 6 < text.size() &&
        (text[coding + 6] == ':' || text[coding + 6] == '=')) {
      std::string_view rest = trim(text.substr(coding + 7));
      std::size_t length = 0;
      while (length < rest.size() && (is_ascii_alnum(rest[length]) || rest[length] == '-' ||
                                      rest[length] == '_' || rest[length] == '.'))
        ++length;
      return ascii_lower(rest.substr(0, length));
    }
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
  }
  return "utf-8";
}

// ---- text to logical lines

struct Line {
  std::size_t number;
  std::string text;
};

// Position of the first `#` that begins the line or follows white space, with that white space; npos: none.
std::size_t comment_start(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '#' || (i > 0 && !is_ascii_space(line[i - 1]))) continue;
    while (i > 0 && is_ascii_space(line[i - 1])) --i;
    return i;
  }
  return std::string_view::npos;
}

bool is_comment_line(std::string_view line) { return trim(line).substr(0, 1) == "#"; }

std::vector<Line> join_lines(std::string_view text) {
  std::vector<Line> out;
  std::optional<Line> open;
  std::size_t number = 0;
  for (const std::string_view line : split_lines(text)) {
    ++number;
    const bool comment = is_comment_line(line);
    if (!comment && !line.empty() && line.back() == '\\') {
      if (!open) open = Line{number, ""};
      // pip strips backslashes from both ends of the line.
      const std::size_t first = line.find_first_not_of('\\');
      const std::size_t last = line.find_last_not_of('\\');
      if (first != std::string_view::npos) open->text += line.substr(first, last - first + 1);
      continue;
    }
    // The space keeps a comment line inside a continuation a comment.
    const std::string piece = (comment ? " " : "") + std::string(line);
    if (open) {
      open->text += piece;
      out.push_back(std::move(*open));
      open.reset();
    } else {
      out.push_back({number, piece});
    }
  }
  if (open) out.push_back(std::move(*open));
  return out;
}

std::string expand_variables(std::string text, const RequirementsReader& reader) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = text.compare(at, 2, "${") == 0 ? text.find('}', at) : std::string::npos;
    if (end == std::string::npos) {
      out += text[at++];
      continue;
    }
    const std::string name = text.substr(at + 2, end - at - 2);
    const bool valid = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return is_ascii_upper(c) || is_ascii_digit(c) || c == '_';
    });
    const std::optional<std::string> value = valid && reader.variable ? reader.variable(name) : std::nullopt;
    out += value && !value->empty() ? *value : text.substr(at, end + 1 - at);
    at = end + 1;
  }
  return out;
}

// ---- a line's options

Expected<std::vector<std::string>> shell_split(std::string_view text) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote_mark = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote_mark != 0) {
      if (c == quote_mark)
        quote_mark = 0;
      else if (c == '\\' && quote_mark == '"' && i + 1 < text.size() &&
               (text[i + 1] == '"' || text[i + 1] == '\\'))
        *word += text[++i];
      else
        *word += c;
    } else if (is_ascii_space(c)) {
      if (word) words.push_back(std::move(*word));
      word.reset();
    } else {
      if (!word) word.emplace();
      if (c == '\'' || c == '"')
        quote_mark = c;
      else if (c == '\\' && i + 1 < text.size())
        *word += text[++i];
      else
        *word += c;
    }
  }
  if (quote_mark != 0) return parse_error("a quotation mark is not closed");
  if (word) words.push_back(std::move(*word));
  return words;
}

struct Option {
  std::string name;  // canonical, without dashes
  std::string value;
};

struct KnownOption {
  std::string_view name;  // as typed, without dashes
  std::string_view canonical;
  bool takes_value;
};
constexpr std::array<KnownOption, 24> kLongOptions = {{{"index-url", "index-url", true},
                                                       {"pypi-url", "index-url", true},
                                                       {"extra-index-url", "extra-index-url", true},
                                                       {"no-index", "no-index", false},
                                                       {"constraint", "constraint", true},
                                                       {"requirement", "requirement", true},
                                                       {"editable", "editable", true},
                                                       {"find-links", "find-links", true},
                                                       {"no-binary", "no-binary", true},
                                                       {"only-binary", "only-binary", true},
                                                       {"prefer-binary", "prefer-binary", false},
                                                       {"require-hashes", "require-hashes", false},
                                                       {"no-require-hashes", "no-require-hashes", false},
                                                       {"pre", "pre", false},
                                                       {"all-releases", "all-releases", true},
                                                       {"only-final", "only-final", true},
                                                       {"trusted-host", "trusted-host", true},
                                                       {"use-feature", "use-feature", true},
                                                       {"hash", "hash", true},
                                                       {"config-settings", "config-settings", true},
                                                       {"config-setting", "config-settings", true},
                                                       {"global-option", "global-option", true},
                                                       {"process-dependency-links", "ignored", false},
                                                       {"always-unzip", "ignored", false}}};

std::string_view short_option(char c) {
  switch (c) {
    case 'i':
      return "index-url";
    case 'c':
      return "constraint";
    case 'r':
      return "requirement";
    case 'e':
      return "editable";
    case 'f':
      return "find-links";
    case 'C':
      return "config-settings";
    case 'Z':
      return "always-unzip";
    default:
      return {};
  }
}

// Exactly, or an unambiguous beginning, as optparse takes it.
Expected<const KnownOption*> find_long_option(std::string_view typed) {
  const KnownOption* found = nullptr;
  for (const KnownOption& option : kLongOptions) {
    if (option.name == typed) return &option;
    if (option.name.substr(0, typed.size()) != typed) continue;
    if (found != nullptr && found->canonical != option.canonical)
      return parse_error(
          fmt::format("`--{}` is ambiguous: `--{}` or `--{}`", typed, found->name, option.name));
    found = &option;
  }
  if (found == nullptr)
    return parse_error(fmt::format("`--{}` is not an option of a requirements file", typed));
  return found;
}

Expected<std::vector<Option>> parse_options(std::string_view text) {
  const Expected<std::vector<std::string>> words = shell_split(text);
  if (!words) return tl::unexpected(words.error());
  std::vector<Option> out;
  for (std::size_t i = 0; i < words->size(); ++i) {
    const std::string& word = (*words)[i];
    std::string typed;
    std::optional<std::string> value;
    if (word.compare(0, 2, "--") == 0) {
      const std::size_t equals = word.find('=');
      typed = word.substr(2, equals == std::string::npos ? equals : equals - 2);
      if (equals != std::string::npos) value = word.substr(equals + 1);
    } else if (word.size() >= 2 && word[0] == '-') {
      typed = short_option(word[1]);
      if (typed.empty())
        return parse_error(fmt::format("`-{}` is not an option of a requirements file", word[1]));
      if (word.size() > 2) value = word.substr(2);
    } else {
      return parse_error(quote(word) + " stands after an option");
    }
    const Expected<const KnownOption*> known = find_long_option(typed);
    if (!known) return tl::unexpected(known.error());
    if ((*known)->takes_value && !value) {
      if (++i == words->size()) return parse_error(fmt::format("`{}` needs a value", word));
      value = (*words)[i];
    } else if (!(*known)->takes_value && value) {
      return parse_error(fmt::format("`--{}` takes no value", (*known)->name));
    }
    out.push_back({std::string((*known)->canonical), value.value_or("")});
  }
  return out;
}

Expected<Digest> parse_hash_option(std::string_view value) {
  if (value.find(':') == std::string_view::npos)
    return parse_error("`--hash` is written `--hash=sha256:…`, with a colon");
  const Expected<Digest> digest = Digest::parse(value);
  if (!digest) return digest;
  if (!digest->is_strong())
    return parse_error("`--hash` takes sha256, sha384 or sha512, not " + digest->algorithm);
  return digest;
}

bool is_url(std::string_view text) {
  return text.find("://") != std::string_view::npos || text.substr(0, 5) == "file:";
}

std::string beside(const std::string& including, const std::string& path) {
  if (is_url(path) || (!path.empty() && path.front() == '/')) return path;
  const std::size_t slash = including.rfind('/');
  return slash == std::string::npos ? path : including.substr(0, slash + 1) + path;
}

// ---- files

class FileReader {
 public:
  explicit FileReader(const RequirementsReader& reader) : reader_(reader) {}

  void read(const std::string& path, bool constraint) {
    if (std::find(open_.begin(), open_.end(), path) != open_.end())
      throw Error(ErrorKind::BadInput,
                  fmt::format("{} includes itself: {} -> {}", path, fmt::join(open_, " -> "), path));
    open_.push_back(path);
    const Expected<std::string> text = decode_requirements(reader_.read(path));
    if (!text) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", path, text.error().message));
    for (Line& line : join_lines(*text)) {
      const std::size_t comment = comment_start(line.text);
      const std::string_view kept = trim(std::string_view(line.text).substr(0, comment));
      if (!kept.empty())
        read_line(path, line.number, expand_variables(std::string(kept), reader_), constraint);
    }
    open_.pop_back();
  }

  RequirementsFile take() && { return std::move(file_); }

 private:
  [[noreturn]] static void fail(const std::string& where, const std::string& why) {
    throw Error(ErrorKind::BadInput, where + ": " + why);
  }

  void read_line(const std::string& path, std::size_t number, const std::string& line, bool constraint) {
    const std::string where = fmt::format("{}:{}", path, number);
    // The requirement ends before the first word that begins with '-'; the rest is options.
    std::size_t cut = line.empty() || line.front() != '-' ? line.find(" -") : 0;
    const std::string text(trim(std::string_view(line).substr(0, cut)));
    Expected<std::vector<Option>> options = std::vector<Option>();
    if (cut != std::string::npos) options = parse_options(std::string_view(line).substr(cut));
    if (!options) fail(where, options.error().message);

    if (!text.empty()) {
      add_entry({.text = text, .where = where, .constraint = constraint}, *options);
      return;
    }
    const auto editable =
        std::find_if(options->begin(), options->end(), [](const Option& o) { return o.name == "editable"; });
    if (editable != options->end()) {
      add_entry({.text = editable->value, .where = where, .editable = true, .constraint = constraint},
                *options);
      return;
    }
    for (const Option& option : *options) apply(option, path, where);
  }

  void add_entry(RequirementsEntry entry, const std::vector<Option>& options) {
    for (const Option& option : options) {
      if (option.name == "hash") {
        Expected<Digest> digest = parse_hash_option(option.value);
        if (!digest) fail(entry.where, digest.error().message);
        entry.hashes.push_back(std::move(*digest));
      } else if (option.name == "config-settings") {
        const std::size_t equals = option.value.find('=');
        if (equals == std::string::npos) fail(entry.where, "`--config-settings` is written KEY=VALUE");
        entry.config_settings.emplace_back(option.value.substr(0, equals), option.value.substr(equals + 1));
      }
    }
    file_.entries.push_back(std::move(entry));
  }

  void apply(const Option& option, const std::string& path, const std::string& where) {
    RequirementsOptions& to = file_.options;
    const std::string& name = option.name;
    if (name == "requirement" || name == "constraint") {
      read(beside(path, option.value), name == "constraint");
    } else if (name == "index-url") {
      to.index_url = option.value;
    } else if (name == "extra-index-url") {
      to.extra_index_urls.push_back(option.value);
    } else if (name == "no-index") {
      to.no_index = true;
      to.index_url.reset();
      to.extra_index_urls.clear();
    } else if (name == "find-links") {
      const std::string near = beside(path, option.value);
      to.find_links.push_back(reader_.exists && reader_.exists(near) ? near : option.value);
    } else if (name == "no-binary" || name == "only-binary") {
      to.binary.emplace_back(name, option.value);
    } else if (name == "trusted-host") {
      to.trusted_hosts.push_back(option.value);
    } else if (name == "pre") {
      to.pre = true;
    } else if (name == "prefer-binary") {
      to.prefer_binary = true;
    } else if (name == "all-releases") {
      to.all_releases.push_back(option.value);
    } else if (name == "only-final") {
      to.only_final.push_back(option.value);
    } else if (name == "require-hashes" || name == "no-require-hashes") {
      to.require_hashes = name == "require-hashes";
    } else if (name == "hash" || name == "config-settings") {
      file_.warnings.push_back(
          fmt::format("{}: `--{}` belongs to no requirement and is ignored", where, name));
    }
  }

  const RequirementsReader& reader_;
  RequirementsFile file_;
  std::vector<std::string> open_;  // files being read, outermost first
};

}  // namespace

Expected<std::string> decode_requirements(std::string_view bytes) {
  const auto begins = [&](std::string_view mark) { return bytes.substr(0, mark.size()) == mark; };
  using namespace std::string_view_literals;
  if (begins("\xEF\xBB\xBF"sv)) return std::string(bytes.substr(3));
  if (begins("\xFF\xFE\0\0"sv)) return from_wide(bytes.substr(4), 4, ByteOrder::Little);
  if (begins("\0\0\xFE\xFF"sv)) return from_wide(bytes.substr(4), 4, ByteOrder::Big);
  if (begins("\xFF\xFE"sv)) return from_wide(bytes.substr(2), 2, ByteOrder::Little);
  if (begins("\xFE\xFF"sv)) return from_wide(bytes.substr(2), 2, ByteOrder::Big);

  const std::string encoding = declared_encoding(bytes);
  if (encoding == "utf-8" || encoding == "utf8" || encoding == "ascii" || encoding == "us-ascii")
    return std::string(bytes);
  if (encoding == "latin-1" || encoding == "latin1" || encoding == "iso-8859-1" || encoding == "iso8859-1") {
    std::string out;
    for (const char c : bytes) append_utf8(out, static_cast<unsigned char>(c));
    return out;
  }
  return parse_error("it declares the encoding " + quote(encoding) +
                     ", which is not supported; save it as UTF-8");
}

RequirementsFile read_requirements(const std::string& path, bool constraint,
                                   const RequirementsReader& reader) {
  FileReader files(reader);
  files.read(path, constraint);
  return std::move(files).take();
}

}  // namespace moat
