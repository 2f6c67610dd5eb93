#include "envs/python/sysconfig_data.h"

#include "resolver/base/text.h"

#include <algorithm>
#include <array>
#include <vector>

namespace moat {

namespace {

constexpr std::string_view kPlaceholder = "@MOAT_RUNTIME@";
constexpr std::string_view kSubstitution = R"(

def _relocate():
    import sys
    for key, value in build_time_vars.items():
        if isinstance(value, str) and '@MOAT_RUNTIME@' in value:
            build_time_vars[key] = value.replace('@MOAT_RUNTIME@', sys.base_prefix)


_relocate()
)";

constexpr std::array<std::string_view, 21> kKeysOfPaths = {
    "prefix",  "exec_prefix", "BINDIR",  "BINLIBDEST",  "CONFINCLUDEDIR", "CONFINCLUDEPY",  "DESTDIRS",
    "DESTLIB", "DESTSHARED",  "EXENAME", "INCLUDEDIR",  "INCLUDEPY",      "INCLDIRSTOMAKE", "LIBDEST",
    "LIBDIR",  "LIBPC",       "LIBPL",   "MACHDESTLIB", "MANDIR",         "SCRIPTDIR",      "datarootdir"};

bool ends_a_path(std::string_view rest) {
  return rest.empty() || !(is_ascii_alnum(rest[0]) || rest[0] == '.' || rest[0] == '_' || rest[0] == '-');
}
bool ends_a_word(std::string_view rest) {
  return rest.empty() || is_ascii_space(rest[0]) || rest[0] == '\'' || rest[0] == '"';
}

// Removes the word and one space after it, everywhere. pprint wraps long values between words, so a word is
// whole.
void erase_word(std::string& text, const std::string& word) {
  std::size_t at = 0;
  while ((at = text.find(word, at)) != std::string::npos) {
    const std::size_t end = at + word.size();
    if (!ends_a_word(std::string_view(text).substr(end)))
      at = end;
    else
      text.erase(at, word.size() + (end < text.size() && text[end] == ' ' ? 1 : 0));
  }
}

void replace_path(std::string& text, std::string_view path, std::string_view with) {
  std::size_t at = 0;
  while ((at = text.find(path, at)) != std::string::npos) {
    if (ends_a_path(std::string_view(text).substr(at + path.size())))
      text.replace(at, path.size(), with), at += with.size();
    else
      at += path.size();
  }
}

std::string without_prefix(std::string_view original, std::string_view prefix) {
  std::string text(original);
  const std::string base(prefix);
  for (const char* option :
       {"-Wl,-rpath,-Wl,", "-Wl,-rpath,", "-Wl,-rpath=", "-Wl,-rpath -Wl,", "-Wl,-R,", "-Wl,-R", "-R", "-L"})
    for (const char* folder : {"/lib", "/lib64"}) erase_word(text, option + base + folder);
  erase_word(text, "-I" + base + "/include");
  replace_path(text, prefix, kPlaceholder);
  return text;
}

// The prefix, and the one that the text itself records after `opening`: they differ if the base was moved or
// copied since it was built.
std::vector<std::string> prefixes(std::string_view prefix, std::string_view text, std::string_view opening) {
  std::vector<std::string> out = {std::string(prefix)};
  const std::size_t at = text.find(opening);
  if (at == text.npos) return out;
  const std::string_view rest = text.substr(at + opening.size());
  const std::string_view value = trim(rest.substr(0, rest.find_first_of("'\n")));
  if (value.starts_with('/') && value != "/" && value != prefix) out.emplace_back(value);
  return out;
}

// 'KEY': '/usr/…' of one key (its literals, where pprint wrapped it): paths become relative, without the
// multiarch folder that a runtime has not.
void relocate_key(std::string& text, std::string_view key, const std::string& prefix,
                  std::string_view multiarch) {
  const std::string opening = "'" + std::string(key) + "': '";
  const std::size_t at = text.find(opening);
  if (at == std::string::npos) return;
  const std::size_t begin = at + opening.size();
  const std::size_t end = std::min(text.find("',", begin), text.find("'}", begin));
  if (end == std::string::npos) return;
  std::string value = text.substr(begin, end - begin);
  replace_path(value, prefix, kPlaceholder);
  if (!multiarch.empty())
    replace_path(value, std::string(kPlaceholder) + "/lib/" + std::string(multiarch),
                 std::string(kPlaceholder) + "/lib");
  text.replace(begin, end - begin, value);
}

}  // namespace

bool is_shared_prefix(std::string_view prefix) { return prefix == "/" || prefix == "/usr"; }

std::string relocatable_build_variables(std::string_view text, std::string_view prefix,
                                        std::string_view multiarch) {
  std::string out(text);
  for (const std::string& one : prefixes(prefix, text, "'prefix': '")) {
    if (is_shared_prefix(one))
      for (const std::string_view key : kKeysOfPaths) relocate_key(out, key, one, multiarch);
    else
      out = without_prefix(out, one);
  }
  return out.append(kSubstitution);
}

std::string relocatable_makefile(std::string_view text, std::string_view prefix) {
  std::string out(text);
  for (const std::string& one : prefixes(prefix, text, "\nprefix="))
    if (!is_shared_prefix(one)) out = without_prefix(out, one);
  return out;
}

}  // namespace moat
