#include "cli/settings/settings.h"

#include "cli/settings/compile_setting.h"
#include "cli/settings/index_list.h"
#include "cli/settings/pip_config.h"
#include "cli/settings/setting_layers.h"
#include "envs/project/workspace.h"
#include "fetch/os/file.h"
#include "fetch/os/given_file.h"
#include "fetch/os/ownership.h"
#include "fetch/os/presence.h"
#include "resolver/base/text.h"
#include "resolver/files/time_spec.h"
#include "resolver/files/toml.h"
#include "resolver/solve/fold_options.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

fs::path absolute_against(const fs::path& directory, const fs::path& path) {
  return (directory / path).lexically_normal();
}

// `~/x` in a settings file, or in a variable not expanded by a shell, is below the home folder.
fs::path folder_told(const Settings& settings, const std::string& text) {
  return absolute_against(settings.working_directory, expand_home(text, settings.home));
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// pyproject.toml of the folder that --project names, or the nearest one upwards that is obeyed.
void find_pyproject(Settings& settings, bool folder_is_named) {
  constexpr const char* kName = "pyproject.toml";
  if (folder_is_named && is_file(settings.working_directory / kName)) {
    settings.pyproject = settings.working_directory / kName;
    return;
  }
  FoundUpwards found = find_upwards(settings.working_directory, kName, is_file);
  settings.pyproject = std::move(found.path);
  for (const fs::path& other : found.passed_over)
    settings.warnings.push_back(fmt::format("{} belongs to {} and is not read; `--project {}` reads it",
                                            other.native(), owner_of(other), other.parent_path().native()));
}

TomlTable table_of(const std::string& toml, const fs::path& path) {
  Expected<TomlTable> table = parse_toml(toml);
  if (!table) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", path.native(), table.error().message));
  return std::move(*table);
}

std::vector<SettingTold> told_by(const SettingLayers& layers) {
  std::vector<SettingTold> out;
  for (const std::string& name : setting_names())
    if (auto told = layers.told(name)) out.push_back({name, std::move(told->value), std::move(told->where)});
  return out;
}

// `named`: the user asked for config_file, so it must exist.
void add_files(SettingLayers& layers, const Settings& settings, bool named) {
  if (!settings.reads_files) return;
  if (settings.script) {
    // A script is independent: settings of the surrounding project do not apply to it.
    if (const TomlValue* tool = find_key(settings.script->metadata.tool, "moat");
        tool != nullptr && tool->table() != nullptr)
      layers.add_project_file(settings.script->name, *tool->table());
  } else if (settings.pyproject) {
    const TomlTable project =
        table_of(settings.pyproject_text ? *settings.pyproject_text : read_file(*settings.pyproject),
                 *settings.pyproject);
    if (const TomlValue* tool = find_path(project, {"tool", "moat"});
        tool != nullptr && tool->table() != nullptr)
      layers.add_project_file(*settings.pyproject, *tool->table());
  }
  std::error_code ignored;
  if (named && !is_there(settings.config_file))
    throw Error(ErrorKind::BadInput,
                fmt::format("--config: no such file: {}", quote(settings.config_file.native())));
  if (named || fs::exists(settings.config_file, ignored))
    layers.add_file(settings.config_file,
                    table_of(read_given_file(settings.config_file).value_or(""), settings.config_file));
}

// Standard folders: MOAT_HOME for all three, else the XDG folders, else their defaults below $HOME.
fs::path set_folders(Settings& settings) {
  const Variables& variables = settings.variables;
  const auto folder = [&](const char* name, const fs::path& otherwise) {
    const std::string value = variable(variables, name);
    return value.empty() ? otherwise : folder_told(settings, value);
  };
  // Relative ones must be ignored (XDG Base Directory Specification).
  const auto xdg = [&](const char* name, const fs::path& otherwise) {
    const fs::path value = variable(variables, name);
    return value.is_absolute() ? value : otherwise;
  };
  settings.home = variable(variables, "HOME");
  const bool has_home = settings.home.is_absolute();
  // No path is below a file: so the user's own files are never looked for in the working directory.
  if (!has_home) settings.home = "/dev/null";
  const std::string all = variable(variables, "MOAT_HOME");
  settings.bin_dir = folder("MOAT_BIN_DIR", settings.home / ".local" / "bin");
  if (!all.empty()) {
    const fs::path root = folder_told(settings, all);
    settings.store_dir = root / "store";
    settings.data_dir = root / "data";
    return root / "config.toml";
  }
  if (!has_home && !fs::path(variable(variables, "XDG_CACHE_HOME")).is_absolute())
    throw Error(ErrorKind::Usage,
                variable(variables, "HOME").empty()
                    ? "neither HOME nor MOAT_HOME is set"
                    : "HOME is not an absolute path, and MOAT_HOME is not set",
                {"MOAT_HOME=/some/folder moat …"});
  settings.store_dir = xdg("XDG_CACHE_HOME", settings.home / ".cache") / "moat";
  settings.data_dir = xdg("XDG_DATA_HOME", settings.home / ".local" / "share") / "moat";
  return xdg("XDG_CONFIG_HOME", settings.home / ".config") / "moat" / "config.toml";
}

template <class T>
T chosen(const Told<std::string>& told, std::initializer_list<std::pair<std::string_view, T>> choices) {
  std::vector<std::string> names;
  for (const auto& [name, value] : choices) {
    if (told.value == name) return value;
    names.emplace_back(name);
  }
  throw Error(ErrorKind::Usage,
              fmt::format("{}: {} must be one of: {}", told.where, quote(told.value), join(names, ", ")));
}

// Flag, else a lower layer.
std::optional<Told<std::string>> first(const std::optional<std::string>& flag, const SettingLayers& layers,
                                       std::string_view name) {
  if (flag) return Told<std::string>{*flag, fmt::format("--{}", name)};
  return layers.text(name);
}
std::vector<std::string> first(const std::vector<std::string>& flag, const SettingLayers& layers,
                               std::string_view name) {
  return flag.empty() ? layers.list(name) : flag;
}

void set_prereleases(PrereleasePolicy& policy, const std::vector<std::string>& names, Prereleases as,
                     std::string_view option) {
  for (const std::string& value : names)
    for (const std::string_view part : split(value, ',')) {
      if (trim(part).empty()) continue;
      if (trim(part) == ":none:") {
        if (policy.otherwise == as) policy.otherwise = PrereleasePolicy().otherwise;
        std::erase_if(policy.by_name, [&](const auto& entry) { return entry.second == as; });
      } else if (trim(part) == ":all:")
        policy.otherwise = as;
      else
        policy.by_name.insert_or_assign(parse_package_name(trim(part), option), as);
    }
}

std::optional<std::chrono::seconds> window(const Told<std::string>& told) {
  if (ascii_lower(trim(told.value)) == "off") return std::nullopt;
  const std::optional<std::chrono::seconds> span = parse_age(told.value);
  // A window of zero would be doubled for ever.
  if (!span || span->count() == 0)
    throw Error(ErrorKind::Usage,
                fmt::format("{}: {} is not a valid duration", told.where, quote(told.value)),
                {"1y, 90d, 52w, or off"});
  return span;
}

// NAME or NAME=VALUE, with a name that a shell could set.
bool names_a_variable(std::string_view text) {
  const std::string_view name = text.substr(0, text.find('='));
  return !name.empty() && !is_ascii_digit(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_ascii_alnum(c) || c == '_'; });
}

