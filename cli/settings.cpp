#include "cli/settings.h"

#include "cli/nearest.h"
#include "fetch/os/file.h"
#include "fetch/simple_api.h"
#include "resolver/base/text.h"
#include "resolver/toml.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace moat {
namespace {

// Every setting a file or a variable may hold, by its name in files; the variable is MOAT_ and the name in
// capitals. `bin-dir`, `data-dir` and `home` are variables only.
constexpr std::array kFileSettings = {"all-releases",
                                      "build-constraint",
                                      "build-network",
                                      "cert",
                                      "client-cert",
                                      "compile",
                                      "exclude-newer",
                                      "extra-index-url",
                                      "find-links",
                                      "index",
                                      "index-strategy",
                                      "index-url",
                                      "link-mode",
                                      "no-binary",
                                      "no-build",
                                      "no-build-isolation",
                                      "no-index",
                                      "no-input",
                                      "offline",
                                      "only-binary",
                                      "only-final",
                                      "pins",
                                      "pre",
                                      "python",
                                      "resolution",
                                      "store-dir",
                                      "trusted-host",
                                      "window"};

std::string variable_name(std::string_view setting) {
  std::string out = "MOAT_";
  for (const char c : setting) out += c == '-' ? '_' : is_ascii_lower(c) ? static_cast<char>(c - 32) : c;
  return out;
}

// A value and where it was found, for messages.
template <class T>
struct Told {
  T value;
  std::string where;
};

// The layers below the command line.
class Layers {
 public:
  Layers(const Variables& variables) : variables_(variables) {}

  void add_file(const fs::path& path, TomlTable table) { files_.push_back({path, std::move(table)}); }

  std::optional<Told<std::string>> text(std::string_view name) const {
    if (auto told = from_variable(name)) return told;
    for (const File& file : files_)
      if (const TomlValue* value = find_key(file.table, name)) {
        if (value->string() == nullptr) wrong_type(file, name, *value, "a text");
        return Told<std::string>{*value->string(), where(file, name, *value)};
      }
    return std::nullopt;
  }

  std::optional<bool> flag(std::string_view name) const {
    if (const auto told = from_variable(name)) {
      const std::string value = ascii_lower(told->value);
      if (value == "1" || value == "true" || value == "yes" || value == "on") return true;
      if (value == "0" || value == "false" || value == "no" || value == "off") return false;
      throw Error(ErrorKind::Usage, fmt::format("{} is not 1 or 0 but {}", told->where, quote(told->value)));
    }
    for (const File& file : files_)
      if (const TomlValue* value = find_key(file.table, name)) {
        if (value->boolean() == nullptr) wrong_type(file, name, *value, "true or false");
        return *value->boolean();
      }
    return std::nullopt;
  }

  // Variables: separated by spaces or line ends; files: a list, or one text.
  std::vector<std::string> list(std::string_view name) const {
    std::vector<std::string> out;
    if (const auto told = from_variable(name)) {
      std::string word;
      for (const char c : told->value + " ") {
        if (!is_ascii_space(c))
          word += c;
        else if (!word.empty())
          out.push_back(std::exchange(word, {}));
      }
      return out;
    }
    for (const File& file : files_)
      if (const TomlValue* value = find_key(file.table, name)) {
        if (value->string() != nullptr) return {*value->string()};
        if (value->array() == nullptr) wrong_type(file, name, *value, "a list of texts");
        for (const TomlValue& element : *value->array()) {
          if (element.string() == nullptr) wrong_type(file, name, element, "a list of texts");
          out.push_back(*element.string());
        }
        return out;
      }
    return out;
  }

  std::map<std::string, std::string> table(std::string_view name) const {
    std::map<std::string, std::string> out;
    for (const File& file : files_)
      if (const TomlValue* value = find_key(file.table, name)) {
        if (value->table() == nullptr) wrong_type(file, name, *value, "a table of texts");
        for (const auto& [key, element] : *value->table()) {
          if (element.string() == nullptr) wrong_type(file, name, element, "a table of texts");
          out.emplace(key, *element.string());
        }
      }
    return out;
  }

