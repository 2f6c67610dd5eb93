#include "cli/args/args.h"

#include "cli/args/commands.h"
#include "cli/args/declaration.h"
#include "cli/args/help.h"
#include "cli/args/pip_options.h"
#include "cli/args/words.h"
#include "resolver/base/error.h"
#include "resolver/base/nearest.h"
#include "resolver/base/redact.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string_view>

namespace moat {
namespace {

// Does this option take the next word as its value?
bool takes_next_word(const std::string& word, const CLI::App& app) {
  const bool is_long = word.compare(0, 2, "--") == 0;
  if (is_long ? word.find('=') != std::string::npos : word.size() > 2) return false;
  const CLI::Option* option = app.get_option_no_throw(word);
  return option != nullptr && option->get_expected_max() > 0;
}

// The options of `run` itself end at the first word that is not an option, or at `--`.
std::vector<std::string> split_off_program(std::vector<std::string>& arguments, const CLI::App& app) {
  std::size_t i = 0;
  while (i < arguments.size() && is_option(arguments[i]) && arguments[i] != "--") {
    const bool module = arguments[i] == "-m";
    i += takes_next_word(arguments[i], app) ? 2U : 1U;
    if (module) break;  // what follows is the module's, as with `python -m`
  }
  i = std::min(i, arguments.size());
  const auto cut = arguments.begin() + static_cast<std::ptrdiff_t>(i);
  const bool dashes = cut != arguments.end() && *cut == "--";
  std::vector<std::string> program(cut + (dashes ? 1 : 0), arguments.end());
  arguments.erase(cut, arguments.end());
  return program;
}

// Words after `--` belong to the user's command, not to moat.
std::vector<std::string> split_off_line(std::vector<std::string>& arguments) {
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  if (dashes == arguments.end()) return {};
  std::vector<std::string> line(dashes + 1, arguments.end());
  arguments.erase(dashes, arguments.end());
  return line;
}

std::vector<std::string> long_options(const CLI::App& app) {
  std::vector<std::string> names{"--help"};
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

[[noreturn]] void throw_unexpected(const CommandEntry& command, std::string typed, const CLI::App& app) {
  typed = typed.substr(0, typed.find('='));
  const std::string see = fmt::format("`moat {} --help` lists the options", command.name);
  if (!is_option(typed))
    throw Error(ErrorKind::Usage,
                command.usage.empty()
                    ? fmt::format("`moat {}` takes no arguments (got {})", command.name, quote(typed))
                    : fmt::format("unexpected argument {} for `moat {}`", quote(typed), command.name),
                {see});
  std::vector<std::string> hints;
  if (const std::optional<std::string> near = nearest_name(typed, long_options(app)))
    hints.push_back(fmt::format("did you mean `{}`?", *near));
  hints.push_back(see);
  throw Error(ErrorKind::Usage, fmt::format("unknown option {1} for `moat {0}`", command.name, quote(typed)),
              std::move(hints));
}

// The option in CLI11's message "Could not convert: --fix = x".
std::string option_in(std::string_view text) {
  const std::size_t begin = text.find("--");
  return begin == text.npos ? "" : std::string(text.substr(begin, text.find_first_of(" =", begin) - begin));
}

bool is_flag(const std::string& name, CLI::App& app) {
  const CLI::Option* const option = name.empty() ? nullptr : app.get_option_no_throw(name);
  return option != nullptr && option->get_expected_max() == 0;
}

// CLI11's message "Could not convert: --fix = x".
std::string not_a_number(std::string_view text) {
  constexpr std::string_view kBefore = "Could not convert: ", kBetween = " = ";
  if (text.starts_with(kBefore)) text.remove_prefix(kBefore.size());
  const std::size_t equals = text.find(kBetween);
  if (equals == std::string_view::npos) return fmt::format("{} is not a number", text);
  return fmt::format("`{}` must be a number, not {}", text.substr(0, equals),
                     quote(text.substr(equals + kBetween.size())));
}

// Rewrites CLI11's messages in moat's words.
[[noreturn]] void throw_usage(const CommandEntry& command, const CLI::ParseError& error, CLI::App& app) {
  const std::string see = fmt::format("`moat {} --help` lists the options", command.name);
  std::string text = error.what();
  const std::string option = text.substr(0, text.find(':'));
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
    text = fmt::format("missing argument: `moat {}` requires {}", command.name, command.usage);
  else if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    text = text.find("required") != std::string::npos
               ? fmt::format("`{}` needs a value", option)
               : fmt::format("`{}` takes one value, and can be given only once", option);
  else if (const std::string flag = option_in(text);
           dynamic_cast<const CLI::ConversionError*>(&error) != nullptr && is_flag(flag, app))
    text = fmt::format("`{}` takes no value", flag);
  else if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr)
    text = not_a_number(text);
  else if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr)
    text = "`--env`, `--user` and `--tool` cannot be used together";
  throw Error(ErrorKind::Usage, text, {see});
}

void read_options(const CommandEntry& command, Declaration& d, std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // what CLI11 wants
  try {
    d.app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    throw_usage(command, error, d.app);
  }
  if (const std::vector<std::string> rest = d.app.remaining(); !rest.empty())
    throw_unexpected(command, rest.front(), d.app);
  for (const std::function<void()>& step : d.finish) step();
}

// -h among the words of the command.
bool asks_for_help(const std::vector<std::string>& arguments) {
  for (const std::string& word : arguments) {
    if (word == "--") return false;
    if (word == "--help" || word == "-h") return true;
  }
  return false;
}

std::string typed_line(const std::vector<std::string>& arguments) {
  std::string out = "moat";
  for (const std::string& word : arguments) out += " " + hide_credentials(word);
  return out;
}

}  // namespace

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const CommandEntry& entry : commands()) names.emplace_back(entry.name);
  return names;
}

