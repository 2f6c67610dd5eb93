#include "resolver/pep/licence_policy.h"

#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace moat {
namespace {

// `*` stands for any text; letters of either case are the same.
bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    for (std::size_t i = 0; i <= text.size(); ++i)
      if (matches(pattern.substr(1), text.substr(i))) return true;
    return false;
  }
  return !text.empty() && ascii_lower(pattern.front()) == ascii_lower(text.front()) &&
         matches(pattern.substr(1), text.substr(1));
}

bool any_matches(const std::vector<std::string>& patterns, std::string_view text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return matches(pattern, text); });
}

// Words and parentheses.
std::vector<std::string> words_of(std::string_view expression) {
  std::vector<std::string> out;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) out.push_back(std::move(word));
    word.clear();
  };
  for (const char c : expression) {
    if (c == '(' || c == ')') {
      end_word();
      out.emplace_back(1, c);
    } else if (is_ascii_space(c)) {
      end_word();
    } else {
      word += c;
    }
  }
  end_word();
  return out;
}

// OR binds less than AND; an identifier may be several words ("GPL-2.0-only WITH Classpath-exception-2.0", or
// what a project calls its licence).
class Judging {
 public:
  Judging(const LicencePolicy& policy, std::vector<std::string> words)
      : policy_(policy), words_(std::move(words)) {}

  bool whole() {
    const bool good = either();
    return at_ == words_.size() && good;
  }

 private:
  bool is(std::string_view word) const { return at_ < words_.size() && iequals_ascii(words_[at_], word); }
  bool take(std::string_view word) {
    if (!is(word)) return false;
    ++at_;
    return true;
  }
  bool either() {
    bool good = both();
    while (take("OR")) good = both() || good;
    return good;
  }
  bool both() {
    bool good = one();
    while (take("AND")) good = one() && good;
    return good;
  }
  bool one() {
    constexpr std::size_t kDeepest = 50;
    if (depth_ < kDeepest && take("(")) {
      ++depth_;
      const bool good = either();
      --depth_;
      return take(")") && good;
    }
    std::string name;
    while (at_ < words_.size() && !is("OR") && !is("AND") && !is(")") && !is("("))
      name += (name.empty() ? "" : " ") + words_[at_++];
    if (name.empty()) return false;
    return !any_matches(policy_.denied, name) &&
           (policy_.allowed.empty() || any_matches(policy_.allowed, name));
  }

  const LicencePolicy& policy_;
  std::vector<std::string> words_;
  std::size_t at_ = 0, depth_ = 0;
};

struct Classifier {
  std::string_view name, spdx;
};
constexpr std::array kClassifiers = {
    Classifier{"MIT License", "MIT"},
    Classifier{"MIT No Attribution License (MIT-0)", "MIT-0"},
    Classifier{"BSD License", "BSD"},
    Classifier{"Apache Software License", "Apache-2.0"},
    Classifier{"ISC License (ISCL)", "ISC"},
    Classifier{"Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"},
    Classifier{"Python Software Foundation License", "PSF-2.0"},
    Classifier{"The Unlicense (Unlicense)", "Unlicense"},
    Classifier{"zlib/libpng License", "Zlib"},
    Classifier{"Public Domain", "Public Domain"},
    Classifier{"GNU General Public License (GPL)", "GPL"},
    Classifier{"GNU General Public License v2 (GPLv2)", "GPL-2.0-only"},
    Classifier{"GNU General Public License v2 or later (GPLv2+)", "GPL-2.0-or-later"},
    Classifier{"GNU General Public License v3 (GPLv3)", "GPL-3.0-only"},
    Classifier{"GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"},
    Classifier{"GNU Lesser General Public License v2 (LGPLv2)", "LGPL-2.0-only"},
    Classifier{"GNU Lesser General Public License v2 or later (LGPLv2+)", "LGPL-2.0-or-later"},
    Classifier{"GNU Lesser General Public License v3 (LGPLv3)", "LGPL-3.0-only"},
    Classifier{"GNU Lesser General Public License v3 or later (LGPLv3+)", "LGPL-3.0-or-later"},
    Classifier{"GNU Library or Lesser General Public License (LGPL)", "LGPL"},
    Classifier{"GNU Affero General Public License v3", "AGPL-3.0-only"},
    Classifier{"GNU Affero General Public License v3 or later (AGPLv3+)", "AGPL-3.0-or-later"},
};

std::string spdx_of(std::string_view classifier) {
  for (const Classifier& known : kClassifiers)
    if (known.name == classifier) return std::string(known.spdx);
  return std::string(classifier);
}

}  // namespace

bool LicencePolicy::admits(std::string_view expression) const {
  std::vector<std::string> words = words_of(expression);
  if (words.empty()) return allowed.empty();
  return Judging(*this, std::move(words)).whole();
}

std::string licence_of(std::string_view metadata) {
  const MetadataFields fields = parse_metadata_fields(metadata);
  if (const auto expression = fields.find("License-Expression")) return std::string(trim(*expression));
  std::string out;
  for (const std::string_view classifier : fields.find_all("Classifier")) {
    constexpr std::string_view kLicence = "License :: ";
    const std::string_view text = trim(classifier);
    if (!text.starts_with(kLicence)) continue;
    const std::string_view name = text.substr(text.rfind(":: ") + 3);
    if (name == "OSI Approved") continue;  // says nothing
    out += (out.empty() ? "" : " OR ") + spdx_of(name);
  }
  if (!out.empty()) return out;
  const std::string_view text = trim(fields.find("License").value_or(""));
  constexpr std::size_t kLongestName = 80;
  return text.size() <= kLongestName && text != "UNKNOWN" && text.find('\n') == std::string_view::npos
             ? std::string(text)
             : std::string();
}

}  // namespace moat
