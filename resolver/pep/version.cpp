#include "resolver/pep/version.h"

#include "resolver/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace moat {

// ---- VersionNumber

VersionNumber VersionNumber::from_digits(std::string_view digits) {
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  VersionNumber number;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number.value_);
  if (error != std::errc()) {
    number.value_ = 0;
    number.digits_ = std::string(digits);
  }
  return number;
}

std::optional<std::uint64_t> VersionNumber::as_uint64() const {
  if (!digits_.empty()) return std::nullopt;
  return value_;
}

std::string VersionNumber::to_string() const { return digits_.empty() ? std::to_string(value_) : digits_; }

VersionNumber VersionNumber::next() const {
  if (digits_.empty() && value_ < std::numeric_limits<std::uint64_t>::max()) return VersionNumber(value_ + 1);
  std::string digits = to_string();
  std::size_t i = digits.size();
  while (i > 0 && digits[i - 1] == '9') digits[--i] = '0';
  if (i > 0)
    ++digits[i - 1];
  else
    digits.insert(digits.begin(), '1');
  return from_digits(digits);
}

std::strong_ordering operator<=>(const VersionNumber& a, const VersionNumber& b) {
  if (a.digits_.empty() && b.digits_.empty()) return a.value_ <=> b.value_;
  if (a.digits_.size() != b.digits_.size()) return a.digits_.size() <=> b.digits_.size();
  return a.digits_ <=> b.digits_;
}

// ---- parsing

// One pass over the text. Wherever PEP 440's regular expression has a choice, the first that fits is the only
// one that can: a separator behind a word belongs to that word, and no two words share a beginning that
// matters.
class VersionParser {
 public:
  explicit VersionParser(std::string_view text) : text_(text) {}

  Expected<Version> parse() {
    while (at_ < text_.size() && is_ascii_space(text_[at_])) ++at_;
    std::size_t end = text_.size();
    while (end > at_ && is_ascii_space(text_[end - 1])) --end;
    text_ = text_.substr(0, end);
    if (at_ == text_.size()) return parse_error("a version is missing", at_);

    if (ascii_lower(peek()) == 'v') ++at_;
    if (!is_ascii_digit(peek())) return parse_error("a version begins with a number", at_);
    Version version;
    read_release(version);
    read_pre(version);
    read_post(version);
    version.dev_ = read_dev();
    if (peek() == '+' && !read_local(version))
      return parse_error("a local version is letters and digits, joined by `.`, `-` or `_`", at_);
    if (at_ != text_.size())
      return parse_error("unexpected " + quote(text_.substr(at_)) + " in a version", at_);
    return version;
  }

 private:
  static bool is_separator(char c) { return c == '-' || c == '_' || c == '.'; }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  VersionNumber read_number() {
    const std::size_t begin = at_;
    while (is_ascii_digit(peek())) ++at_;
    return VersionNumber::from_digits(text_.substr(begin, at_ - begin));
  }

  void read_release(Version& version) {
    VersionNumber first = read_number();
    if (peek() == '!' && is_ascii_digit(peek(1))) {
      ++at_;
      version.epoch_ = std::move(first);
      first = read_number();
    }
    version.release_.reserve(4);
    version.release_.push_back(std::move(first));
    while (peek() == '.' && is_ascii_digit(peek(1))) {
      ++at_;
      version.release_.push_back(read_number());
    }
  }

  bool starts_with(std::size_t from, std::string_view word) const {
    if (text_.size() - from < word.size()) return false;
    for (std::size_t i = 0; i < word.size(); ++i)
      if (ascii_lower(text_[from + i]) != word[i]) return false;
    return true;
  }

  // [-_.]? WORD; moves behind it. `words` from longest to shortest where one begins another.
  template <std::size_t N>
  std::optional<std::size_t> read_word(const std::array<std::string_view, N>& words) {
    const std::size_t from = at_ + (is_separator(peek()) ? 1 : 0);
    for (std::size_t i = 0; i < N; ++i) {
      if (!starts_with(from, words[i])) continue;
      at_ = from + words[i].size();
      return i;
    }
    return std::nullopt;
  }

  // [-_.]? N?
  VersionNumber read_word_number() {
    if (is_separator(peek())) ++at_;
    return is_ascii_digit(peek()) ? read_number() : VersionNumber();
  }

  void read_pre(Version& version) {
    static constexpr std::array<std::string_view, 8> kWords = {"alpha",   "a",   "beta", "b",
                                                               "preview", "pre", "rc",   "c"};
    const std::optional<std::size_t> word = read_word(kWords);
    if (!word) return;
    const PreKind kind = *word < 2 ? PreKind::Alpha : *word < 4 ? PreKind::Beta : PreKind::Rc;
    version.pre_ = PreRelease{kind, read_word_number()};
  }

  void read_post(Version& version) {
    if (peek() == '-' && is_ascii_digit(peek(1))) {
      ++at_;
      version.post_ = read_number();
      return;
    }
    static constexpr std::array<std::string_view, 3> kWords = {"post", "rev", "r"};
    if (read_word(kWords)) version.post_ = read_word_number();
  }

  std::optional<VersionNumber> read_dev() {
    static constexpr std::array<std::string_view, 1> kWords = {"dev"};
    if (!read_word(kWords)) return std::nullopt;
    return read_word_number();
  }

