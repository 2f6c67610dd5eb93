// Parses one command's options: the functions that declare them, and the groups of options that several
// commands share. Only cli/args/ and cli/args/args.cpp may include this, because it includes CLI11.
#pragma once

#include "cli/args/args.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

// CLI11 is slow to set up, so only the command that was named is declared.
struct Declaration {
  CLI::App app;
  Invocation& invocation;
  std::vector<std::string> words;             // positionals, where they need sorting out afterwards
  std::vector<std::function<void()>> finish;  // after a successful parse
  std::map<const CLI::Option*, std::vector<std::string>> choices;  // of values, where only these will do

  explicit Declaration(Invocation& target) : invocation(target) {}

  CLI::Option* flag(const std::string& names, bool& into, const std::string& help) {
    return app.add_flag(names, into, help)->group(group);
  }
  template <class T>
  CLI::Option* value(const std::string& names, T& into, const std::string& placeholder,
                     const std::string& help) {
    return app.add_option(names, into, help)->type_name(placeholder)->group(group);
  }
  // Must be one of these; settings reports other values.
  template <class T>
  CLI::Option* one_of(const std::string& names, T& into, const std::string& placeholder,
                      std::vector<std::string> values_of_it, const std::string& help) {
    CLI::Option* option = value(names, into, placeholder, help);
    choices[option] = std::move(values_of_it);
    return option;
  }
  // May be given several times, one value each.
  CLI::Option* values(const std::string& names, std::vector<std::string>& into,
                      const std::string& placeholder, const std::string& help) {
    return app.add_option(names, into, help)
        ->type_name(placeholder)
        ->group(group)
        ->allow_extra_args(false)
        ->take_all();
  }
  template <class T>
  CLI::Option* positional(const std::string& name, T& into, const std::string& help) {
    return app.add_option(name, into, help)->type_name("")->group("Arguments");
  }

  std::string group = "Options";
};

// "--index-url": the first typed option of this group of help; nullopt if there is none.
std::optional<std::string> typed_in_group(const Declaration& d, std::string_view group);

// Options of every command. To be declared first.
void declare_global(Declaration& d);

// --env and --user.
void declare_environment(Declaration& d);
void declare_python(Declaration& d, const std::string& help);
// Which versions may be chosen.
void declare_resolver(Declaration& d);
// Where packages come from.
void declare_index(Declaration& d);
// How a registry is spoken to.
void declare_registry(Declaration& d);
// Wheels or sources, and how sources are built.
void declare_build(Declaration& d);
// How files get into an environment.
void declare_link(Declaration& d);

}  // namespace moat