void set_builds(Settings& settings, const SharedOptions& shared, const SettingLayers& layers) {
  for (const std::string& text : shared.config_settings) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Error(ErrorKind::Usage, fmt::format("--config-setting: expected KEY=VALUE, not {}", quote(text)));
    settings.config_settings.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  settings.targets = layers.list("targets");
  settings.default_groups = layers.list("default-groups");
  settings.build_env = layers.list_of_all("build-env");
  settings.build_env.insert(settings.build_env.end(), shared.build_env.begin(), shared.build_env.end());
  for (const std::string& text : settings.build_env)
    if (!names_a_variable(text))
      throw Error(ErrorKind::Usage,
                  fmt::format("build-env: expected NAME or NAME=VALUE, not {}", quote(text)));
  settings.build_constraints = first(shared.build_constraints, layers, "build-constraint");
  settings.no_build = shared.no_build || layers.flag("no-build").value_or(false);
  settings.build_isolation = !shared.no_build_isolation && !layers.flag("no-build-isolation").value_or(false);
  settings.build_network = shared.build_network || layers.flag("build-network").value_or(false);
}

void set_resolver(Settings& settings, const SharedOptions& shared, const SettingLayers& layers,
                  UnixTime now) {
  if (shared.pre || layers.flag("pre").value_or(false)) settings.prereleases.otherwise = Prereleases::Allow;
  set_prereleases(settings.prereleases, first(shared.all_releases, layers, "all-releases"),
                  Prereleases::Allow, "--all-releases");
  set_prereleases(settings.prereleases, first(shared.only_final, layers, "only-final"), Prereleases::Forbid,
                  "--only-final");
  if (const auto told = first(shared.resolution, layers, "resolution"))
    settings.resolution = chosen<ResolutionMode>(*told, {{"highest", ResolutionMode::Highest},
                                                         {"lowest", ResolutionMode::Lowest},
                                                         {"lowest-direct", ResolutionMode::LowestDirect}});
  if (const auto told = first(shared.fork, layers, "fork"))
    settings.fewest_forks = chosen<bool>(*told, {{"requires-python", false}, {"fewest", true}});
  if (const auto told = first(shared.exclude_newer, layers, "exclude-newer")) {
    settings.exclude_newer = parse_time(told->value, now);
    if (!settings.exclude_newer)
      throw Error(ErrorKind::Usage,
                  fmt::format("{}: {} is not a valid date or age", told->where, quote(told->value)),
                  {"2025-06-30, 2025-06-30T12:00:00Z, or an age such as 14d"});
  }
  if (const auto told = first(shared.window, layers, "window")) settings.window = window(*told);
  settings.overrides = shared.overrides;
  // Lower layers first: later entries override earlier ones. Two settings of one layer have no order, so
  // `:all:` goes before named packages.
  for (const bool all : {true, false})
    for (const char* name : {"no-binary", "only-binary"})
      for (const std::string& value : layers.list(name))
        if ((value.find(":all:") != value.npos) == all) settings.binary.emplace_back(name, value);
  // A project cannot allow more builds than the user does.
  for (const std::string& value : layers.users_list("only-binary"))
    settings.binary.emplace_back("only-binary", value);
  settings.binary.insert(settings.binary.end(), shared.binary.begin(), shared.binary.end());
  set_builds(settings, shared, layers);
  settings.refresh = shared.refresh;
  for (const std::string& name : shared.refresh_packages)
    settings.refresh_packages.push_back(parse_package_name(name, "--refresh-package"));
}

