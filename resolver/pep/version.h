// PEP 440 versions.
#pragma once

#include "resolver/base/error.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moat {

// A non-negative integer of any length: 64 bits inline, longer ones as their digits.
// Calendar versions overflow anything fixed.
class VersionNumber {
 public:
  VersionNumber() = default;
  VersionNumber(std::uint64_t value)  // NOLINT(google-explicit-constructor): numbers are numbers
      : value_(value) {}
  // REQUIRES: digits is not empty and holds ASCII digits only.
  static VersionNumber from_digits(std::string_view digits);

  bool is_zero() const { return value_ == 0 && digits_.empty(); }
  std::optional<std::uint64_t> as_uint64() const;  // nullopt when it does not fit
  std::string to_string() const;
  VersionNumber next() const;  // one more

  friend std::strong_ordering operator<=>(const VersionNumber& a, const VersionNumber& b);
  friend bool operator==(const VersionNumber& a, const VersionNumber& b) = default;

 private:
  std::uint64_t value_ = 0;
  std::string digits_;  // only where 64 bits do not hold it; no leading zeros
};

enum class PreKind { Alpha, Beta, Rc };

struct PreRelease {
  PreKind kind = PreKind::Alpha;
  VersionNumber number;
  friend auto operator<=>(const PreRelease&, const PreRelease&) = default;
};

// One segment of a local version: a number, or lower-case text.
using LocalSegment = std::variant<VersionNumber, std::string>;

// A PEP 440 version, e.g. "1!2.0rc1.post3.dev4+local.5".
//
// Equality and order are PEP 440's: 1.0 == 1.0.0, and 1.0.dev1 < 1.0a1 < 1.0.
// to_string() is the normalised form, and parse(v.to_string()) == v. Hashing agrees with equality.
// Immutable; safe to share between threads.
class Version {
 public:
  // Fails on anything PEP 440 does not admit; never throws. Surrounding ASCII whitespace is ignored.
  static Expected<Version> parse(std::string_view text);
  // 1.2.3 and the like, for literals in code.
  static Version of(std::vector<VersionNumber> release);

  const VersionNumber& epoch() const { return epoch_; }
  const std::vector<VersionNumber>& release() const { return release_; }  // never empty
  const std::optional<PreRelease>& pre() const { return pre_; }
  const std::optional<VersionNumber>& post() const { return post_; }
  const std::optional<VersionNumber>& dev() const { return dev_; }
  const std::vector<LocalSegment>& local() const { return local_; }  // empty: no local version

  bool is_prerelease() const { return pre_ || dev_; }
  bool is_postrelease() const { return post_.has_value(); }
  bool is_devrelease() const { return dev_.has_value(); }
  bool has_local() const { return !local_.empty(); }

  // release()[i], 0 past its end.
  VersionNumber release_at(std::size_t i) const {
    return i < release_.size() ? release_[i] : VersionNumber();
  }

  Version without_local() const;
  // Epoch and release only.
  Version base() const;
  // The lowest version that shares epoch, release, pre and post: 1.0 -> 1.0.dev0. Without local version.
  Version first_dev() const;
  // The first version behind all whose release begins with release()[0..components): 1.2.3 (2) -> 1.3.dev0.
  // REQUIRES: 0 < components <= release().size().
  Version after_prefix(std::size_t components) const;
  // The first version behind this post- or dev-release and its locals: 1.0.post1 -> 1.0.post2.dev0,
  // 1.0.dev1 -> 1.0.dev2. REQUIRES: is_postrelease() or is_devrelease().
  Version successor() const;

  std::string to_string() const;        // normal form: 1.4.0rc1
  std::string local_to_string() const;  // "local.5", "" when there is none
  // Normal form with the release's trailing zeros dropped: one text for all equal versions. Keys only.
  std::string canonical_key() const;

  // The order with local versions left out: 1.0+x and 1.0 are equal.
  std::strong_ordering compare_public(const Version& other) const;
  // The order of epoch and release alone: 1.0rc1 and 1.0.post2 are equal.
  std::strong_ordering compare_base(const Version& other) const;
  // Are epoch and the first `components` of the release the other's (padded with zeros)?
  bool has_prefix(const Version& other, std::size_t components) const;

  friend std::strong_ordering operator<=>(const Version& a, const Version& b);
  friend bool operator==(const Version& a, const Version& b) { return std::is_eq(a <=> b); }

 private:
  friend class VersionParser;
  Version() = default;
  VersionNumber epoch_;
  std::vector<VersionNumber> release_;
  std::optional<PreRelease> pre_;
  std::optional<VersionNumber> post_;
  std::optional<VersionNumber> dev_;
  std::vector<LocalSegment> local_;
};

}  // namespace moat

template <>
struct std::hash<moat::Version> {
  std::size_t operator()(const moat::Version& version) const noexcept {
    return std::hash<std::string>{}(version.canonical_key());
  }
};
