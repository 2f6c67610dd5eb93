#include "resolver/pep/metadata.h"

#include "resolver/base/text.h"
#include "resolver/pep/lenient.h"
#include "resolver/pep/license.h"

#include <algorithm>

namespace moat {

// ---- the header, as Python's email.feedparser reads it
//
// Lines end in \n, \r\n or \r. A line that begins with a blank continues the field before it, also if there
// is nothing but blanks on it: the header ends at an *empty* line, or at a line that is not a field.

namespace {

class HeaderScanner {
 public:
  explicit HeaderScanner(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
  }

  // Calls on_field(name, lines) for each; `lines` is the value with its continuation lines as written.
  template <class OnField>
  void scan(OnField on_field) {
    std::string_view name;
    std::string_view value;
    const auto flush = [&] {
      if (!name.empty()) on_field(name, value);
      name = {};
    };
    while (!rest_.empty()) {
      const Line line = next_line();
      if (line.text.empty()) {
        rest_.remove_prefix(line.length);
        break;
      }
      if (line.text.front() == ' ' || line.text.front() == '\t') {
        value = {value.data(), static_cast<std::size_t>(line.text.data() + line.text.size() - value.data())};
        rest_.remove_prefix(line.length);
        continue;
      }
      const std::size_t colon = field_name_length(line.text);
      const bool is_envelope = line.text.starts_with("From ");  // of a mailbox; passed over
      if (colon == std::string_view::npos && !is_envelope) break;
      flush();
      if (colon != std::string_view::npos && !is_envelope) {
        name = line.text.substr(0, colon);
        value = line.text.substr(colon + 1);
      }
      rest_.remove_prefix(line.length);
    }
    flush();
  }

  // REQUIRES: scan() is through.
  std::string_view body() const { return rest_; }

 private:
  struct Line {
    std::string_view text;
    std::size_t length;  // with its end
  };

  Line next_line() const {
    const std::size_t end = rest_.find_first_of("\r\n");
    if (end == std::string_view::npos) return {rest_, rest_.size()};
    const bool crlf = rest_[end] == '\r' && end + 1 < rest_.size() && rest_[end + 1] == '\n';
    return {rest_.substr(0, end), end + (crlf ? 2 : 1)};
  }

  // Where the ':' is behind visible ASCII characters; npos if the line is not a field.
  static std::size_t field_name_length(std::string_view line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == ':') return i;
      if (line[i] <= ' ' || line[i] >= '\x7f') break;
    }
    return std::string_view::npos;
  }

  std::string_view rest_;
};

// Continuation lines without their prefix: blanks, or the `        |` of old descriptions.
std::string unfold(std::string_view value) {
  if (value.find_first_of("\r\n") == std::string_view::npos) return std::string(trim(value));
  std::string out;
  for (std::string_view line : split_lines(value)) {
    if (line.data() != value.data()) {
      out += '\n';
      const std::size_t text = line.find_first_not_of(" \t");
      line = text == std::string_view::npos ? std::string_view() : line.substr(text);
      if (line.starts_with('|')) line.remove_prefix(1);
    }
    out += line;
  }
  return std::string(trim(out));
}

}  // namespace

MetadataFields parse_metadata_fields(std::string_view text) {
  MetadataFields fields;
  HeaderScanner scanner(text);
  scanner.scan([&](std::string_view name, std::string_view value) {
    fields.headers.emplace_back(std::string(name), unfold(value));
  });
  fields.body = std::string(scanner.body());
  return fields;
}

std::optional<std::string_view> MetadataFields::find(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [name](const auto& header) { return iequals_ascii(header.first, name); });
  return found == headers.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

std::vector<std::string_view> MetadataFields::find_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [field, value] : headers)
    if (iequals_ascii(field, name)) values.push_back(value);
  return values;
}

// ---- core metadata

namespace {

// Old files use Windows or other encodings: bytes that are not UTF-8 are read as Latin-1, so the result
// always is UTF-8.
std::string to_utf8(std::string text) {
  if (is_utf8(text)) return text;
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | (byte >> 6));
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return out;
}

