#include "cli/args/pip_options.h"

#include "cli/args/help.h"
#include "resolver/base/error.h"
#include "resolver/base/nearest.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace moat {
namespace {

constexpr std::array kCommands = {
    PipCommandInfo{kPipInstall, "install", "[OPTION…] PACKAGE… | -r FILE…", "Install packages.",
                   "moat pip install -q -r requirements.txt --report report.json"},
    PipCommandInfo{kPipDownload, "download", "[OPTION…] PACKAGE… | -r FILE…", "Download packages.",
                   "moat pip download -r requirements.txt -d wheels --only-binary :all:"},
    PipCommandInfo{kPipUninstall, "uninstall", "[OPTION…] PACKAGE… | -r FILE…", "Uninstall packages.",
                   "moat pip uninstall -y flask"},
    PipCommandInfo{kPipFreeze, "freeze", "[OPTION…]", "Output installed packages in requirements format.",
                   "moat pip freeze --exclude-editable > requirements.txt"},
    PipCommandInfo{kPipInspect, "inspect", "[OPTION…]", "Inspect the environment, as JSON.",
                   "moat pip inspect --local"},
    PipCommandInfo{kPipList, "list", "[OPTION…]", "List installed packages.",
                   "moat pip list --outdated --format json"},
    PipCommandInfo{kPipShow, "show", "[OPTION…] PACKAGE…", "Show information about installed packages.",
                   "moat pip show -f flask"},
    PipCommandInfo{kPipCheck, "check", "[OPTION…]", "Verify installed packages have compatible dependencies.",
                   "moat pip check"},
    PipCommandInfo{kPipCache, "cache", "dir | info | list [PATTERN] | remove PATTERN | purge",
                   "Inspect and manage the store of wheels and pages.", "moat pip cache list 'numpy*'"},
    PipCommandInfo{kPipIndex, "index", "versions PACKAGE",
                   "Inspect information available from package indexes.", "moat pip index versions flask"},
    PipCommandInfo{kPipWheel, "wheel", "[OPTION…] PACKAGE… | -r FILE…",
                   "Build wheels from your requirements.", "moat pip wheel . -w wheels --no-deps"},
    PipCommandInfo{kPipHash, "hash", "[OPTION…] FILE…", "Compute hashes of package archives.",
                   "moat pip hash flask-3.1.0.tar.gz"},
    PipCommandInfo{kPipHelp, "help", "[COMMAND]", "Show help for commands.", "moat pip help install"},
};

constexpr std::uint32_t kSources = kPipInstall | kPipDownload | kPipWheel;
constexpr std::uint32_t kIndexes = kSources | kPipList | kPipIndex;
constexpr std::uint32_t kListing = kPipList | kPipFreeze | kPipInspect;
constexpr std::uint32_t kTargets = kPipInstall | kPipDownload | kPipIndex;
constexpr auto kFlag = PipAction::Flag;
constexpr auto kUnset = PipAction::Unset;
constexpr auto kValue = PipAction::Value;
constexpr auto kAppend = PipAction::Append;

// An option without help has no effect here and is accepted for existing scripts.
constexpr std::array kOptions = {
    // what to install
    PipOption{"-r --requirement", kAppend, kSources | kPipUninstall | kPipFreeze, "FILE",
              "what this requirements file names; may be given several times"},
    PipOption{"-c --constraint", kAppend, kSources, "FILE", "limits versions, asks for nothing"},
    PipOption{"--build-constraint", kAppend, kSources, "FILE", "limits versions of what builds need"},
    PipOption{"--requirements-from-script", kAppend, kSources, "FILE", "the inline metadata of this script"},
    PipOption{"--group", kAppend, kSources, "[PATH:]GROUP", "a dependency group of a pyproject.toml"},
    PipOption{"-e --editable", kAppend, kPipInstall | kPipWheel, "PATH|URL", "a project in development mode"},
    PipOption{"--no-deps --no-dependencies", kFlag, kSources, "", "only what is named"},
    PipOption{"--only-deps --only-dependencies", kFlag, kSources, "", "only what the named ones need"},
    PipOption{"--dry-run", kFlag, kPipInstall, "", "say what would be installed, and install nothing"},
    PipOption{"-U --upgrade", kFlag, kPipInstall, "", "newest versions allowed of what is named"},
    PipOption{"--upgrade-strategy", kValue, kPipInstall, "only-if-needed|eager",
              "eager: also the newest versions of what they need"},
    PipOption{"--force-reinstall", kFlag, kPipInstall, "", "place all packages again"},
    PipOption{"-I --ignore-installed", kFlag, kPipInstall, "",
              "as if nothing were installed; replaces what is"},
    PipOption{"--ignore-requires-python", kFlag, kTargets | kPipWheel, "", "ignore Requires-Python"},
    PipOption{"--require-hashes", kFlag, kSources, "", "every requirement must be pinned with a hash"},
    PipOption{"--no-require-hashes", kFlag, kSources, "",
              "hashes of some lines do not ask for hashes of all"},
    PipOption{"--report", kValue, kPipInstall, "FILE",
              "what was (or would be) installed, as JSON; `-`: stdout"},
    // where
    PipOption{"-t --target", kValue, kPipInstall, "DIR", "into this folder, which is not an environment"},
    PipOption{"--prefix", kValue, kPipInstall, "DIR",
              "into lib/pythonX.Y/site-packages and bin of this folder"},
    PipOption{"--root", kValue, kPipInstall, "DIR", "as if this folder were /"},
    PipOption{"--user", kFlag, kPipInstall | kListing, "", "this user's own environment"},
    PipOption{"--no-user", kUnset, kPipInstall, "", ""},
    PipOption{"--platform", kAppend, kTargets, "TAG", "wheels for this platform"},
    PipOption{"--python-version", kValue, kTargets, "X.Y[.Z]", "wheels for this Python"},
    PipOption{"--implementation", kValue, kTargets, "NAME", "cp, pp, py, …"},
    PipOption{"--abi", kAppend, kTargets, "TAG", "wheels for this ABI"},
    PipOption{"-d --dest --destination-dir --destination-directory", kValue, kPipDownload, "DIR",
              "where the files go (default: here)"},
    PipOption{"-w --wheel-dir", kValue, kPipWheel, "DIR", "where the wheels go (default: here)"},
    PipOption{"--src --source --source-dir --source-directory", kValue, kSources, "DIR", ""},
    PipOption{"--compile", kFlag, kPipInstall, "", "bytecode now"},
    PipOption{"--no-compile", kUnset, kPipInstall, "", "leave bytecode to the first import"},
    // builds
    PipOption{"--no-build-isolation", kUnset, kSources, "", "build with what the environment has"},
    PipOption{"--use-pep517", kFlag, kSources, "", ""},
    PipOption{"--no-use-pep517", kFlag, kSources, "", ""},
    PipOption{"--check-build-dependencies", kFlag, kSources, "", ""},
    PipOption{"-C --config-settings", kAppend, kPipInstall | kPipWheel, "KEY=VALUE", "for the build backend"},
    PipOption{"--global-option", kAppend, kPipInstall | kPipWheel, "OPTION", ""},
    PipOption{"--no-clean", kFlag, kSources, "", ""},
    PipOption{"--no-verify", kFlag, kPipWheel, "", ""},
    // which versions and files
    PipOption{"--pre", kFlag, kIndexes, "", "pre-releases may be chosen"},
    PipOption{"--all-releases", kAppend, kIndexes, "NAMES",
              "pre-releases of these may be chosen (:all:, :none:)"},
    PipOption{"--only-final", kAppend, kIndexes, "NAMES", "no pre-release of these (:all:, :none:)"},
    PipOption{"--no-binary", kAppend, kIndexes, "NAMES", "no wheels of these (:all:, :none:)"},
    PipOption{"--only-binary", kAppend, kIndexes, "NAMES", "only wheels of these (:all:, :none:)"},
    PipOption{"--prefer-binary", kFlag, kIndexes, "", ""},
    PipOption{"--uploaded-prior-to", kValue, kIndexes, "DATE", "as if nothing had been uploaded since"},
    // indexes
    PipOption{"-i --index-url --pypi-url", kValue, kIndexes, "URL", "the index to ask last"},
    PipOption{"--extra-index-url", kAppend, kIndexes, "URL", "an index to ask before that one"},
    PipOption{"--no-index", kFlag, kIndexes, "", "ask no index: --find-links only"},
    PipOption{"-f --find-links", kAppend, kIndexes, "PATH|URL", "files that join the index's"},
    PipOption{"--refresh-package", kAppend, kIndexes, "NAMES", "ask the indexes again for these (:all:)"},
    // uninstall
    PipOption{"-y --yes", kFlag, kPipUninstall, "", "do not ask"},
    // list, freeze, inspect
    PipOption{"-o --outdated", kFlag, kPipList, "", "only what has a newer version"},
    PipOption{"-u --uptodate", kFlag, kPipList, "", "only what has none"},
    PipOption{"-e --editable", kFlag, kPipList, "", "only editable projects"},
    PipOption{"-l --local", kFlag, kListing, "", ""},
    PipOption{"--path", kAppend, kListing, "DIR", "what is installed in this folder"},
    PipOption{"--format", kValue, kPipList, "columns|freeze|json", "how to print it"},
    PipOption{"--not-required", kFlag, kPipList, "", "only what nothing else needs"},
    PipOption{"--exclude-editable", kFlag, kPipList | kPipFreeze, "", "no editable projects"},
    PipOption{"--include-editable", kFlag, kPipList, "", "also editable projects (default)"},
    PipOption{"--exclude", kAppend, kPipList | kPipFreeze, "NAME", "leave this one out"},
    PipOption{"--all", kFlag, kPipFreeze, "", "also pip, setuptools and wheel"},
    // the rest
    PipOption{"-f --files", kFlag, kPipShow, "", "also the list of installed files"},
    PipOption{"-a --algorithm", kValue, kPipHash, "sha256|sha384|sha512", "default: sha256"},
    PipOption{"--json", kFlag, kPipIndex, "", "as JSON"},
    PipOption{"--format", kValue, kPipCache, "human|abspath", "names and sizes, or paths"},
    PipOption{"--break-system-packages", kFlag, kPipInstall | kPipUninstall, "", ""},
    PipOption{"--root-user-action", kValue, kPipInstall | kPipUninstall, "warn|ignore", ""},
    PipOption{"--progress-bar", kValue, kSources, "auto|on|off|raw", "off: no live line"},
    PipOption{"--no-warn-script-location", kUnset, kPipInstall, "", ""},
    PipOption{"--no-warn-conflicts", kUnset, kPipInstall, "", ""},
    // everywhere
    PipOption{"-h --help", kFlag, kPipEverywhere, "", "this help"},
    PipOption{"--python", kValue, kPipEverywhere, "PYTHON",
              "the environment of this Python, or the Python meant"},
    PipOption{"--env", kValue, kPipEverywhere, "PATH|NAME", "the environment meant (not in pip)", true},
    PipOption{"--inside", kValue, kPipEverywhere, "ENV", "", true},
    PipOption{"--index-strategy", kValue, kIndexes, "first-index|best-match",
              "best-match: the best of all indexes, as pip does (not in pip)", true},
    PipOption{"-v --verbose", PipAction::Count, kPipEverywhere, "", "say more"},
    PipOption{"-q --quiet", PipAction::Count, kPipEverywhere, "", "say less; up to three times"},
    PipOption{"--no-input", kFlag, kPipEverywhere, "", "never ask"},
    PipOption{"--proxy", kValue, kPipEverywhere, "URL", "scheme://[user:password@]host:port"},
    PipOption{"--trusted-host", kAppend, kPipEverywhere, "HOST[:PORT]",
              "do not verify this host's certificate"},
    PipOption{"--cert", kValue, kPipEverywhere, "FILE", "certificates to trust instead of the system's"},
    PipOption{"--client-cert", kValue, kPipEverywhere, "FILE", "certificate and key to present to servers"},
    PipOption{"--no-color", kFlag, kPipEverywhere, "", "no colours"},
    PipOption{"--isolated", kFlag, kPipEverywhere, "", "no PIP_* variables and no pip.conf of the user's"},
    PipOption{"--require-virtualenv --require-venv", kFlag, kPipEverywhere, "", ""},
    PipOption{"--debug", kFlag, kPipEverywhere, "", ""},
    PipOption{"--log --log-file --local-log", kValue, kPipEverywhere, "FILE", ""},
    PipOption{"--keyring-provider", kValue, kPipEverywhere, "auto|disabled|import|subprocess", ""},
    PipOption{"--no-proxy-env", kFlag, kPipEverywhere, "", ""},
    PipOption{"--retries", kValue, kPipEverywhere, "N", "of each request"},
    PipOption{"--resume-retries", kValue, kPipEverywhere, "N", ""},
    PipOption{"--timeout --default-timeout", kValue, kPipEverywhere, "SECONDS",
              "how long to wait for a connection, or the next byte"},
    PipOption{"--exists-action", kAppend, kPipEverywhere, "s|i|w|b|a", ""},
    PipOption{"--cache-dir", kValue, kPipEverywhere, "DIR", ""},
    PipOption{"--no-cache-dir", kFlag, kPipEverywhere, "", ""},
    PipOption{"--disable-pip-version-check", kFlag, kPipEverywhere, "", ""},
    PipOption{"--no-python-version-warning", kFlag, kPipEverywhere, "", ""},
    PipOption{"--use-feature", kAppend, kPipEverywhere, "FEATURE", ""},
    PipOption{"--use-deprecated", kAppend, kPipEverywhere, "FEATURE", ""},
};

bool takes_value(const PipOption& option) {
  return option.action == PipAction::Value || option.action == PipAction::Append;
}

// "3", "3.12", "3.12.1", "312".
bool is_python_version(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '.');
  return parts.size() <= 3 && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           return !part.empty() && std::all_of(part.begin(), part.end(), is_ascii_digit);
         });
}

