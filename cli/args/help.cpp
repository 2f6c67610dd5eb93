#include "cli/args/help.h"

#include "cli/args/args.h"
#include "cli/args/declaration.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace moat {
namespace {

std::string option_names(const CLI::Option& option) {
  std::string out;
  for (const std::string& name : option.get_snames())
    out += "-" + name + (option.get_lnames().empty() ? "" : ", ");
  if (option.get_snames().empty()) out += "    ";
  for (const std::string& name : option.get_lnames()) out += "--" + name;
  if (option.get_expected_max() > 0 && !option.get_type_name().empty()) out += " " + option.get_type_name();
  return out;
}

// Columns of a text: one per character.
std::size_t columns_of(std::string_view text) {
  constexpr unsigned kContinues = 0x80, kMask = 0xc0;
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & kMask) != kContinues; }));
}

// Where the text of "  --option NAME   what it does" begins, in bytes; 0 if there is only one text.
std::size_t text_of_line(std::string_view line) {
  const std::size_t names = line.find_first_not_of(' ');
  const std::size_t gap = names == 0 || names == line.npos ? line.npos : line.find("  ", names);
  const std::size_t text = gap == line.npos ? line.npos : line.find_first_not_of(' ', gap);
  return text == line.npos ? 0 : text;
}

constexpr std::size_t kIndent = 34;  // where texts begin
constexpr std::size_t kNarrow = 8;   // … and on a narrow terminal, below the names

std::string fit_line(std::string_view line, std::size_t width) {
  const std::size_t text = text_of_line(line);
  const std::size_t indent = columns_of(line.substr(0, text == 0 ? line.find_first_not_of(' ') : text));
  if (columns_of(line) <= width && indent <= kIndent) return std::string(line);
  if (text == 0) return std::string(indent, ' ') + wrapped(line.substr(indent), indent, width);
  if (indent <= kIndent && indent + width / 3 < width)
    return std::string(line.substr(0, text)) + wrapped(line.substr(text), indent, width);
  const std::string_view names = line.substr(0, line.find_last_not_of(' ', text - 1) + 1);
  const std::size_t below = kIndent + width / 3 < width ? kIndent : kNarrow;
  return std::string(names) + "\n" + std::string(below, ' ') + wrapped(line.substr(text), below, width);
}

// One line, which fit_help() breaks.
std::string help_line(const std::string& names, std::string_view text) {
  std::string out = "  " + names;
  out.append(std::max(out.size() + 2, kIndent) - out.size(), ' ');
  return fmt::format("{}{}\n", out, text);
}

}  // namespace

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = indent;
  for (const std::string_view word : split(text, ' ')) {
    const std::size_t size = columns_of(word);
    if (column > indent && column + 1 + size > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += size;
  }
  return out;
}

std::string fit_help(std::string_view page, std::size_t width,
                     const std::function<std::string(std::string_view)>& heading) {
  std::string out;
  bool is_example = false;
  for (const std::string_view line : split_lines(page)) {
    const bool is_heading = line.ends_with(':') && !line.starts_with(' ');
    if (is_heading) is_example = line == "Example:";
    out += (is_heading ? heading(line) : is_example ? std::string(line) : fit_line(line, width)) + "\n";
  }
  return out;
}

std::string command_help(const CommandEntry& command, const CLI::App& app) {
  std::string out = fmt::format("{}\n\nUsage: moat {} [OPTION…]{}{}\n", command.summary, command.name,
                                command.usage.empty() ? "" : " ", command.usage);
  std::vector<std::string> groups;
  for (const CLI::Option* option : app.get_options())
    if (std::find(groups.begin(), groups.end(), option->get_group()) == groups.end())
      groups.push_back(option->get_group());
  // "Everywhere" is declared first and shown last.
  std::stable_partition(groups.begin(), groups.end(),
                        [](const std::string& group) { return group != "Everywhere"; });
  std::stable_partition(groups.begin(), groups.end(),
                        [](const std::string& group) { return group == "Arguments"; });
  for (const std::string& group : groups) {
    out += "\n" + group + ":\n";
    for (const CLI::Option* option : app.get_options())
      if (option->get_group() == group)
        out += help_line(option->get_positional() ? option->get_name(true, false) : option_names(*option),
                         option->get_description());
  }
  if (is_family(command.name)) {
    out += "\nCommands:\n";
    for (const std::string& name : members_of(command.name)) {
      const std::string member = fmt::format("{} {}", command.name, name);
      out += help_line("moat " + member, command_named(member)->summary);
    }
  }
  out += "\nExample:\n";
  for (const std::string_view line : split_lines(command.example)) out += fmt::format("  {}\n", line);
  return out;
}

std::string family_help(std::string_view family) {
  std::string out = fmt::format("Usage: moat {} COMMAND\n\nCommands:\n", family);
  for (const std::string& name : members_of(family))
    out += fmt::format("  {:<24} {}\n", fmt::format("moat {} {}", family, name),
                       command_named(fmt::format("{} {}", family, name))->summary);
  const CommandEntry& first = *command_named(fmt::format("{} {}", family, members_of(family).front()));
  out += "\nEach has a --help of its own.\n\nExample:\n";
  for (const std::string_view line : split_lines(first.example)) out += fmt::format("  {}\n", line);
  return out;
}

std::string overview() {
  std::string out = "moat: sealed Python environments\n\nUsage: moat [OPTION…] COMMAND …\n\nCommands:\n";
  for (const CommandEntry& entry : commands())
    out += fmt::format("  {:<30} {}\n", fmt::format("{} {}", entry.name, entry.usage), entry.summary);
  out +=
      "\nmoat COMMAND --help explains a command, with an example.\n"
      "Everywhere: --env or --user where an environment is meant, --json, -q, -v, --offline, --timings.\n";
  return out;
}

}  // namespace moat