// A value that belongs on one line.
std::string one_line(std::string_view value) {
  std::string out = to_utf8(unfold(value));
  std::replace(out.begin(), out.end(), '\n', ' ');
  return out;
}

class CoreMetadataReader {
 public:
  Expected<CoreMetadata> read(std::string_view text) {
    HeaderScanner(text).scan([this](std::string_view name, std::string_view value) { take(name, value); });
    return finish();
  }

 private:
  using Single = std::optional<std::string>;

  struct SingleField {
    std::string_view name;
    Single CoreMetadataReader::*value;
  };

  void take(std::string_view name, std::string_view value) {
    static constexpr SingleField kSingles[] = {
        {"metadata-version", &CoreMetadataReader::metadata_version_},
        {"name", &CoreMetadataReader::name_},
        {"version", &CoreMetadataReader::version_},
        {"requires-python", &CoreMetadataReader::requires_python_},
        {"summary", &CoreMetadataReader::summary_},
        {"license", &CoreMetadataReader::license_},
        {"license-expression", &CoreMetadataReader::license_expression_},
        {"home-page", &CoreMetadataReader::home_page_},
        {"author", &CoreMetadataReader::author_},
    };
    const std::string field = ascii_lower(name);
    for (const SingleField& single : kSingles)
      if (field == single.name) return take_single(field, this->*single.value, value);
    if (field == "requires-dist") requires_dist_.push_back(one_line(value));
    if (field == "provides-extra") take_extra(one_line(value));
    if (field == "dynamic") out_.dynamic.push_back(ascii_lower(one_line(value)));
    if (field == "import-name") take_import_name(out_.import_names, one_line(value));
    if (field == "import-namespace") take_import_name(import_namespaces_, one_line(value));
    if (field == "project-url") out_.project_urls.push_back(one_line(value));
  }

  void take_single(const std::string& field, Single& place, std::string_view value) {
    if (place)
      problem(quote(field) + " stands there more than once; the first one counts");
    else
      place = field == "license" ? to_utf8(unfold(value)) : one_line(value);
  }

  void take_extra(const std::string& value) {
    auto extra = ExtraName::parse(value);
    if (!extra) return problem(quote(value) + " is not the name of an extra");
    const auto same = std::find(out_.provides_extra.begin(), out_.provides_extra.end(), *extra);
    if (same == out_.provides_extra.end())
      out_.provides_extra.push_back(std::move(*extra));
    else if (same->display() != extra->display())
      problem("the extras " + quote(same->display()) + " and " + quote(extra->display()) + " are one name");
  }

  // "foo.bar; private"; nothing at all says that there is nothing to import.
  static void take_import_name(std::vector<std::string>& names, const std::string& value) {
    const std::string_view name = trim(std::string_view(value).substr(0, value.find(';')));
    if (!name.empty()) names.emplace_back(name);
  }

  void problem(std::string text) { out_.problems.push_back(std::move(text)); }

  Expected<CoreMetadata> finish() {
    if (!metadata_version_ || !name_ || !version_)
      return parse_error(!metadata_version_ ? "there is no Metadata-Version"
                         : !name_           ? "there is no Name"
                                            : "there is no Version");
    if (auto error = check_metadata_version()) return tl::unexpected(std::move(*error));
    auto name = PackageName::parse(*name_);
    if (!name) return parse_error("Name " + quote(*name_) + ": " + name.error().message);
    auto version = Version::parse(*version_);
    if (!version) return parse_error("Version " + quote(*version_) + ": " + version.error().message);
    if (auto error = read_requires_dist()) return tl::unexpected(std::move(*error));
    read_requires_python();
    read_texts();
    check_import_names();
    return CoreMetadata{*metadata_version_,
                        std::move(*name),
                        std::move(*version),
                        *version_,
                        std::move(requires_python_set_),
                        std::move(out_.requires_dist),
                        std::move(out_.provides_extra),
                        std::move(out_.dynamic),
                        std::move(out_.import_names),
                        std::move(out_.summary),
                        std::move(out_.license),
                        std::move(out_.license_expression),
                        std::move(out_.home_page),
                        std::move(out_.author),
                        std::move(out_.project_urls),
                        std::move(out_.problems)};
  }