// Indexes that the user named, at any layer: their hosts may receive the user's values.
std::vector<Url> own_indexes(const SharedOptions& shared, const SettingLayers& layers) {
  std::vector<std::string> texts = {MOAT_DEFAULT_INDEX, shared.index_url.value_or(""),
                                    layers.users_text("index-url").value_or("")};
  const auto add = [&](const std::vector<std::string>& flags, std::string_view name) {
    texts.insert(texts.end(), flags.begin(), flags.end());
    const std::vector<std::string> told = layers.users_list(name);
    texts.insert(texts.end(), told.begin(), told.end());
  };
  add(shared.extra_index_urls, "extra-index-url");
  add(shared.find_links, "find-links");
  add(shared.indexes, "index");
  std::vector<Url> out;
  for (const std::string& text : texts) {
    const std::size_t url = text.find("http");  // NAME=URL as well
    if (url == std::string::npos) continue;
    if (Expected<Url> parsed = Url::parse(std::string_view(text).substr(url)))
      out.push_back(std::move(*parsed));
  }
  return out;
}

// A typed path is intended: Error(BadInput) if the file does not exist.
void check_is_there(const std::optional<std::string>& file, std::string_view option,
                    const fs::path& directory) {
  if (file && !is_there(absolute_against(directory, *file)))
    throw Error(ErrorKind::BadInput, fmt::format("{}: no such file: {}", option, quote(*file)));
}

void set_indexes(Settings& settings, const SharedOptions& shared, const SettingLayers& layers) {
  if (const auto told = first(shared.index_url, layers, "index-url")) settings.index_url = told->value;
  settings.extra_index_urls = first(shared.extra_index_urls, layers, "extra-index-url");
  settings.indexes = first(shared.indexes, layers, "index");
  settings.find_links = first(shared.find_links, layers, "find-links");
  settings.trusted_hosts = first(shared.trusted_hosts, layers, "trusted-host");
  settings.files_as_pip = shared.files_as_pip;
  settings.expand_variables = layers.list("expand-variables");
  settings.own_indexes = own_indexes(shared, layers);
  settings.skip_forbidden = layers.list("skip-forbidden");
  settings.no_input = shared.no_input || layers.flag("no-input").value_or(false);
  settings.no_index = shared.no_index || layers.flag("no-index").value_or(false);
  if (const auto told = first(shared.index_strategy, layers, "index-strategy"))
    settings.index_strategy = chosen<IndexStrategy>(
        *told, {{"first-index", IndexStrategy::FirstIndex}, {"best-match", IndexStrategy::BestMatch}});
  for (const auto& [name, index] : layers.table("pins"))
    settings.index_pins.insert_or_assign(parse_package_name(name, "`pins`"), index);
  check_is_there(shared.cert, "--cert", settings.working_directory);
  check_is_there(shared.client_cert, "--client-cert", settings.working_directory);
  if (const auto told = first(shared.cert, layers, "cert")) settings.cert = told->value;
  if (const auto told = first(shared.client_cert, layers, "client-cert")) settings.client_cert = told->value;
}

