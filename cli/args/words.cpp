#include "cli/args/words.h"

#include "resolver/base/error.h"
#include "resolver/base/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

namespace moat {
namespace {

bool asks_for_help(std::string_view word) { return word == "--help" || word == "-h"; }

// Of the options before a command (declare_global), those that take the next word as their value.
bool takes_value(std::string_view option) {
  constexpr std::array<std::string_view, 4> kWithValue = {"--project", "--color", "--store-dir", "--config"};
  return std::find(kWithValue.begin(), kWithValue.end(), option) != kWithValue.end();
}

// Commands of other tools, and what to type instead. Never consulted for commands that moat has.
struct OtherWord {
  std::string_view word, hint;
};
constexpr std::array kOtherWords = {
    OtherWord{"venv", "`moat create` makes an environment"},
    OtherWord{"virtualenv", "`moat create` makes an environment"},
    OtherWord{"new", "`moat create` makes an environment"},
    OtherWord{
        "cache",
        "`moat store size` says how much is kept, `moat store prune` removes entries not used for long"},
    OtherWord{"clean", "`moat store prune` removes entries not used for long"},
    OtherWord{"search", "`moat pip index versions NAME` lists the versions of a package"},
    OtherWord{"update", "`moat upgrade` takes the newest versions"},
    OtherWord{"x", "`moat tool run APP` runs an application, installed or not"},
    OtherWord{"exec", "`moat run COMMAND` runs a command in the environment"},
    OtherWord{"self", "moat is updated as it was installed; `moat --version` says which one this is"},
    OtherWord{"version", "`moat --version` says which one this is"},
    OtherWord{"activate", "`moat shell` starts a shell in the environment"},
    OtherWord{"info", "`moat env info` says what the environment is made of"},
    OtherWord{"history", "`moat env history` lists what has changed"},
    OtherWord{"rollback", "`moat env rollback` takes the last change back"},
    OtherWord{"compile", "`moat lock -r requirements.in -o requirements.txt` pins what a file asks for"},
    OtherWord{"check", "`moat doctor` checks the environment"},
    OtherWord{"download", "`moat pip download PACKAGE` fetches the files of a package"},
    OtherWord{"wheel", "`moat pip wheel PACKAGE` builds the wheel of a package"},
    OtherWord{"rm", "`moat uninstall NAME` removes a package, `moat env remove ENV` an environment"},
    OtherWord{"delete", "`moat env remove ENV` deletes an environment"},
    OtherWord{"ls", "`moat list` lists what is installed"},
    OtherWord{"deactivate", "type `deactivate` alone, in the shell where the environment is active"},
    OtherWord{"use", "`moat shell` starts a shell in the environment"},
    OtherWord{"reinstall", "`moat install --reinstall PACKAGE` installs it again"},
    OtherWord{"outdated", "`moat list --outdated` lists what has a newer version"},
    OtherWord{"requirements", "`moat freeze` writes what is installed as a requirements file"},
    OtherWord{"pip-compile", "`moat lock -r requirements.in -o requirements.txt` pins what a file asks for"},
    OtherWord{"pip-sync", "`moat sync requirements.txt` makes the environment equal to a lock"},
    OtherWord{"pipx", "`moat tool install APP` installs an application, `moat tool run APP` runs one"},
    OtherWord{"inject", "`moat install --tool APP PACKAGE` adds a package to an application's environment"},
    OtherWord{"ensurepath", "`moat tool install` says what to add to PATH if it is missing"},
    OtherWord{"publish", "`moat build` makes the files; `moatx twine upload dist/*` publishes them"},
    OtherWord{"test", "`moat run pytest` runs tests in the environment"},
    OtherWord{"pin", "`moat python pin SPEC` says which Python is meant here"},
    // after the name of a family
    OtherWord{"env create", "`moat create` makes an environment"},
    OtherWord{"env new", "`moat create` makes an environment"},
    OtherWord{"env delete", "`moat env remove ENV` deletes an environment"},
    OtherWord{"env export", "`moat freeze` writes what is installed, `moat export` what is locked"},
    OtherWord{"env activate", "`moat shell --env ENV` starts a shell in the environment"},
    OtherWord{"env update", "`moat upgrade --env ENV` takes the newest versions"},
    OtherWord{"tool update", "`moat tool upgrade` takes the newest versions"},
    OtherWord{"python remove", "`moat python uninstall SPEC` removes a downloaded Python"},
    OtherWord{"python add", "`moat python install SPEC` downloads a Python"},
};

[[noreturn]] void throw_unknown_command(std::string_view typed, const std::vector<std::string>& known,
                                        std::string_view prefix) {
  std::vector<std::string> hints;
  const std::string whole = std::string(prefix) + std::string(typed);
  const auto* const other = std::find_if(kOtherWords.begin(), kOtherWords.end(),
                                         [&](const OtherWord& one) { return one.word == whole; });
  if (other != kOtherWords.end())
    hints.emplace_back(other->hint);
  else if (const std::optional<std::string> near = nearest_name(typed, known))
    hints.push_back(fmt::format("did you mean `moat {}{}`?", prefix, *near));
  hints.push_back(fmt::format("`moat {}--help` lists the commands", prefix));
  throw Error(ErrorKind::Usage, fmt::format("unknown command `moat {}{}`", prefix, typed), std::move(hints));
}

}  // namespace

bool is_option(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

Words take_apart(const std::vector<std::string>& words) {
  Words out;
  std::size_t i = 0;
  for (; i < words.size() && is_option(words[i]); ++i) {
    if (asks_for_help(words[i])) return {.help = true};
    if (words[i] == "--version" || words[i] == "-V") return {.version = true};
    out.arguments.push_back(words[i]);
    if (takes_value(words[i]) && i + 1 < words.size()) out.arguments.push_back(words[++i]);
  }
  if (i == words.size()) {
    if (!out.arguments.empty())
      throw Error(ErrorKind::Usage, "no command given", {"`moat --help` lists the commands"});
    return {.help = true};
  }
  std::string name = words[i++];
  if (name == "help") {
    out.help = true;
    if (i == words.size()) return out;
    name = words[i++];
  }
  // A family whose name alone is also a command: `moat bundle`, `moat bundle show`.
  const bool names_member = i < words.size() && command_named(name + " " + words[i]) != nullptr;
  if (is_family(name) && (names_member || command_named(name) == nullptr)) {
    if (i == words.size() || asks_for_help(words[i])) {
      out.family = std::move(name);
      out.help = out.help || i < words.size();
      return out;
    }
    if (!is_option(words[i]) && command_named(name + " " + words[i]) == nullptr)
      throw_unknown_command(words[i], members_of(name), name + " ");
    name += " " + words[i++];
  }
  out.command = command_named(name);
  if (out.command == nullptr) throw_unknown_command(name, first_words(), "");
  std::vector<std::string>& rest = name == "pip" ? out.pip : out.arguments;
  rest.insert(rest.end(), words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
  return out;
}

}  // namespace moat
