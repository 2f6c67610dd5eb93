#include "cli/args/completion.h"

#include "cli/args/commands.h"
#include "cli/args/declaration.h"
#include "cli/args/pip_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

namespace moat {
namespace {

using Values = CompletionValues;

// By the placeholder of an option's value in help: "--env PATH|NAME".
struct OptionValues {
  std::string_view option;  // the long name; "": any
  std::string_view placeholder;
  Values values;
};
constexpr std::array kOptionValues = {
    OptionValues{"", "PATH|NAME", Values::Environments},
    OptionValues{"", "APP", Values::Applications},
    OptionValues{"", "FILE", Values::Files},
    OptionValues{"", "FOLDER", Values::Folders},
    OptionValues{"", "DIR", Values::Folders},
    OptionValues{"", "PATH|URL", Values::Files},
    OptionValues{"", "SPEC", Values::Pythons},
    OptionValues{"group", "NAME", Values::Groups},
    OptionValues{"extra", "NAME", Values::Extras},
    OptionValues{"upgrade-package", "NAME", Values::Packages},
    OptionValues{"refresh-package", "NAME", Values::Packages},
};

// What may follow a command.
struct PositionalValues {
  std::string_view command;
  Values values;
};
constexpr std::array kPositionalValues = {
    PositionalValues{"create", Values::Folders},
    PositionalValues{"install", Values::Files},
    PositionalValues{"upgrade", Values::Packages},
    PositionalValues{"uninstall", Values::Packages},
    PositionalValues{"show", Values::Packages},
    PositionalValues{"tree", Values::Packages},
    PositionalValues{"why", Values::Packages},
    PositionalValues{"which", Values::Names},
    PositionalValues{"run", Values::Commands},
    PositionalValues{"sync", Values::Files},
    PositionalValues{"tool install", Values::Files},
    PositionalValues{"tool run", Values::ApplicationsAndCommands},
    PositionalValues{"tool upgrade", Values::Applications},
    PositionalValues{"tool uninstall", Values::Applications},
    PositionalValues{"env rollback", Values::States},
    PositionalValues{"env adopt", Values::Folders},
    PositionalValues{"env remove", Values::Environments},
    PositionalValues{"env rename", Values::NamedEnvironments},
    PositionalValues{"env clone", Values::Environments},
    PositionalValues{"env move", Values::Environments},
    PositionalValues{"env diff", Values::Environments},
    PositionalValues{"python find", Values::Pythons},
    PositionalValues{"python pin", Values::Pythons},
    PositionalValues{"python uninstall", Values::Pythons},
    PositionalValues{"config get", Values::Settings},
    PositionalValues{"config set", Values::Settings},
};

Values values_of(const CLI::Option& option) {
  const std::string placeholder = option.get_type_name();
  for (const OptionValues& known : kOptionValues) {
    const std::vector<std::string>& names = option.get_lnames();
    if (known.placeholder == placeholder &&
        (known.option.empty() || std::find(names.begin(), names.end(), known.option) != names.end()))
      return known.values;
  }
  return Values::None;
}

bool is_long(const std::string& word) { return word.starts_with("--"); }

// One line of help, cut after the first clause.
std::string short_help(const std::string& help) { return help.substr(0, help.find(" (")); }

class Completing {
 public:
  explicit Completing(const std::vector<std::string>& words) : words_(words) {
    if (!words_.empty()) out_.typed = words_.back();
  }

  Completion run() {
    const std::size_t command_at = skip_global_options();
    if (done_) return std::move(out_);
    if (words_.empty() || command_at + 1 >= words_.size()) {
      at_command();
      return std::move(out_);
    }
    std::size_t next = command_at + 1;
    std::string name = words_[command_at];
    if (name == "help") {
      offer(first_words());
      return std::move(out_);
    }
    if (is_family(name)) {
      // `bundle` and `deploy` are commands as well as families.
      const bool is_itself = command_named(name) != nullptr;
      if (next + 1 >= words_.size() && !(is_itself && out_.typed.starts_with('-'))) {
        at_member(name);
        return std::move(out_);
      }
      if (!is_itself || command_named(name + " " + words_[next]) != nullptr) name += " " + words_[next++];
    }
    if (const CommandEntry* command = command_named(name)) behind(*command, next);
    return std::move(out_);
  }

 private:
  bool is_last(std::size_t i) const { return i + 1 >= words_.size(); }

  // The word may also be the command's name, or follow an option before it.
  std::size_t skip_global_options() {
    Invocation nothing;
    Declaration global(nothing);
    global.app.set_help_flag();
    declare_global(global);
    std::size_t i = 0;
    while (i + 1 < words_.size() && words_[i].starts_with('-')) {
      const std::size_t taken = take_option(i, global);
      if (taken == 2 && is_last(i + 1)) {
        at_value(*global.app.get_option_no_throw(words_[i]), global);
        done_ = true;
      }
      i += taken;
    }
    return i;
  }