  std::optional<ParseError> check_metadata_version() {
    const auto version = Version::parse(*metadata_version_);
    const Version newest = Version::of({2, 6});
    if (!version) return ParseError{"Metadata-Version " + quote(*metadata_version_) + " is not a version", 0};
    if (*version >= Version::of({3}) || *version < Version::of({1}))
      return ParseError{"Metadata-Version " + quote(*metadata_version_) + " is not known; 1.0 to 2.6 are", 0};
    if (*version > newest) problem("Metadata-Version " + *metadata_version_ + " is newer than 2.6");
    return std::nullopt;
  }

  std::optional<ParseError> read_requires_dist() {
    for (const std::string& text : requires_dist_) {
      auto requirement = Requirement::parse_lenient(text);
      if (!requirement)
        return ParseError{"Requires-Dist " + quote(text) + ": " + requirement.error().message, 0};
      if (requirement->mended) problem("Requires-Dist " + quote(text) + ": " + *requirement->mended);
      out_.requires_dist.push_back(std::move(requirement->requirement));
    }
    return std::nullopt;
  }

  void read_requires_python() {
    if (!requires_python_) return;
    auto specifiers = parse_specifiers_lenient(*requires_python_);
    if (!specifiers)
      return problem("Requires-Python " + quote(*requires_python_) +
                     " is not used: " + specifiers.error().message);
    if (specifiers->mended)
      problem("Requires-Python " + quote(*requires_python_) + ": " + *specifiers->mended);
    requires_python_set_ = std::move(specifiers->specifier);
  }

  void read_texts() {
    const auto text = [](Single& value) {
      return value && *value != "UNKNOWN" ? std::move(*value) : std::string();
    };
    out_.summary = text(summary_);
    out_.license = text(license_);
    out_.license_expression = text(license_expression_);
    out_.home_page = text(home_page_);
    out_.author = text(author_);
    if (!out_.license_expression.empty()) read_license_expression();
    if (!out_.license_expression.empty() && !out_.license.empty()) {
      problem("License is not used beside License-Expression");
      out_.license.clear();
    }
  }

  void read_license_expression() {
    if (auto normal = normalize_license_expression(out_.license_expression))
      out_.license_expression = std::move(*normal);
    else
      problem("License-Expression " + quote(out_.license_expression) + ": " + normal.error().message);
  }

  void check_import_names() {
    for (const std::string& name : out_.import_names)
      if (std::find(import_namespaces_.begin(), import_namespaces_.end(), name) != import_namespaces_.end())
        problem(quote(name) + " is both an Import-Name and an Import-Namespace");
  }

  // A CoreMetadata with the mandatory fields still missing.
  struct Parts {
    std::vector<Requirement> requires_dist;
    std::vector<ExtraName> provides_extra;
    std::vector<std::string> dynamic, import_names;
    std::string summary, license, license_expression, home_page, author;
    std::vector<std::string> project_urls, problems;
  };

  Single metadata_version_, name_, version_, requires_python_;
  Single summary_, license_, license_expression_, home_page_, author_;
  std::vector<std::string> requires_dist_;
  std::vector<std::string> import_namespaces_;
  std::optional<SpecifierSet> requires_python_set_;
  Parts out_;
};

}  // namespace

Expected<CoreMetadata> CoreMetadata::parse(std::string_view text) { return CoreMetadataReader().read(text); }

bool CoreMetadata::dependencies_are_static() const {
  const auto format = Version::parse(metadata_version);
  return format && *format >= Version::of({2, 2}) &&
         std::find(dynamic.begin(), dynamic.end(), "requires-dist") == dynamic.end();
}

}  // namespace moat