  bool read_local(Version& version) {
    do {
      ++at_;
      const std::size_t begin = at_;
      while (is_ascii_alnum(peek())) ++at_;
      if (at_ == begin) return false;
      const std::string_view segment = text_.substr(begin, at_ - begin);
      if (std::all_of(segment.begin(), segment.end(), is_ascii_digit))
        version.local_.emplace_back(VersionNumber::from_digits(segment));
      else
        version.local_.emplace_back(ascii_lower(segment));
    } while (is_separator(peek()));
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Expected<Version> Version::parse(std::string_view text) { return VersionParser(text).parse(); }

Version Version::of(std::vector<VersionNumber> release) {
  Version version;
  version.release_ = std::move(release);
  return version;
}

// ---- relatives

Version Version::without_local() const {
  Version version = *this;
  version.local_.clear();
  return version;
}

Version Version::base() const {
  Version version;
  version.epoch_ = epoch_;
  version.release_ = release_;
  return version;
}

Version Version::first_dev() const {
  Version version = without_local();
  version.dev_ = VersionNumber();
  return version;
}

Version Version::after_prefix(std::size_t components) const {
  Version version = base();
  version.release_.resize(components);
  version.release_.back() = version.release_.back().next();
  version.dev_ = VersionNumber();
  return version;
}

Version Version::successor() const {
  Version version = without_local();
  if (dev_) {
    version.dev_ = dev_->next();
  } else {
    version.post_ = post_->next();
    version.dev_ = VersionNumber();
  }
  return version;
}

// ---- order

namespace {

const VersionNumber kZero;

const VersionNumber& component(const std::vector<VersionNumber>& release, std::size_t i) {
  return i < release.size() ? release[i] : kZero;
}

// A lone .devN comes before every pre-release, no pre-release behind all of them.
int pre_rank(const Version& version) {
  if (version.pre()) return 1;
  return version.dev() && !version.post() ? 0 : 2;
}

std::strong_ordering compare_segments(const LocalSegment& a, const LocalSegment& b) {
  const auto* number_a = std::get_if<VersionNumber>(&a);
  const auto* number_b = std::get_if<VersionNumber>(&b);
  if (number_a && number_b) return *number_a <=> *number_b;
  if (number_a || number_b) return number_a ? std::strong_ordering::greater : std::strong_ordering::less;
  return std::get<std::string>(a) <=> std::get<std::string>(b);
}

std::strong_ordering compare_locals(const std::vector<LocalSegment>& a, const std::vector<LocalSegment>& b) {
  return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end(), compare_segments);
}

}  // namespace

std::strong_ordering Version::compare_base(const Version& other) const {
  if (const auto order = epoch_ <=> other.epoch_; std::is_neq(order)) return order;
  const std::size_t length = std::max(release_.size(), other.release_.size());
  for (std::size_t i = 0; i < length; ++i) {
    const auto order = component(release_, i) <=> component(other.release_, i);
    if (std::is_neq(order)) return order;
  }
  return std::strong_ordering::equal;
}

bool Version::has_prefix(const Version& other, std::size_t components) const {
  if (epoch_ != other.epoch_) return false;
  for (std::size_t i = 0; i < components; ++i)
    if (component(release_, i) != component(other.release_, i)) return false;
  return true;
}

std::strong_ordering Version::compare_public(const Version& other) const {
  if (const auto order = compare_base(other); std::is_neq(order)) return order;
  if (const auto order = pre_rank(*this) <=> pre_rank(other); std::is_neq(order)) return order;
  if (const auto order = pre_ <=> other.pre_; std::is_neq(order)) return order;
  if (const auto order = post_ <=> other.post_; std::is_neq(order)) return order;
  if (dev_.has_value() != other.dev_.has_value())
    return dev_ ? std::strong_ordering::less : std::strong_ordering::greater;
  return dev_ <=> other.dev_;
}

std::strong_ordering operator<=>(const Version& a, const Version& b) {
  if (const auto order = a.compare_public(b); std::is_neq(order)) return order;
  return compare_locals(a.local_, b.local_);
}

// ---- text

namespace {

std::string text_of(const Version& version, std::size_t release_length) {
  static constexpr std::array<std::string_view, 3> kPreNames = {"a", "b", "rc"};
  std::string out;
  if (!version.epoch().is_zero()) out += version.epoch().to_string() + "!";
  for (std::size_t i = 0; i < release_length; ++i) {
    if (i > 0) out += '.';
    out += version.release()[i].to_string();
  }
  if (version.pre()) {
    out += kPreNames[static_cast<std::size_t>(version.pre()->kind)];
    out += version.pre()->number.to_string();
  }
  if (version.post()) out += ".post" + version.post()->to_string();
  if (version.dev()) out += ".dev" + version.dev()->to_string();
  if (version.has_local()) out += "+" + version.local_to_string();
  return out;
}

}  // namespace

std::string Version::to_string() const { return text_of(*this, release_.size()); }

std::string Version::local_to_string() const {
  std::string out;
  for (const LocalSegment& segment : local_) {
    if (!out.empty()) out += '.';
    const auto* number = std::get_if<VersionNumber>(&segment);
    out += number ? number->to_string() : std::get<std::string>(segment);
  }
  return out;
}

std::string Version::canonical_key() const {
  std::size_t length = release_.size();
  while (length > 1 && release_[length - 1].is_zero()) --length;
  return text_of(*this, length);
}

}  // namespace moat