bool wants_json(const std::vector<std::string>& arguments) {
  for (const std::string& word : arguments) {
    if (word == "--" || word == "run" || word == "shell" || word == "pip") return false;
    if (word == "--json") return true;
  }
  return false;
}

std::variant<Invocation, HelpText> parse_arguments(const std::vector<std::string>& arguments) {
  Words words = take_apart(arguments);
  if (words.version) return HelpText{"moat " MOAT_VERSION "\n"};
  if (!words.family.empty()) {
    if (words.help) return HelpText{family_help(words.family)};
    throw Error(ErrorKind::Usage, fmt::format("`moat {}` needs a command", words.family),
                {fmt::format("`moat {} --help` lists them", words.family)});
  }
  if (words.command == nullptr) return HelpText{overview()};

  Invocation invocation{.name = std::string(words.command->name), .line = typed_line(arguments)};
  Declaration declaration(invocation);
  declaration.app.set_help_flag();
  declaration.app.allow_extras();
  declare_global(declaration);
  declaration.group = "Options";
  words.command->declare(declaration);
  std::vector<std::string> program;
  if (words.command->name == "run" || words.command->name == "tool run")
    program = split_off_program(words.arguments, declaration.app);
  if (words.command->name == "completion") program = split_off_line(words.arguments);

  if (words.command->name == "pip") {
    PipCommand pip = parse_pip(words.pip);
    if (words.help || pip.help) return HelpText{pip_help(pip.command)};
    if (pip.version) return HelpText{"moat-pip " MOAT_VERSION "\n"};
    read_options(*words.command, declaration, std::move(words.arguments));
    invocation.name = "pip " + pip.command;
    invocation.command = std::move(pip);
    return invocation;
  }
  if (words.help || asks_for_help(words.arguments))
    return HelpText{command_help(*words.command, declaration.app)};
  read_options(*words.command, declaration, std::move(words.arguments));
  if (auto* run = std::get_if<RunCommand>(&invocation.command)) {
    if (program.empty() && run->module)
      throw Error(ErrorKind::Usage, "`-m` needs the name of a module",
                  {"`moat run -m http.server` runs one"});
    if (program.empty())
      throw Error(ErrorKind::Usage, "no command to run", {"`moat run python` starts Python"});
    // Python itself handles both.
    if (run->module) program.insert(program.begin(), "-m");
    run->from_input = !run->module && program.front() == "-";
    if (run->module || run->from_input) program.insert(program.begin(), "python");
    run->command = std::move(program);
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): it is one command or another
  if (auto* completion = std::get_if<CompletionCommand>(&invocation.command); completion && !program.empty())
    completion->words = program;
  if (auto* run = std::get_if<ToolRunCommand>(&invocation.command)) {
    if (program.empty())
      throw Error(
          ErrorKind::Usage, "missing argument: APP",
          {"`moat tool run ruff` runs ruff, installed or not", "`moat tool list` lists what is installed"});
    run->command = std::move(program);
  }
  return invocation;
}

}  // namespace moat