bool is_option(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

// Commands of pip that moat does not have.
struct Refusal {
  std::string_view name, why, hint;
};
constexpr std::array kRefused = {
    Refusal{"config", "moat keeps its settings in files of its own",
            "`moat config list` shows them, `moat config import-pip` takes over pip's"},
    Refusal{"debug", "it tells of pip itself", "`moat pip inspect` tells of an environment"},
    Refusal{"search", "no index answers it any more", "`moat pip index versions NAME` looks for one name"},
    Refusal{"lock", "pip's is an experiment", "`moat lock` writes pylock.toml"},
    Refusal{"completion", "it completes pip's own name", "`moat pip help` lists the commands"},
};

const PipCommandInfo* find_pip_command(std::string_view name) {
  const auto* found = std::find_if(kCommands.begin(), kCommands.end(),
                                   [&](const PipCommandInfo& one) { return one.name == name; });
  return found == kCommands.end() ? nullptr : found;
}

const PipCommandInfo& require_command(const std::string& name) {
  if (const PipCommandInfo* found = find_pip_command(name)) return *found;
  for (const Refusal& refusal : kRefused)
    if (refusal.name == name)
      throw Error(ErrorKind::NotFound, fmt::format("`moat pip {}` is not supported: {}", name, refusal.why),
                  {std::string(refusal.hint)});
  std::vector<std::string> known, hints;
  for (const PipCommandInfo& one : kCommands) known.emplace_back(one.name);
  if (const std::optional<std::string> near = nearest_name(name, known))
    hints.push_back(fmt::format("did you mean `moat pip {}`?", *near));
  hints.emplace_back("`moat pip help` lists the commands");
  throw Error(ErrorKind::NotFound, fmt::format("unknown command `moat pip {}`", name), std::move(hints));
}

// Parses a line the way optparse does.
class Reader {
 public:
  Reader(std::uint32_t where, std::string_view command) : where_(where), command_(command) {}

  // Words from `i` on; stops at the first that is not an option where `interspersed` is false.
  PipCommand read(const std::vector<std::string>& words, bool interspersed) {
    PipCommand out;
    for (next_ = 0; next_ < words.size();) {
      const std::string& word = words[next_];
      if (word == "--") {
        ++next_;
        break;
      }
      if (word.substr(0, 2) == "--") {
        ++next_;
        read_long(word, words, out);
      } else if (is_option(word)) {
        ++next_;
        read_short(word, words, out);
      } else if (interspersed) {
        out.arguments.push_back(word);
        ++next_;
      } else {
        break;
      }
    }
    if (interspersed)
      out.arguments.insert(out.arguments.end(), words.begin() + static_cast<std::ptrdiff_t>(next_),
                           words.end());
    return out;
  }

  std::size_t next() const { return next_; }

 private:
  void read_long(const std::string& word, const std::vector<std::string>& words, PipCommand& out) {
    const std::size_t equals = word.find('=');
    const PipOption& option = match(word.substr(0, equals));
    if (!takes_value(option)) {
      if (equals != word.npos) fail(fmt::format("--{} option does not take a value", option.long_name()));
      add(option, "", out);
    } else if (equals != word.npos) {
      add(option, word.substr(equals + 1), out);
    } else {
      add(option, value_from(words, fmt::format("--{}", option.long_name())), out);
    }
  }

  void read_short(const std::string& word, const std::vector<std::string>& words, PipCommand& out) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const std::string name{'-', word[i]};
      const PipOption* option = find(name);
      if (option == nullptr) fail(fmt::format("no such option: {}", name));
      if (!takes_value(*option)) {
        add(*option, "", out);
      } else {
        add(*option, i + 1 < word.size() ? word.substr(i + 1) : value_from(words, name), out);
        return;
      }
    }
  }

  std::string value_from(const std::vector<std::string>& words, const std::string& option) {
    if (next_ == words.size()) fail(fmt::format("{} option requires 1 argument", option));
    return words[next_++];
  }

  void add(const PipOption& option, std::string value, PipCommand& out) const {
    if (takes_value(option) && option.value.find('|') != option.value.npos &&
        ascii_lower(option.value) == option.value) {
      const std::vector<std::string_view> choices = split(option.value, '|');
      if (std::find(choices.begin(), choices.end(), value) == choices.end())
        fail(fmt::format("option --{}: invalid choice: {} (choose from {})", option.long_name(), quote(value),
                         fmt::join(choices, ", ")));
    }
    if (option.long_name() == "python-version" && !is_python_version(value))
      fail(fmt::format("invalid --python-version value: {} (3, 3.12, 3.12.1 and 312 are valid)",
                       quote(value)));
    if (option.long_name() == "help") out.help = true;
    out.given.emplace_back(option.long_name(), std::move(value));
  }

  bool belongs(const PipOption& option) const { return (option.where & where_) != 0; }

  const PipOption* find(std::string_view name) const {
    for (const PipOption& option : kOptions) {
      if (!belongs(option)) continue;
      for (const std::string_view one : split(option.names, ' '))
        if (one == name) return &option;
    }
    return nullptr;
  }

  const PipOption& match(std::string_view name) const {
    if (const PipOption* exact = find(name)) return *exact;
    std::vector<std::string> meant;
    const PipOption* last = nullptr;
    for (const PipOption& option : kOptions) {
      if (!belongs(option) || option.own) continue;
      for (const std::string_view one : split(option.names, ' '))
        if (one.substr(0, name.size()) == name) {
          meant.emplace_back(one);
          last = &option;
        }
    }
    if (meant.size() == 1) return *last;
    if (meant.empty()) fail(fmt::format("no such option: {}", name));
    std::sort(meant.begin(), meant.end());
    fail(fmt::format("ambiguous option: {} ({}?)", name, join(meant, ", ")));
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(
        ErrorKind::Usage, what,
        {fmt::format("`moat pip help{}{}` lists the options", command_.empty() ? "" : " ", command_)});
  }

  std::uint32_t where_;
  std::string_view command_;
  std::size_t next_ = 0;
};

}  // namespace