  // How many words an option takes, itself included; also notes which environment it selects.
  std::size_t take_option(std::size_t i, const Declaration& d) {
    const std::string& word = words_[i];
    const std::string name = word.substr(0, is_long(word) ? word.find('=') : 2);
    const CLI::Option* option = d.app.get_option_no_throw(name);
    if (option == nullptr || option->get_expected_max() == 0) {
      out_.user = out_.user || name == "--user";
      return 1;
    }
    const bool joined = name.size() < word.size();
    if (joined)
      remember(name, word.substr(name.size() + (is_long(word) ? 1 : 0)));
    else if (!is_last(i + 1))
      remember(name, words_[i + 1]);
    return joined ? 1 : 2;
  }

  void remember(const std::string& option, const std::string& value) {
    if (option == "--env") out_.env = value;
    if (option == "--tool") out_.tool = value;
    if (option == "--project") out_.project = value;
  }

  void offer(const std::string& text, const std::string& help = "") {
    if (text.starts_with(out_.typed)) out_.words.push_back({out_.before + text, help});
  }
  void offer(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) offer(text);
  }

  void at_command() {
    if (out_.typed.starts_with('-')) {
      Invocation nothing;
      Declaration global(nothing);
      global.app.set_help_flag();
      declare_global(global);
      at_option(global);
      offer("--version", "which moat this is");
      return;
    }
    for (const std::string& word : first_words()) {
      const CommandEntry* command = command_named(word);
      offer(word, command == nullptr ? fmt::format("{} …", word) : std::string(command->summary));
    }
  }

  void at_member(const std::string& family) {
    for (const std::string& member : members_of(family))
      offer(member, std::string(command_named(family + " " + member)->summary));
  }

  void at_option(const Declaration& d) {
    for (const CLI::Option* option : d.app.get_options())
      for (const std::string& name : option->get_lnames())
        offer("--" + name, short_help(option->get_description()));
    if (out_.typed.starts_with("-") && !is_long(out_.typed))
      for (const CLI::Option* option : d.app.get_options())
        for (const std::string& name : option->get_snames())
          offer("-" + name, short_help(option->get_description()));
    offer("--help", "explain the command");
  }

  void at_value(const CLI::Option& option, const Declaration& d) {
    if (const auto choices = d.choices.find(&option); choices != d.choices.end())
      offer(choices->second);
    else
      out_.values = values_of(option);
  }

  // Returns true if the words from here on belong to another program.
  static bool begins_program(const CommandEntry& command, const std::string& word) {
    return (command.name == "run" || command.name == "tool run") && (word == "--" || !word.starts_with('-'));
  }

  void behind(const CommandEntry& command, std::size_t from) {
    if (command.name == "pip") {
      if (!is_last(from)) out_.values = Values::Files;
      if (is_last(from))
        for (const PipCommandInfo& one : pip_commands())
          offer(std::string(one.name), std::string(one.summary));
      return;
    }
    Invocation nothing;
    Declaration d(nothing);
    d.app.set_help_flag();
    declare_global(d);
    d.group = "Options";
    command.declare(d);
    std::size_t i = from;
    bool only_words = false;
    std::size_t positionals = 0;
    while (!is_last(i)) {
      const std::string& word = words_[i];
      if (!only_words && begins_program(command, word)) {
        const std::size_t program = i + (word == "--" ? 1 : 0);
        if (!is_last(program)) {
          out_.values = Values::Files;
          return;
        }
        i = program;
        only_words = true;
        break;
      }
      if (only_words || !word.starts_with('-') || word == "-") {
        ++positionals;
        ++i;
        continue;
      }
      if (word == "--") {
        only_words = true;
        ++i;
        continue;
      }
      const std::string name = word.substr(0, is_long(word) ? word.find('=') : 2);
      const std::size_t taken = take_option(i, d);
      if (taken == 2 && is_last(i + 1)) return at_value(*d.app.get_option_no_throw(name), d);
      i += taken;
    }
    at_last(command, d, only_words, positionals);
  }

  void at_last(const CommandEntry& command, const Declaration& d, bool only_words, std::size_t positionals) {
    if (!only_words && is_long(out_.typed) && out_.typed.find('=') != std::string::npos) {
      const std::size_t equals = out_.typed.find('=');
      const CLI::Option* option = d.app.get_option_no_throw(out_.typed.substr(0, equals));
      if (option == nullptr || option->get_expected_max() == 0) return;
      out_.before = out_.typed.substr(0, equals + 1);
      out_.typed.erase(0, equals + 1);
      return at_value(*option, d);
    }
    if (!only_words && out_.typed.starts_with('-')) return at_option(d);
    if ((command.name == "completion" || command.name == "hook") && positionals == 0)
      return offer({"bash", "zsh", "fish"});
    if (command.name == "eval" && positionals == 0)
      return offer({"version", "specifier", "marker", "requirement", "wheel", "sdist", "tags", "name",
                    "metadata", "lock"});
    if (command.name == "config set" && positionals > 0) return;
    for (const PositionalValues& known : kPositionalValues)
      if (known.command == command.name) out_.values = known.values;
  }

  std::vector<std::string> words_;
  Completion out_;
  bool done_ = false;
};

}  // namespace

Completion complete(const std::vector<std::string>& words) { return Completing(words).run(); }

}  // namespace moat