  // Whatever it is, where it counts.
  std::optional<Told<std::vector<std::string>>> told(std::string_view name) const {
    if (const auto told = from_variable(name))
      return Told<std::vector<std::string>>{
          setting_kind(name) == SettingKind::List ? list(name) : std::vector{told->value}, told->where};
    for (const File& file : files_) {
      const TomlValue* value = find_key(file.table, name);
      if (value == nullptr) continue;
      Told<std::vector<std::string>> out{{}, fmt::format("{}:{}", file.path.native(), value->line)};
      if (value->boolean() != nullptr) out.value.emplace_back(*value->boolean() ? "true" : "false");
      if (value->string() != nullptr) out.value.push_back(*value->string());
      if (value->array() != nullptr) out.value = list(name);
      if (value->table() != nullptr)
        for (const auto& [key, text] : table(name)) out.value.push_back(key + "=" + text);
      return out;
    }
    return std::nullopt;
  }

  std::vector<std::string> unknown_settings() const {
    std::vector<std::string> out;
    const std::vector<std::string> known(kFileSettings.begin(), kFileSettings.end());
    for (const File& file : files_)
      for (const auto& [key, value] : file.table)
        if (std::find(known.begin(), known.end(), key) == known.end()) {
          const std::optional<std::string> near = nearest_name(key, known);
          out.push_back(fmt::format("{}:{} sets {}, which is not a setting{}", file.path.native(), value.line,
                                    quote(key), near ? fmt::format("; did you mean `{}`?", *near) : ""));
        }
    return out;
  }

 private:
  struct File {
    fs::path path;
    TomlTable table;
  };

  std::optional<Told<std::string>> from_variable(std::string_view name) const {
    const std::string key = variable_name(name);
    const auto found = variables_.find(key);
    if (found == variables_.end() || found->second.empty()) return std::nullopt;
    return Told<std::string>{found->second, key};
  }
  static std::string where(const File& file, std::string_view name, const TomlValue& value) {
    return fmt::format("`{}` in {}:{}", name, file.path.native(), value.line);
  }
  [[noreturn]] static void wrong_type(const File& file, std::string_view name, const TomlValue& value,
                                      std::string_view wanted) {
    throw Error(ErrorKind::BadInput, fmt::format("{} is not {}", where(file, name, value), wanted));
  }