std::string_view PipOption::long_name() const {
  const std::size_t dashes = names.find("--");
  const std::string_view rest = names.substr(dashes + 2);
  return rest.substr(0, rest.find(' '));
}

std::span<const PipCommandInfo> pip_commands() { return kCommands; }
std::span<const PipOption> pip_options() { return kOptions; }

PipCommand parse_pip(const std::vector<std::string>& words) {
  // Options before the command are the general ones; -V is only valid here.
  std::vector<std::string> rest;
  for (const std::string& word : words) {
    if (!is_option(word)) break;
    if (word == "-V" || word == "--version") return {.version = true};
  }
  Reader general(1U << 31U, "");
  PipCommand out = general.read(words, false);
  if (general.next() == words.size()) {
    out.help = true;
    return out;
  }
  const std::string& name = words[general.next()];
  const PipCommandInfo& command = require_command(name);
  // As in pip: the general options are read again, with the command's own.
  rest = words;
  rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(general.next()));
  const bool help = out.help;
  out = Reader(command.where, command.name).read(rest, true);
  out.command = command.name;
  out.help = out.help || help;
  if (out.command == "help") {
    out.help = true;
    out.command = out.arguments.empty() ? "" : std::string(require_command(out.arguments.front()).name);
  }
  return out;
}

