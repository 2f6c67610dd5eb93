#include "resolver/pep/specifier.h"

#include "resolver/base/text.h"

#include <algorithm>
#include <array>

namespace moat {
namespace {

struct OperatorText {
  Operator op;
  std::string_view text;
};

// In the order in which they must be tried.
constexpr std::array<OperatorText, 8> kOperators = {{{Operator::ArbitraryEqual, "==="},
                                                     {Operator::Compatible, "~="},
                                                     {Operator::Equal, "=="},
                                                     {Operator::NotEqual, "!="},
                                                     {Operator::LessEqual, "<="},
                                                     {Operator::GreaterEqual, ">="},
                                                     {Operator::Less, "<"},
                                                     {Operator::Greater, ">"}}};

}  // namespace

std::string_view to_string(Operator op) {
  return std::find_if(kOperators.begin(), kOperators.end(),
                      [op](const OperatorText& o) { return o.op == op; })
      ->text;
}

// ---- one clause

class SpecifierParser {
 public:
  explicit SpecifierParser(std::string_view text) : text_(text) {}

  Expected<Specifier> parse() {
    at_ = skip_space(0);
    const auto* found = std::find_if(kOperators.begin(), kOperators.end(), [this](const OperatorText& o) {
      return text_.substr(at_).starts_with(o.text);
    });
    if (found == kOperators.end())
      return parse_error("a clause begins with one of `~=`, `==`, `!=`, `<=`, `>=`, `<`, `>`, `===`", at_);
    specifier_.op_ = found->op;
    at_ = skip_space(at_ + found->text.size());
    specifier_.text_ = std::string(trim(text_.substr(at_)));
    if (specifier_.text_.empty())
      return parse_error("there is no version after `" + std::string(found->text) + "`", at_);
    return found->op == Operator::ArbitraryEqual ? parse_arbitrary() : parse_version();
  }

 private:
  std::size_t skip_space(std::size_t at) const {
    while (at < text_.size() && is_ascii_space(text_[at])) ++at;
    return at;
  }

  Expected<Specifier> parse_arbitrary() {
    const auto bad = std::find_if(specifier_.text_.begin(), specifier_.text_.end(), [](char c) {
      return is_ascii_space(c) || c == ';' || c == ')' || c == ',';
    });
    if (bad != specifier_.text_.end())
      return parse_error("a text behind `===` has no blanks, `,`, `;` or `)`",
                         at_ + static_cast<std::size_t>(bad - specifier_.text_.begin()));
    if (auto version = Version::parse(specifier_.text_)) specifier_.version_ = std::move(*version);
    return std::move(specifier_);
  }

  Expected<Specifier> parse_version() {
    std::string_view text = specifier_.text_;
    if (text.ends_with(".*")) {
      specifier_.prefix_ = true;
      text.remove_suffix(2);
      if (specifier_.op_ != Operator::Equal && specifier_.op_ != Operator::NotEqual)
        return parse_error("`.*` goes only with `==` and `!=`", at_ + text.size());
      if (text.empty() || is_ascii_space(text.back()))
        return parse_error("`.*` follows a release number", at_ + text.size());
    }
    auto version = Version::parse(text);
    if (!version) return parse_error(version.error().message, at_ + version.error().offset);
    if (const char* reason = misuse(*version)) return parse_error(reason, at_);
    specifier_.version_ = std::move(*version);
    return std::move(specifier_);
  }

