#include "resolver/files/requirements_options.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <array>
#include <optional>

namespace moat {
namespace {

// Python's shlex.split(): quotes of both kinds, and backslashes outside of '…'.
Expected<std::vector<std::string>> shell_split(std::string_view text) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  char quote_mark = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool escapes = c == '\\' && quote_mark != '\'';
    if (escapes && i + 1 == text.size()) return parse_error("a backslash at the end escapes nothing");
    if (quote_mark != 0) {
      if (c == quote_mark)
        quote_mark = 0;
      else if (escapes && (text[i + 1] == '"' || text[i + 1] == '\\'))
        *word += text[++i];
      else
        *word += c;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      if (word) words.push_back(std::move(*word));
      word.reset();
    } else {
      if (!word) word.emplace();
      if (c == '\'' || c == '"')
        quote_mark = c;
      else if (escapes)
        *word += text[++i];
      else
        *word += c;
    }
  }
  if (quote_mark != 0) return parse_error("a quotation mark is not closed");
  if (word) words.push_back(std::move(*word));
  return words;
}

struct KnownOption {
  std::string_view name;  // as typed, without dashes
  std::string_view canonical;
  bool takes_value;
};
constexpr std::array<KnownOption, 20> kLongOptions = {{{"index-url", "index-url", true},
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
                                                       {"config-settings", "config-settings", true}}};

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
    default:
      return {};
  }
}

// Exactly, or a beginning that only one has.
Expected<const KnownOption*> find_long_option(std::string_view typed) {
  const KnownOption* found = nullptr;
  for (const KnownOption& option : kLongOptions) {
    if (option.name == typed) return &option;
    if (option.name.substr(0, typed.size()) != typed) continue;
    if (found != nullptr)
      return parse_error(
          fmt::format("`--{}` is ambiguous: `--{}` or `--{}`", typed, found->name, option.name));
    found = &option;
  }
  if (found == nullptr)
    return parse_error(fmt::format("`--{}` is not an option of a requirements file", typed));
  return found;
}

// A word that begins an option, taken apart: `--name`, `--name=value`, `-n`, `-nvalue`.
struct OptionWord {
  const KnownOption* known = nullptr;
  std::optional<std::string> value;
};
Expected<OptionWord> read_option_word(const std::string& word) {
  OptionWord out;
  std::string typed;
  if (word.compare(0, 2, "--") == 0) {
    const std::size_t equals = word.find('=');
    typed = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (equals != std::string::npos) out.value = word.substr(equals + 1);
  } else {
    typed = short_option(word[1]);
    if (typed.empty())
      return parse_error(fmt::format("`-{}` is not an option of a requirements file", word[1]));
    if (word.size() > 2) out.value = word.substr(2);
  }
  const Expected<const KnownOption*> known = find_long_option(typed);
  if (!known) return tl::unexpected(known.error());
  out.known = *known;
  if (!out.known->takes_value && out.value)
    return parse_error(fmt::format("`--{}` takes no value", out.known->name));
  return out;
}

}  // namespace

Expected<RequirementsOptionLine> parse_requirements_options(std::string_view text) {
  const Expected<std::vector<std::string>> words = shell_split(text);
  if (!words) return tl::unexpected(words.error());
  RequirementsOptionLine out;
  bool ended = false;  // by `--`
  for (std::size_t i = 0; i < words->size(); ++i) {
    const std::string& word = (*words)[i];
    if (!ended && word == "--") {
      ended = true;
      continue;
    }
    if (ended || word.size() < 2 || word[0] != '-') {
      out.ignored.push_back(word);
      continue;
    }
    Expected<OptionWord> option = read_option_word(word);
    if (!option) return tl::unexpected(option.error());
    if (option->known->takes_value && !option->value) {
      if (++i == words->size()) return parse_error(fmt::format("`{}` needs a value", word));
      option->value = (*words)[i];
    }
    out.options.push_back({std::string(option->known->canonical), option->value.value_or("")});
  }
  return out;
}

}  // namespace moat
