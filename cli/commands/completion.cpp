// moat completion SHELL
#include "cli/args/completion.h"

#include "cli/commands/commands.h"
#include "cli/commands/completion_scripts.h"
#include "cli/session/applications.h"
#include "cli/session/which_env.h"
#include "cli/settings/setting_layers.h"
#include "envs/environment/installed.h"
#include "envs/environment/shell_words.h"
#include "envs/journal/change.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/files/toml.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

// The values of a kind on this machine.
class Values {
 public:
  Values(const Completion& completion, Session& session) : session_(session) {
    settings_ = session.settings();
    settings_.env = completion.env;
    settings_.user = completion.user;
    settings_.tool.reset();
    if (completion.tool)
      if (auto name = PackageName::parse(*completion.tool)) settings_.tool = std::move(*name);
    if (completion.project) settings_.working_directory = settings_.working_directory / *completion.project;
  }

  std::vector<std::string> of(CompletionValues kind) {
    switch (kind) {
      case CompletionValues::Environments:
      case CompletionValues::NamedEnvironments:
        return named_environments();
      case CompletionValues::Packages:
        return packages();
      case CompletionValues::Names:
        return joined(packages(), commands());
      case CompletionValues::Commands:
        return commands();
      case CompletionValues::Applications:
      case CompletionValues::ApplicationsAndCommands:
        return applications();
      case CompletionValues::Pythons:
        return pythons();
      case CompletionValues::Groups:
        return keys_of({"dependency-groups"});
      case CompletionValues::Extras:
        return keys_of({"project", "optional-dependencies"});
      case CompletionValues::Settings:
        return setting_names();
      case CompletionValues::States:
        return states();
      case CompletionValues::None:
      case CompletionValues::Files:
      case CompletionValues::Folders:
        break;
    }
    return {};
  }

 private:
  static std::vector<std::string> joined(std::vector<std::string> a, const std::vector<std::string>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  std::vector<std::string> named_environments() const {
    std::vector<std::string> out;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(settings_.envs_dir(), error))
      if (is_environment_name(entry.path().filename().native()) && Environment::exists_at(entry.path()))
        out.push_back(entry.path().filename());
    return out;
  }

  // Nothing in it is run.
  std::optional<fs::path> environment() const {
    const auto chosen = choose_environment(settings_, ForProject::Yes);
    return chosen && Environment::exists_at(chosen->root) ? std::optional(chosen->root) : std::nullopt;
  }

  std::vector<std::string> packages() const {
    std::vector<std::string> out;
    const auto root = environment();
    if (!root) return out;
    const Environment opened = Environment::open(*root, Environment::Foreign::Allowed);
    for (const InstalledDistribution& one : InstalledDistributions::read(opened.site_packages()).all)
      out.push_back(one.name.normalized());
    return out;
  }

  std::vector<std::string> commands() const {
    std::vector<std::string> out;
    const auto root = environment();
    if (!root) return out;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(*root / "bin", error))
      if (const std::string name = entry.path().filename();
          !name.starts_with("activate") && !name.starts_with("Activate"))
        out.push_back(name);
    return out;
  }

  std::vector<std::string> applications() const {
    std::vector<std::string> out;
    for (const PackageName& name : installed_applications(settings_)) out.push_back(name.normalized());
    return out;
  }

  std::vector<std::string> pythons() const {
    std::vector<std::string> out;
    for (const Interpreter& one : list_interpreters(session_.discovery(), session_.store()))
      out.push_back(fmt::format("{}{}{}", one.implementation == "cpython" ? "" : one.implementation + "@",
                                one.major_minor(), one.free_threaded ? "t" : ""));
    return out;
  }

  std::vector<std::string> keys_of(const std::vector<std::string_view>& path) const {
    std::vector<std::string> out;
    if (!settings_.pyproject) return out;
    const Expected<TomlTable> table = parse_toml(read_file(*settings_.pyproject));
    const TomlTable* at = table ? &*table : nullptr;
    for (const std::string_view key : path) {
      const TomlValue* value = at == nullptr ? nullptr : find_key(*at, key);
      at = value == nullptr ? nullptr : value->table();
    }
    if (at != nullptr)
      for (const auto& [key, value] : *at) out.push_back(key);
    return out;
  }

  std::vector<std::string> states() const {
    std::vector<std::string> out;
    if (const auto root = environment())
      for (const HistoryEntry& entry : read_history(*root)) out.push_back(std::to_string(entry.state));
    return out;
  }

  Session& session_;
  Settings settings_;
};

void print(const Completion& completion, Session& session) {
  std::string out;
  for (const CompletionWord& word : completion.words)
    out += word.help.empty() ? word.text + "\n" : fmt::format("{}\t{}\n", word.text, word.help);
  std::vector<std::string> values;
  try {
    values = Values(completion, session).of(completion.values);
  } catch (const Error&) {  // the command itself will report it
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  // Values come from files, for example from a downloaded pyproject.toml: a value that a shell would not take
  // for a plain word must not enter a command line by itself.
  for (const std::string& value : values)
    if (value.starts_with(completion.typed) && shell_word(value) == value)
      out += completion.before + value + "\n";
  if (completion.values == CompletionValues::Files || completion.values == CompletionValues::Commands)
    out += ":files\n";
  if (completion.values == CompletionValues::Folders || completion.values == CompletionValues::Environments)
    out += ":folders\n";
  session.output().text(out);
}

}  // namespace

int execute(const CompletionCommand& command, Session& session) {
  if (command.words.empty())
    session.output().text(completion_script(command.shell));
  else
    print(complete(command.words), session);
  return 0;
}

}  // namespace moat