  // Why this version cannot be used with the operator; nullptr if it can.
  const char* misuse(const Version& version) const {
    if (specifier_.prefix_ && (version.pre() || version.post() || version.dev() || version.has_local()))
      return "`.*` follows a release number, not a pre-, post-, dev-release or local version";
    const bool equality = specifier_.op_ == Operator::Equal || specifier_.op_ == Operator::NotEqual;
    if (version.has_local() && !equality) return "a local version goes only with `==` and `!=`";
    if (specifier_.op_ == Operator::Compatible && version.release().size() < 2)
      return "`~=` needs a version of two components or more";
    return nullptr;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Specifier specifier_;
};

Expected<Specifier> Specifier::parse(std::string_view text) { return SpecifierParser(text).parse(); }

Specifier Specifier::exactly(const Version& version) {
  Specifier specifier;
  specifier.op_ = Operator::Equal;
  specifier.text_ = version.to_string();
  specifier.version_ = version;
  return specifier;
}

bool Specifier::names_prerelease() const {
  return op_ != Operator::NotEqual && version_ && version_->is_prerelease();
}

namespace {

bool is_same_pre(const Version& a, const Version& b) {
  return std::is_eq(a.compare_base(b)) && a.pre() == b.pre();
}

// >V: not V+local, and no post-release of V itself unless V is one (or a dev-release, which has none).
bool is_greater(const Version& candidate, const Version& version) {
  if (std::is_lteq(candidate.compare_public(version))) return false;
  return version.is_postrelease() || version.is_devrelease() || !is_same_pre(candidate, version);
}

// <V: no pre-release of V unless V is one. Of 1.0.post1 those are 1.0.post1.devN alone, not 1.0rc1.
bool is_less(const Version& candidate, const Version& version) {
  if (std::is_gteq(candidate.compare_public(version))) return false;
  if (version.is_prerelease() || std::is_neq(candidate.compare_base(version))) return true;
  return version.is_postrelease() && !(!candidate.pre() && candidate.post() == version.post());
}

// ==V: the candidate's local version counts only if V has one.
bool is_equal(const Version& candidate, const Version& version) {
  return version.has_local() ? candidate == version : std::is_eq(candidate.compare_public(version));
}

}  // namespace

bool Specifier::contains(const Version& version, std::string_view original) const {
  switch (op_) {
    case Operator::ArbitraryEqual:
      return original.empty() ? iequals_ascii(version.to_string(), text_) : iequals_ascii(original, text_);
    case Operator::Equal:
      return prefix_ ? version.has_prefix(*version_, version_->release().size())
                     : is_equal(version, *version_);
    case Operator::NotEqual:
      return prefix_ ? !version.has_prefix(*version_, version_->release().size())
                     : !is_equal(version, *version_);
    case Operator::Compatible:
      return std::is_gteq(version.compare_public(*version_)) &&
             version.has_prefix(*version_, version_->release().size() - 1);
    case Operator::LessEqual:
      return std::is_lteq(version.compare_public(*version_));
    case Operator::GreaterEqual:
      return std::is_gteq(version.compare_public(*version_));
    case Operator::Less:
      return is_less(version, *version_);
    case Operator::Greater:
      return is_greater(version, *version_);
  }
  return false;
}

std::string Specifier::to_string() const {
  std::string out(moat::to_string(op_));
  if (op_ == Operator::ArbitraryEqual) return out + text_;
  return out + version_->to_string() + (prefix_ ? ".*" : "");
}

std::string Specifier::canonical_key() const {
  if (op_ == Operator::ArbitraryEqual || op_ == Operator::Compatible || prefix_) return to_string();
  return std::string(moat::to_string(op_)) + version_->canonical_key();
}

// ---- a set of clauses

SpecifierSet::SpecifierSet(std::vector<Specifier> clauses) {
  std::vector<std::pair<std::string, Specifier>> keyed;
  keyed.reserve(clauses.size());
  for (Specifier& clause : clauses) {
    std::string key = clause.canonical_key();
    keyed.emplace_back(std::move(key), std::move(clause));
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  keyed.erase(std::unique(keyed.begin(), keyed.end(),
                          [](const auto& a, const auto& b) { return a.first == b.first; }),
              keyed.end());
  clauses_.reserve(keyed.size());
  for (auto& [key, clause] : keyed) clauses_.push_back(std::move(clause));
}

Expected<SpecifierSet> SpecifierSet::parse(std::string_view text) {
  std::vector<Specifier> clauses;
  for (const std::string_view part : split(text, ',')) {
    if (trim(part).empty()) continue;
    auto clause = Specifier::parse(part);
    if (!clause) {
      const auto offset = static_cast<std::size_t>(part.data() - text.data());
      return parse_error(clause.error().message, offset + clause.error().offset);
    }
    clauses.push_back(std::move(*clause));
  }
  return SpecifierSet(std::move(clauses));
}

bool SpecifierSet::names_prerelease() const {
  return std::any_of(clauses_.begin(), clauses_.end(),
                     [](const Specifier& s) { return s.names_prerelease(); });
}

std::optional<Version> SpecifierSet::pinned_version() const {
  if (clauses_.size() != 1) return std::nullopt;
  const Specifier& clause = clauses_.front();
  if (clause.op() == Operator::Equal && !clause.is_prefix()) return clause.version();
  if (clause.op() != Operator::ArbitraryEqual) return std::nullopt;
  auto version = Version::parse(clause.text());
  return version ? std::optional<Version>(std::move(*version)) : std::nullopt;
}

bool SpecifierSet::contains(const Version& version, std::string_view original) const {
  return std::all_of(clauses_.begin(), clauses_.end(),
                     [&](const Specifier& clause) { return clause.contains(version, original); });
}

std::vector<std::size_t> SpecifierSet::filter(const std::vector<Version>& versions,
                                              Prereleases prereleases) const {
  std::vector<std::size_t> admitted;
  for (std::size_t i = 0; i < versions.size(); ++i)
    if (contains(versions[i])) admitted.push_back(i);
  const auto is_prerelease = [&versions](std::size_t i) { return versions[i].is_prerelease(); };
  const bool only_prereleases = std::all_of(admitted.begin(), admitted.end(), is_prerelease);
  if (prereleases == Prereleases::Forbid || (prereleases == Prereleases::IfNecessary && !only_prereleases))
    std::erase_if(admitted, is_prerelease);
  return admitted;
}

SpecifierSet SpecifierSet::intersected(const SpecifierSet& other) const {
  std::vector<Specifier> clauses = clauses_;
  clauses.insert(clauses.end(), other.clauses_.begin(), other.clauses_.end());
  return SpecifierSet(std::move(clauses));
}

std::string SpecifierSet::to_string() const {
  std::vector<std::string> texts;
  texts.reserve(clauses_.size());
  for (const Specifier& clause : clauses_) texts.push_back(clause.to_string());
  std::sort(texts.begin(), texts.end());
  return join(texts, ",");
}

}  // namespace moat