std::optional<Told<int>> first_number(const std::optional<std::string>& flag, const SettingLayers& layers,
                                      std::string_view name) {
  if (!flag) return layers.number(name);
  if (const std::optional<int> count = parse_count(*flag))
    return Told<int>{*count, fmt::format("--{}", name)};
  throw Error(ErrorKind::Usage, fmt::format("--{} must be a number, not {}", name, quote(*flag)));
}

void set_network(Settings& settings, const SharedOptions& shared, const SettingLayers& layers) {
  // These variables apply to everything that uses the network: git and builds as well.
  if (const auto told = first(shared.proxy, layers, "proxy"))
    for (const char* name : {"http_proxy", "https_proxy", "all_proxy"})
      settings.variables.insert_or_assign(name, told->value);
  if (const auto told = first_number(shared.timeout, layers, "timeout")) {
    if (told->value == 0) throw Error(ErrorKind::Usage, told->where + " must be at least 1 second");
    settings.timeout = std::chrono::seconds(told->value);
  }
  if (const auto told = first_number(shared.retries, layers, "retries")) settings.retries = told->value;
}

void set_rest(Settings& settings, const Invocation& invocation, const SettingLayers& layers) {
  const SharedOptions& shared = invocation.shared;
  settings.env = shared.env;
  settings.user = shared.user;
  if (shared.tool) settings.tool = parse_package_name(*shared.tool, "--tool");
  if (const auto told = first(shared.python, layers, "python")) settings.python = told->value;
  if (const auto told = first(std::nullopt, layers, "python-mirror")) settings.python_mirror = told->value;
  if (const auto told = first(std::nullopt, layers, "python-downloads"))
    settings.python_downloads = chosen<PythonDownloads>(
        *told,
        {{"ask", PythonDownloads::Ask}, {"auto", PythonDownloads::Auto}, {"never", PythonDownloads::Never}});
  // pip's --python names an environment, or a base.
  settings.python_is_option =
      shared.python.has_value() && !std::holds_alternative<PipCommand>(invocation.command);
  settings.offline = invocation.global.offline || layers.flag("offline").value_or(false);
  set_compile(settings, shared, layers);
  for (const std::string& name : shared.allow_bad_record) {
    if (name == ":all:")
      settings.allow_bad_records = true;
    else
      settings.allowed_bad_records.push_back(parse_package_name(name, "--allow-bad-record"));
  }
  settings.strict_files = shared.strict_files || layers.flag("strict-files").value_or(false);
  if (const auto told = first(shared.link_mode, layers, "link-mode"))
    settings.link_mode = chosen<LinkMode>(*told, {{"auto", LinkMode::Auto},
                                                  {"clone", LinkMode::Clone},
                                                  {"copy", LinkMode::Copy},
                                                  {"shared-binaries", LinkMode::SharedBinaries},
                                                  {"hardlink", LinkMode::Hardlink},
                                                  {"symlink", LinkMode::Symlink}});
  if (const auto told = first(std::nullopt, layers, "durable"))
    settings.durable = chosen<Durable>(
        *told, {{"auto", Durable::Auto}, {"always", Durable::Always}, {"never", Durable::Never}});
  if (const auto told = first(invocation.global.store_dir, layers, "store-dir"))
    settings.store_dir = folder_told(settings, told->value);
}

bool is_about_application(const Invocation& invocation) {
  const CommandOptions& command = invocation.command;
  return invocation.shared.tool || std::holds_alternative<ToolInstallCommand>(command) ||
         std::holds_alternative<ToolRunCommand>(command) ||
         std::holds_alternative<ToolListCommand>(command) ||
         std::holds_alternative<ToolUpgradeCommand>(command) ||
         std::holds_alternative<ToolUninstallCommand>(command);
}

void set_audit(Settings& settings, const SharedOptions& shared, const SettingLayers& layers) {
  settings.audit_ignore = layers.list_of_all("audit-ignore");
  settings.audit_ignore.insert(settings.audit_ignore.end(), shared.audit_ignore.begin(),
                               shared.audit_ignore.end());
  settings.no_vulnerable = shared.no_vulnerable || layers.flag("no-vulnerable").value_or(false);
  if (const auto told = first(shared.advisories, layers, "advisories")) settings.advisories = told->value;
  settings.allow_licences = layers.list("allow-licences");
  settings.deny_licences = layers.list("deny-licences");
}

