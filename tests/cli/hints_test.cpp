// Every command that a message of moat tells to type can be typed: the program's own parser takes it.
#include "cli/args.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace moat {
namespace {

// Words as a shell has them; quotes of one kind only.
std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (const char c : line) {
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      in_word = true;
    } else if (c == quote) {
      quote = 0;
    } else if (quote == 0 && c == ' ') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

// What stands for something else: `{}` of a format, `…` for more of the same, [OPTION…].
std::string filled_in(std::string command) {
  command = std::regex_replace(command, std::regex(R"(\{\d*\})"), "1");
  command = std::regex_replace(command, std::regex(R"(\[[^\]]*\])"), "");
  return std::regex_replace(command, std::regex("\xE2\x80\xA6"), "");
}

// "moat lock -U" of "`moat lock -U` makes it new".
std::set<std::string> commands_in(const std::string& text) {
  static const std::regex kCommand("`(moat [^`\n]*)`");
  std::set<std::string> out;
  for (std::sregex_iterator i(text.begin(), text.end(), kCommand), end; i != end; ++i)
    out.insert(filled_in((*i)[1]));
  return out;
}

// Literals in a row are one text; comments say what they like.
std::string literals_of(const std::string& source) {
  std::string text = std::regex_replace(source, std::regex(R"((^|\n)\s*//[^\n]*)"), "\n");
  return std::regex_replace(text, std::regex(R"("\s*\n\s*")"), "");
}

std::string problem_of(const std::string& command) {
  std::vector<std::string> words = words_of(command);
  words.erase(words.begin());
  try {
    parse_arguments(words);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

// A message names a command that it quotes only to say that there is none, or that it lacks something.
bool is_quoted_only(const std::string& command) {
  static const std::set<std::string> kQuoted = {
      "moat 1", "moat 11", "moat 1 1", "moat 1--help", "moat 1 --help", "moat COMMAND --help", "moat eval 1"};
  return kQuoted.contains(command);
}

TEST(Hints, WhatTheyNameCanBeTyped) {
  std::vector<std::string> wrong;
  std::size_t seen = 0;
  const fs::path root = MOAT_SOURCE_DIR;
  for (const char* room : {"cli", "envs", "fetch", "resolver", "tests/transcripts"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      const std::string suffix = entry.path().extension();
      if (suffix != ".cpp" && suffix != ".test") continue;
      const std::string text = read_file(entry.path());
      for (const std::string& command : commands_in(suffix == ".cpp" ? literals_of(text) : text)) {
        if (is_quoted_only(command)) continue;
        ++seen;
        if (const std::string problem = problem_of(command); !problem.empty())
          wrong.push_back(entry.path().filename().string() + ": `" + command + "`: " + problem);
      }
    }
  }
  EXPECT_GT(seen, 60U);
  EXPECT_TRUE(wrong.empty()) << join(wrong, "\n");
}

}  // namespace
}  // namespace moat