std::string pip_help(std::string_view command) {
  std::string out;
  const PipCommandInfo* info = find_pip_command(command);
  if (info == nullptr) {
    out =
        "Usage: moat pip COMMAND [OPTION…] …\n\npip's own spelling of what moat does "
        "(docs/pip.md).\n\nCommands:\n";
    for (const PipCommandInfo& one : kCommands) out += fmt::format("  {:<11} {}\n", one.name, one.summary);
    out += "\nGeneral options:\n";
  } else {
    out = fmt::format("Usage: moat pip {} {}\n\n{}\n\nOptions:\n", info->name, info->usage, info->summary);
  }
  const std::uint32_t where = info == nullptr ? 1U << 31U : info->where;
  std::string accepted;
  for (const PipOption& option : kOptions) {
    if ((option.where & where) == 0) continue;
    std::string names;
    for (const std::string_view one : split(option.names, ' '))
      names += fmt::format("{}{}", names.empty() ? "" : ", ", one);
    if (option.help.empty()) {
      if (option.own) continue;  // only for the environment's own pip
      accepted += fmt::format("{}--{}", accepted.empty() ? "" : ", ", option.long_name());
      continue;
    }
    if (names.substr(0, 2) == "--") names = "    " + names;
    if (takes_value(option)) names += fmt::format(" {}", option.value);
    out += names.size() > 34 ? fmt::format("  {}\n{:38}{}\n", names, "", option.help)
                             : fmt::format("  {:<36}{}\n", names, option.help);
  }
  if (!accepted.empty())
    out += "\n" +
           wrapped(fmt::format("Accepted for pip's sake, without effect: {}.", accepted), 0, kHelpWidth) +
           "\n";
  out += fmt::format("\nExample:\n  {}\n", (info == nullptr ? kCommands.front() : *info).example);
  return out;
}

}  // namespace moat