  const Variables& variables_;
  std::vector<File> files_;
};

fs::path absolute_against(const fs::path& directory, const fs::path& path) {
  return path.is_absolute() ? path.lexically_normal() : (directory / path).lexically_normal();
}

std::optional<fs::path> find_upwards(fs::path directory, const char* name) {
  for (;; directory = directory.parent_path()) {
    std::error_code ignored;
    if (fs::is_regular_file(directory / name, ignored)) return directory / name;
    if (directory == directory.parent_path()) return std::nullopt;
  }
}

TomlTable read_toml(const fs::path& path) {
  Expected<TomlTable> table = parse_toml(read_file(path));
  if (!table) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", path.native(), table.error().message));
  return std::move(*table);
}

void add_files(Layers& layers, const GlobalOptions& global, const Settings& settings) {
  if (global.no_config) return;
  if (settings.script) {
    // It stands for itself: what the project around it sets is not meant for it.
    if (const TomlValue* tool = find_key(settings.script->metadata.tool, "moat");
        tool != nullptr && tool->table() != nullptr)
      layers.add_file(settings.script->name, *tool->table());
  } else if (settings.pyproject) {
    const TomlTable project = read_toml(*settings.pyproject);
    if (const TomlValue* tool = find_path(project, {"tool", "moat"});
        tool != nullptr && tool->table() != nullptr)
      layers.add_file(*settings.pyproject, *tool->table());
  }
  std::error_code ignored;
  const bool named = global.config.has_value();
  if (named || fs::exists(settings.config_file, ignored))
    layers.add_file(settings.config_file, read_toml(settings.config_file));
}

// Where things are: MOAT_HOME for all three, else the XDG folders, else their defaults below $HOME.
fs::path set_folders(Settings& settings) {
  const Variables& variables = settings.variables;
  const auto folder = [&](const char* name, const fs::path& otherwise) {
    const std::string value = variable(variables, name);
    return value.empty() ? otherwise : absolute_against(settings.working_directory, value);
  };
  settings.home = variable(variables, "HOME");
  const std::string all = variable(variables, "MOAT_HOME");
  settings.bin_dir = folder("MOAT_BIN_DIR", settings.home / ".local" / "bin");
  if (!all.empty()) {
    const fs::path root = absolute_against(settings.working_directory, all);
    settings.store_dir = root / "store";
    settings.data_dir = root / "data";
    return root / "config.toml";
  }
  if (settings.home.empty() && variable(variables, "XDG_CACHE_HOME").empty())
    throw Error(ErrorKind::Usage, "neither HOME nor MOAT_HOME is set", {"MOAT_HOME=/some/folder moat …"});
  settings.store_dir = folder("XDG_CACHE_HOME", settings.home / ".cache") / "moat";
  settings.data_dir = folder("XDG_DATA_HOME", settings.home / ".local" / "share") / "moat";
  return folder("XDG_CONFIG_HOME", settings.home / ".config") / "moat" / "config.toml";
}

template <class T>
T chosen(const Told<std::string>& told, std::initializer_list<std::pair<std::string_view, T>> choices) {
  std::vector<std::string> names;
  for (const auto& [name, value] : choices) {
    if (told.value == name) return value;
    names.emplace_back(name);
  }
  throw Error(ErrorKind::Usage,
              fmt::format("{}: {} is none of {}", told.where, quote(told.value), join(names, ", ")));
}

// Flag, else a lower layer.
std::optional<Told<std::string>> first(const std::optional<std::string>& flag, const Layers& layers,
                                       std::string_view name) {
  if (flag) return Told<std::string>{*flag, fmt::format("--{}", name)};
  return layers.text(name);
}
std::vector<std::string> first(const std::vector<std::string>& flag, const Layers& layers,
                               std::string_view name) {
  return flag.empty() ? layers.list(name) : flag;
}

PackageName package_name(std::string_view text, std::string_view where) {
  Expected<PackageName> name = PackageName::parse(text);
  if (!name)
    throw Error(ErrorKind::Usage, fmt::format("{}: {}: {}", where, quote(text), name.error().message));
  return std::move(*name);
}

void set_prereleases(PrereleasePolicy& policy, const std::vector<std::string>& names, Prereleases as,
                     std::string_view option) {
  for (const std::string& value : names)
    for (const std::string_view part : split(value, ',')) {
      if (trim(part).empty()) continue;
      if (trim(part) == ":all:")
        policy.otherwise = as;
      else
        policy.by_name.insert_or_assign(package_name(trim(part), option), as);
    }
}

std::optional<std::chrono::seconds> window(const Told<std::string>& told) {
  if (ascii_lower(trim(told.value)) == "off") return std::nullopt;
  const std::optional<std::chrono::seconds> span = parse_age(told.value);
  // A window of nothing would be doubled for ever.
  if (!span || span->count() == 0)
    throw Error(ErrorKind::Usage, fmt::format("{}: {} is no span of time", told.where, quote(told.value)),
                {"1y, 90d, 52w, or off"});
  return span;
}

void set_builds(Settings& settings, const SharedOptions& shared, const Layers& layers) {
  for (const std::string& text : shared.config_settings) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Error(ErrorKind::Usage, fmt::format("--config-setting: {} is not KEY=VALUE", quote(text)));
    settings.config_settings.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  settings.build_constraints = first(shared.build_constraints, layers, "build-constraint");
  settings.no_build = shared.no_build || layers.flag("no-build").value_or(false);
  settings.build_isolation = !shared.no_build_isolation && !layers.flag("no-build-isolation").value_or(false);
  settings.build_network = shared.build_network || layers.flag("build-network").value_or(false);
}

void set_resolver(Settings& settings, const SharedOptions& shared, const Layers& layers, UnixTime now) {
  if (shared.pre || layers.flag("pre").value_or(false)) settings.prereleases.otherwise = Prereleases::Allow;
  set_prereleases(settings.prereleases, first(shared.all_releases, layers, "all-releases"),
                  Prereleases::Allow, "--all-releases");
  set_prereleases(settings.prereleases, first(shared.only_final, layers, "only-final"), Prereleases::Forbid,
                  "--only-final");
  if (const auto told = first(shared.resolution, layers, "resolution"))
    settings.resolution = chosen<ResolutionMode>(*told, {{"highest", ResolutionMode::Highest},
                                                         {"lowest", ResolutionMode::Lowest},
                                                         {"lowest-direct", ResolutionMode::LowestDirect}});
  if (const auto told = first(shared.exclude_newer, layers, "exclude-newer")) {
    settings.exclude_newer = parse_moment(told->value, now);
    if (!settings.exclude_newer)
      throw Error(ErrorKind::Usage,
                  fmt::format("{}: {} is neither a date nor an age", told->where, quote(told->value)),
                  {"2025-06-30, 2025-06-30T12:00:00Z, or an age such as 14d"});
  }
  if (const auto told = first(shared.window, layers, "window")) settings.window = window(*told);
  settings.overrides = shared.overrides;
  // Lower layers first: later entries override earlier ones.
  for (const char* name : {"no-binary", "only-binary"})
    for (const std::string& value : layers.list(name)) settings.binary.emplace_back(name, value);
  settings.binary.insert(settings.binary.end(), shared.binary.begin(), shared.binary.end());
  set_builds(settings, shared, layers);
  settings.refresh = shared.refresh;
  for (const std::string& name : shared.refresh_packages)
    settings.refresh_packages.push_back(package_name(name, "--refresh-package"));
}

void set_indexes(Settings& settings, const SharedOptions& shared, const Layers& layers) {
  if (const auto told = first(shared.index_url, layers, "index-url")) settings.index_url = told->value;
  settings.extra_index_urls = first(shared.extra_index_urls, layers, "extra-index-url");
  settings.indexes = first(shared.indexes, layers, "index");
  settings.find_links = first(shared.find_links, layers, "find-links");
  settings.trusted_hosts = first(shared.trusted_hosts, layers, "trusted-host");
  settings.no_input = shared.no_input || layers.flag("no-input").value_or(false);
  settings.no_index = shared.no_index || layers.flag("no-index").value_or(false);
  if (const auto told = first(shared.index_strategy, layers, "index-strategy"))
    settings.index_strategy = chosen<IndexStrategy>(
        *told, {{"first-index", IndexStrategy::FirstIndex}, {"best-match", IndexStrategy::BestMatch}});
  for (const auto& [name, index] : layers.table("pins"))
    settings.index_pins.insert_or_assign(package_name(name, "`pins`"), index);
  if (const auto told = first(shared.cert, layers, "cert")) settings.cert = told->value;
  if (const auto told = first(shared.client_cert, layers, "client-cert")) settings.client_cert = told->value;
}

void set_rest(Settings& settings, const Invocation& invocation, const Layers& layers) {
  const SharedOptions& shared = invocation.shared;
  settings.env = shared.env;
  settings.user = shared.user;
  if (const auto told = first(shared.python, layers, "python")) settings.python = told->value;
  settings.offline = invocation.global.offline || layers.flag("offline").value_or(false);
  settings.compile = !shared.no_compile && layers.flag("compile").value_or(true);
  if (const auto told = first(shared.link_mode, layers, "link-mode"))
    settings.link_mode = chosen<LinkMode>(*told, {{"auto", LinkMode::Auto},
                                                  {"clone", LinkMode::Clone},
                                                  {"copy", LinkMode::Copy},
                                                  {"hardlink", LinkMode::Hardlink},
                                                  {"symlink", LinkMode::Symlink}});
  if (const auto told = first(invocation.global.store_dir, layers, "store-dir"))
    settings.store_dir = absolute_against(settings.working_directory, told->value);
}

ColorMode color_mode(const Told<std::string>& told) {
  return chosen<ColorMode>(
      told, {{"auto", ColorMode::Auto}, {"always", ColorMode::Always}, {"never", ColorMode::Never}});
}

Url index_url(const std::string& text, const fs::path& directory) {
  if (text.find("://") == std::string::npos && text.substr(0, 5) != "file:")
    return Url::from_path(absolute_against(directory, text).native());
  Expected<Url> url = Url::parse(text);
  if (!url)
    throw Error(ErrorKind::Usage,
                fmt::format("{} is not the URL of an index: {}", quote(text), url.error().message));
  return std::move(*url);
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> seconds_of(char unit, bool time_part) {
  switch (unit) {
    case 'y':
      return 365 * 86400;
    case 'w':
      return 7 * 86400;
    case 'd':
      return 86400;
    case 'h':
      return 3600;
    case 'm':
      return time_part ? std::optional<std::uint64_t>(60) : std::nullopt;
    case 's':
      return 1;
    default:
      return std::nullopt;
  }
}

// pip keeps two sets for such a pair of options; a name put into one leaves the other.
struct NameSet {
  bool all = false;
  std::map<PackageName, bool> names;  // false: not in the set, whatever `all` says

  bool holds(const PackageName& name) const {
    const auto found = names.find(name);
    return found == names.end() ? all : found->second;
  }
};

// `options`: {name, "foo,bar"}, {name, ":all:"} or {name, ":none:"}, in order; `first` names the first set's.
std::pair<NameSet, NameSet> fold_sides(const std::vector<std::pair<std::string, std::string>>& options,
                                       std::string_view first) {
  std::pair<NameSet, NameSet> sides;
  for (const auto& [option, value] : options) {
    if (option == "pre") {  // all, but for what has been named
      sides.first.all = true;
      continue;
    }
    NameSet& side = option == first ? sides.first : sides.second;
    NameSet& other = option == first ? sides.second : sides.first;
    for (const std::string_view part : split(value, ',')) {
      const std::string_view name = trim(part);
      if (name.empty()) continue;
      if (name == ":none:") {
        side = {};
      } else if (name == ":all:") {
        side = {.all = true, .names = {}};
        other = {};
      } else {
        const PackageName package = package_name(name, "--" + option);
        side.names.insert_or_assign(package, true);
        other.names.insert_or_assign(package, false);
      }
    }
  }
  return sides;
}

}  // namespace

Variables read_variables() {
  Variables out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

std::string variable(const Variables& variables, std::string_view name) {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string() : found->second;
}

Settings make_settings(const Invocation& invocation, const Variables& variables,
                       const fs::path& working_directory, UnixTime now) {
  Settings settings;
  settings.variables = variables;
  settings.working_directory = invocation.global.project
                                   ? absolute_against(working_directory, *invocation.global.project)
                                   : working_directory;
  if (std::error_code ignored;
      invocation.global.project && !fs::is_directory(settings.working_directory, ignored))
    throw Error(ErrorKind::Usage,
                fmt::format("--project: there is no folder {}", quote(settings.working_directory.native())));
  settings.config_file = set_folders(settings);
  if (invocation.global.config)
    settings.config_file = absolute_against(settings.working_directory, *invocation.global.config);
  settings.reads_files = !invocation.global.no_config;
  settings.pyproject = find_upwards(settings.working_directory, "pyproject.toml");

  if (const auto* run = std::get_if<RunCommand>(&invocation.command))
    settings.script = find_script(run->command, settings.working_directory);

  Layers layers(settings.variables);
  add_files(layers, invocation.global, settings);
  settings.warnings = layers.unknown_settings();
  set_rest(settings, invocation, layers);
  set_resolver(settings, invocation.shared, layers, now);
  set_indexes(settings, invocation.shared, layers);
  return settings;
}

OutputOptions output_options(const GlobalOptions& global, const Variables& variables) {
  OutputOptions options;
  const std::string by_variable = variable(variables, "MOAT_COLOR");
  if (global.color)
    options.color = color_mode({*global.color, "--color"});
  else if (!by_variable.empty())
    options.color = color_mode({by_variable, "MOAT_COLOR"});
  options.variables = {variable(variables, "NO_COLOR"), variable(variables, "FORCE_COLOR"),
                       variable(variables, "CLICOLOR"), variable(variables, "CLICOLOR_FORCE"),
                       variable(variables, "TERM")};
  options.json = global.json;
  options.progress = !global.no_progress && !global.json;
  options.verbosity = global.verbose - global.quiet;
  return options;
}

std::optional<std::chrono::seconds> parse_age(std::string_view text) {
  const std::string lower = ascii_lower(trim(text));
  std::string_view rest = lower;
  const bool iso = !rest.empty() && rest.front() == 'p';
  if (iso) rest.remove_prefix(1);
  bool time_part = !iso;
  std::uint64_t total = 0;
  bool any = false;
  while (!rest.empty()) {
    if (iso && rest.front() == 't' && !time_part) {
      time_part = true;
      rest.remove_prefix(1);
      continue;
    }
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const std::optional<std::uint64_t> count = whole_number(rest.substr(0, digits));
    if (!count || digits == rest.size() || *count > 1'000'000'000) return std::nullopt;
    const std::optional<std::uint64_t> unit = seconds_of(rest[digits], time_part);
    if (!unit) return std::nullopt;
    total += *count * *unit;
    if (total > std::uint64_t{1} << 62U) return std::nullopt;
    any = true;
    rest.remove_prefix(digits + 1);
  }
  if (!any) return std::nullopt;
  return std::chrono::seconds(static_cast<std::int64_t>(total));
}

std::optional<UnixTime> parse_moment(std::string_view text, UnixTime now) {
  const std::string trimmed(trim(text));
  if (const std::optional<std::chrono::seconds> age = parse_age(trimmed)) return now - age->count();
  // A TOML reader knows dates in all their forms.
  const Expected<TomlTable> table = parse_toml("moment = " + trimmed + "\n");
  if (!table || table->size() != 1) return std::nullopt;
  const TomlValue* value = find_key(*table, "moment");
  if (value == nullptr || value->datetime() == nullptr) return std::nullopt;
  return value->datetime()->unix_seconds;
}

std::optional<SettingKind> setting_kind(std::string_view name) {
  constexpr std::array<std::string_view, 7> kFlags = {
      "build-network", "compile", "no-build", "no-build-isolation", "no-index", "offline", "pre"};
  constexpr std::array<std::string_view, 9> kLists = {
      "all-releases", "build-constraint", "extra-index-url", "find-links",  "index",
      "no-binary",    "only-binary",      "only-final",      "trusted-host"};
  const auto is_in = [&](const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (!is_in(kFileSettings)) return std::nullopt;
  if (is_in(kFlags)) return SettingKind::Flag;
  if (is_in(kLists)) return SettingKind::List;
  return name == "pins" ? SettingKind::Table : SettingKind::Text;
}

std::vector<std::string> setting_names() { return {kFileSettings.begin(), kFileSettings.end()}; }

std::vector<SettingTold> told_settings(const Settings& settings) {
  Layers layers(settings.variables);
  add_files(layers, {.no_config = !settings.reads_files}, settings);
  std::vector<SettingTold> out;
  for (const std::string& name : setting_names())
    if (auto told = layers.told(name)) out.push_back({name, std::move(told->value), std::move(told->where)});
  return out;
}

void check_settings(const std::string& toml, const fs::path& path) {
  Expected<TomlTable> table = parse_toml(toml);
  if (!table) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", path.native(), table.error().message));
  const Variables none;
  Layers layers(none);
  layers.add_file(path, std::move(*table));
  Settings scratch;
  set_rest(scratch, {}, layers);
  set_resolver(scratch, {}, layers, 0);
  set_indexes(scratch, {}, layers);
  index_list(scratch);
}

BinaryPolicy fold_binary(const std::vector<std::pair<std::string, std::string>>& binary) {
  const auto [no, only] = fold_sides(binary, "no-binary");
  BinaryPolicy policy;
  policy.allow_wheels = !no.all;
  policy.allow_sdists = !only.all;
  for (const NameSet* side : {&no, &only})
    for (const auto& [name, in] : side->names)
      policy.by_name.insert_or_assign(name, std::pair{!no.holds(name), !only.holds(name)});
  return policy;
}

PrereleasePolicy fold_releases(const RequirementsOptions& file) {
  const auto [all, final] = fold_sides(file.releases, "all-releases");
  PrereleasePolicy policy;
  if (all.all)
    policy.otherwise = Prereleases::Allow;
  else if (final.all)
    policy.otherwise = Prereleases::Forbid;
  for (const auto& [side, as] : {std::pair{&all, Prereleases::Allow}, std::pair{&final, Prereleases::Forbid}})
    for (const auto& [name, in] : side->names)
      if (in) policy.by_name.insert_or_assign(name, as);
  return policy;
}

IndexList index_list(const Settings& settings, const RequirementsOptions& file) {
  IndexList list;
  list.strategy = settings.index_strategy;
  list.pins = settings.index_pins;
  list.trusted_hosts = settings.trusted_hosts;
  list.trusted_hosts.insert(list.trusted_hosts.end(), file.trusted_hosts.begin(), file.trusted_hosts.end());
  list.find_links = settings.find_links;
  list.find_links.insert(list.find_links.end(), file.find_links.begin(), file.find_links.end());
  for (std::string& link : list.find_links)
    if (link.find("://") == std::string::npos && link.substr(0, 5) != "file:")
      link = absolute_against(settings.working_directory, link).native();
  if (settings.no_index || (file.no_index && !settings.index_url && settings.indexes.empty())) return list;

  const fs::path& directory = settings.working_directory;
  for (const std::string& text : settings.indexes) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || text.find('/') < equals)
      throw Error(ErrorKind::Usage, fmt::format("--index: {} is not NAME=URL", quote(text)),
                  {"--index internal=https://index.example/simple"});
    list.indexes.push_back({text.substr(0, equals), index_url(text.substr(equals + 1), directory)});
  }
  for (const std::vector<std::string>* urls : {&settings.extra_index_urls, &file.extra_index_urls})
    for (const std::string& text : *urls) list.indexes.push_back({"", index_url(text, directory)});
  const std::string last =
      settings.index_url ? *settings.index_url : file.index_url.value_or(MOAT_DEFAULT_INDEX);
  list.indexes.push_back({"", index_url(last, directory)});
  return list;
}

}  // namespace moat