ColorMode color_mode(const Told<std::string>& told) {
  return chosen<ColorMode>(
      told, {{"auto", ColorMode::Auto}, {"always", ColorMode::Always}, {"never", ColorMode::Never}});
}

}  // namespace

namespace {

// --script.
std::optional<std::string> named_script(const Invocation& invocation) {
  if (const auto* lock = std::get_if<LockCommand>(&invocation.command)) return lock->script;
  if (const auto* add = std::get_if<AddCommand>(&invocation.command)) return add->script;
  if (const auto* remove = std::get_if<RemoveCommand>(&invocation.command)) return remove->script;
  return std::nullopt;
}

// A script that is being edited needs no block yet.
Script named_script(const std::string& name, const Invocation& invocation,
                    const fs::path& working_directory) {
  const fs::path path = (working_directory / name).lexically_normal();
  if (!std::holds_alternative<AddCommand>(invocation.command) || !is_file(path))
    return read_script(name, working_directory);
  return script_of(name, path, read_file(path));
}

}  // namespace

namespace {

void find_workspace(Settings& settings) {
  if (!settings.pyproject) return;
  if (std::optional<fs::path> root = workspace_root(*settings.pyproject))
    settings.member = std::exchange(settings.pyproject, std::move(root));
}

// --package.
std::optional<std::string> named_member(const Invocation& invocation) {
  if (const auto* add = std::get_if<AddCommand>(&invocation.command)) return add->package;
  if (const auto* remove = std::get_if<RemoveCommand>(&invocation.command)) return remove->package;
  return std::nullopt;
}

void name_member(Settings& settings, const std::string& name) {
  const fs::path folder = find_member(workspace_members(settings), name).folder;
  settings.member.reset();
  if (folder != settings.pyproject->parent_path()) settings.member = folder / "pyproject.toml";
}

}  // namespace

Settings make_settings(const Invocation& invocation, const Variables& variables,
                       const fs::path& working_directory, UnixTime now) {
  Settings settings;
  settings.variables = variables;
  settings.working_directory = invocation.global.project
                                   ? absolute_against(working_directory, *invocation.global.project)
                                   : working_directory;
  if (invocation.global.project && !fs::is_directory(status_of(settings.working_directory)))
    throw Error(ErrorKind::Usage,
                fmt::format("--project: no such folder: {}", quote(settings.working_directory.native())));
  settings.config_file = set_folders(settings);
  if (invocation.global.config)
    settings.config_file = absolute_against(settings.working_directory, *invocation.global.config);
  // The hook runs before each prompt: a half-edited settings file must not break it.
  const bool is_hook = std::holds_alternative<HookCommand>(invocation.command);
  settings.reads_files = !invocation.global.no_config && (!is_hook || invocation.global.config);
  settings.heeds_project = !is_about_application(invocation) && !is_hook;
  const std::optional<std::string> script = named_script(invocation);
  if (settings.heeds_project && !script) {
    find_pyproject(settings, invocation.global.project.has_value());
    find_workspace(settings);
  }

  if (const auto* run = std::get_if<RunCommand>(&invocation.command))
    settings.script =
        run->from_input ? script_on_input() : find_script(run->command, settings.working_directory);
  if (script) settings.script = named_script(*script, invocation, settings.working_directory);

  if (settings.pyproject) settings.pyproject_text = read_file(*settings.pyproject);
  if (const auto named = named_member(invocation)) name_member(settings, *named);
  SettingLayers layers(settings.variables);
  add_files(layers, settings, invocation.global.config.has_value());
  for (std::string& warning : layers.warnings()) settings.warnings.push_back(std::move(warning));
  set_rest(settings, invocation, layers);
  set_resolver(settings, invocation.shared, layers, now);
  set_indexes(settings, invocation.shared, layers);
  set_network(settings, invocation.shared, layers);
  set_audit(settings, invocation.shared, layers);
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

std::vector<SettingTold> told_settings(const Settings& settings) {
  SettingLayers layers(settings.variables);
  add_files(layers, settings, false);
  return told_by(layers);
}

std::vector<SettingTold> told_settings(const std::string& toml, const fs::path& path) {
  const Variables none;
  SettingLayers layers(none);
  layers.add_file(path, table_of(toml, path));
  return told_by(layers);
}

void check_settings(const std::string& toml, const fs::path& path) {
  const Variables none;
  SettingLayers layers(none);
  layers.add_file(path, table_of(toml, path));
  Settings scratch;
  set_rest(scratch, {}, layers);
  set_resolver(scratch, {}, layers, 0);
  set_indexes(scratch, {}, layers);
  set_network(scratch, {}, layers);
  set_audit(scratch, {}, layers);
  index_list(scratch);
}

}  // namespace moat
