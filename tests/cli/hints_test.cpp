// Every command that a message of moat tells to type can be typed: the program's own parser takes it.
#include "cli/args/args.h"
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
  return std::regex_replace(command, std::regex("\xE2\x80\xA6"), "x");
}

// "moat lock -U" of "`moat lock -U` recreates it".
std::set<std::string> commands_in(const std::string& text) {
  static const std::regex kCommand("`(moat [^`\n]*)`");
  std::set<std::string> out;
  for (std::sregex_iterator i(text.begin(), text.end(), kCommand), end; i != end; ++i)
    out.insert(filled_in((*i)[1]));
  return out;
}

// Of a transcript: what else it quotes may be what was wrong.
std::string hints_of(const std::string& transcript) {
  std::string out;
  for (const std::string_view line : split_lines(transcript))
    if (line.starts_with("hint: ")) out += std::string(line) + "\n";
  return out;
}

// Literals in a row are one text; comments say what they like.
std::string literals_of(const std::string& source) {
  std::string text = std::regex_replace(source, std::regex(R"((^|\n)\s*//[^\n]*)"), "\n");
  return std::regex_replace(text, std::regex(R"("\s*\n\s*")"), "");
}

// "`moat sync` refuses …": the name of a command, with nothing that it would do.
bool is_name_alone(const std::vector<std::string>& words) {
  const std::string name = join(words, " ");
  const std::vector<std::string> names = command_names();
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& one) { return one == name || one.starts_with(name + " "); });
}

std::string problem_of(const std::string& command) {
  std::vector<std::string> words = words_of(command);
  words.erase(words.begin());
  if (is_name_alone(words)) return "";
  try {
    parse_arguments(words);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

// Names of commands that come in only when it is said.
bool is_a_pattern(const std::string& command) {
  static const std::set<std::string> kPatterns = {"moat 1",
                                                  "moat 11",
                                                  "moat remove1 1",
                                                  "moat 1--help",
                                                  "moat 1 --help",
                                                  "moat pip 1",
                                                  "moat pip help 1",
                                                  "moat eval 1",
                                                  "moat pip help11",
                                                  "moat pip --python .venv 1 x",
                                                  "moat install --user"};
  return kPatterns.contains(command) || command.find(" = ") != std::string::npos;
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
      for (const std::string& command : commands_in(suffix == ".cpp" ? literals_of(text) : hints_of(text))) {
        if (is_a_pattern(command)) continue;
        ++seen;
        if (const std::string problem = problem_of(command); !problem.empty())
          wrong.push_back(entry.path().filename().string() + ": `" + command + "`: " + problem);
      }
    }
  }
  EXPECT_GT(seen, 50U);
  EXPECT_TRUE(wrong.empty()) << join(wrong, "\n");
}

}  // namespace
}  // namespace moat
