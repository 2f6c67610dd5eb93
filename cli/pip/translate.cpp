#include "cli/pip/translate.h"

#include "cli/args/pip_options.h"
#include "cli/session/which_env.h"
#include "cli/settings/pip_config.h"
#include "envs/environment/environment.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace moat {
namespace {

// About indexes and the connection to them.
constexpr std::array<std::string_view, 10> kIndexSettings = {
    "index-url", "extra-index-url", "no-index", "find-links", "trusted-host",
    "cert",      "client-cert",     "proxy",    "timeout",    "retries"};

// pip's other settings that decide which packages are installed, or where.
constexpr std::array<std::string_view, 23> kDecisive = {"constraint",
                                                        "requirement",
                                                        "build-constraint",
                                                        "no-binary",
                                                        "only-binary",
                                                        "pre",
                                                        "all-releases",
                                                        "only-final",
                                                        "require-hashes",
                                                        "no-deps",
                                                        "target",
                                                        "prefix",
                                                        "root",
                                                        "user",
                                                        "python",
                                                        "upgrade",
                                                        "force-reinstall",
                                                        "ignore-installed",
                                                        "platform",
                                                        "python-version",
                                                        "uploaded-prior-to",
                                                        "config-settings",
                                                        "upgrade-strategy"};

template <std::size_t N>
bool holds(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// pip accepts fractions of seconds as well.
std::string whole_seconds(const std::string& text) {
  char* end = nullptr;
  const double seconds = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(seconds > 0) || seconds > 1e6) return text;
  return fmt::format("{:.0f}", std::ceil(seconds));
}

void take_index_settings(SharedOptions& shared, const std::vector<PipSetting>& settings) {
  for (const PipSetting& setting : settings) {
    if (setting.key == "index-url")
      shared.index_url = setting.value;
    else if (setting.key == "extra-index-url")
      shared.extra_index_urls = pip_list(setting);
    else if (setting.key == "find-links")
      shared.find_links = pip_list(setting);
    else if (setting.key == "trusted-host")
      shared.trusted_hosts = pip_list(setting);
    else if (setting.key == "no-index")
      shared.no_index = pip_flag(setting);
    else if (setting.key == "cert")
      shared.cert = setting.value;
    else if (setting.key == "client-cert")
      shared.client_cert = setting.value;
    else if (setting.key == "proxy")
      shared.proxy = setting.value;
    else if (setting.key == "timeout")
      shared.timeout = whole_seconds(setting.value);
    else if (setting.key == "retries")
      shared.retries = setting.value;
  }
}

// Does the command have an option of this name?
bool has_option(std::string_view command, std::string_view name) {
  for (const PipCommandInfo& info : pip_commands()) {
    if (info.name != command) continue;
    for (const PipOption& option : pip_options()) {
      const std::vector<std::string_view> names = split(option.names, ' ');
      if ((option.where & info.where) != 0 &&
          std::find(names.begin(), names.end(), fmt::format("--{}", name)) != names.end())
        return true;
    }
  }
  return false;
}

void warn_of_the_rest(Invocation& invocation, const PipCommand& pip,
                      const std::vector<PipSetting>& settings) {
  for (const PipSetting& setting : settings) {
    if (holds(kIndexSettings, setting.key) || !holds(kDecisive, setting.key) || pip.has(setting.key))
      continue;
    if (!has_option(pip.command, setting.key)) continue;
    invocation.warnings.push_back(fmt::format(
        "{} is not obeyed: of pip's configuration moat reads what is about indexes; `--{}` on the command "
        "line has the same effect",
        setting.where, setting.key));
  }
}

// An environment that was found, not named, may be part of a checkout: its pip.conf may say which packages to
// take from where, but not how to connect.
void drop_ways(std::vector<PipSetting>& settings, const fs::path& environment, Invocation& invocation) {
  constexpr std::array<std::string_view, 4> kWays = {"trusted-host", "cert", "client-cert", "proxy"};
  const std::string file = (environment / "pip.conf").native() + ":";
  std::erase_if(settings, [&](const PipSetting& setting) {
    if (!setting.where.starts_with(file) || !holds(kWays, setting.key)) return false;
    invocation.warnings.push_back(
        fmt::format("`{0}` in {1} has no effect: an environment's own file cannot set it; `--{0}` does",
                    setting.key, setting.where));
    return true;
  });
}

// As pip names an environment.
void refuse_user(const SharedOptions& shared, const PipCommand& pip) {
  if (shared.user && pip.command == "install")
    throw Error(
        ErrorKind::Refused,
        "cannot install with --user here: packages in ~/.local are not seen in this environment",
        {"`pip install` without --user installs into it", "`moat install --user` installs for this user"});
}

// `--python`: an environment, a Python inside one, or a Python to install for.
void take_python(SharedOptions& shared, const PipCommand& pip, const fs::path& directory) {
  const std::string python = pip.value("python");
  const fs::path path = directory / python;
  std::error_code ignored;
  if (Environment::exists_at(path))
    shared.env = path.lexically_normal().native();
  else if (python.find('/') != python.npos && Environment::exists_at(path.parent_path().parent_path()))
    shared.env = path.parent_path().parent_path().lexically_normal().native();
  else if (python.find('/') != python.npos && !fs::exists(path, ignored))
    throw Error(ErrorKind::NoInterpreter,
                fmt::format("could not locate Python interpreter {}", quote(python)));
  else
    shared.python = python;
  if (shared.env) refuse_user(shared, pip);
}

// Called as the environment's own pip: it works on that environment, as pip itself does.
void take_inside(SharedOptions& shared, const PipCommand& pip) {
  refuse_user(shared, pip);
  if (!shared.user) shared.env = pip.value("inside");
}

void take_names(std::vector<std::string>& into, const std::vector<std::string>& values) {
  into.insert(into.end(), values.begin(), values.end());
}

void take_options(Invocation& invocation, const PipCommand& pip, const fs::path& home) {
  SharedOptions& shared = invocation.shared;
  shared.files_as_pip = true;
  GlobalOptions& global = invocation.global;
  if (pip.has("index-url")) shared.index_url = pip.value("index-url");
  take_names(shared.extra_index_urls, pip.values("extra-index-url"));
  for (const std::string& link : pip.values("find-links"))
    shared.find_links.push_back(expand_home(link, home));
  take_names(shared.trusted_hosts, pip.values("trusted-host"));
  shared.no_index = shared.no_index || pip.has("no-index");
  if (pip.has("cert")) shared.cert = expand_home(pip.value("cert"), home);
  if (pip.has("client-cert")) shared.client_cert = expand_home(pip.value("client-cert"), home);
  if (pip.has("index-strategy")) shared.index_strategy = pip.value("index-strategy");
  if (pip.has("proxy")) shared.proxy = pip.value("proxy");
  if (pip.has("timeout")) shared.timeout = whole_seconds(pip.value("timeout"));
  if (pip.has("retries")) shared.retries = pip.value("retries");

  if (pip.has("pre") && (pip.has("all-releases") || pip.has("only-final")))
    throw Error(ErrorKind::Refused, "--pre cannot be used with --all-releases or --only-final");
  shared.pre = pip.has("pre");
  take_names(shared.all_releases, pip.values("all-releases"));
  take_names(shared.only_final, pip.values("only-final"));
  if (pip.has("uploaded-prior-to")) shared.exclude_newer = pip.value("uploaded-prior-to");
  for (const std::string& names : pip.values("refresh-package"))
    for (const std::string_view name : split(names, ',')) {
      if (trim(name) == ":all:")
        shared.refresh = true;
      else if (trim(name) == ":none:")
        shared.refresh_packages.clear();
      else if (!trim(name).empty())
        shared.refresh_packages.emplace_back(trim(name));
    }
  for (const auto& [name, value] : pip.given)
    if (name == "no-binary" || name == "only-binary") shared.binary.emplace_back(name, value);
  shared.no_build_isolation = pip.has("no-build-isolation");
  take_names(shared.config_settings, pip.values("config-settings"));
  take_names(shared.build_constraints, pip.values("build-constraint"));
  shared.compile = pip.on("compile", "no-compile", false);
  shared.no_compile = !pip.on("compile", "no-compile", true);
  shared.allow_bad_record = {":all:"};  // pip does not check

  global.quiet += static_cast<int>(pip.count("quiet"));
  global.verbose += static_cast<int>(pip.count("verbose"));
  if (pip.value("progress-bar") == "off") global.no_progress = true;
  if (pip.has("no-color")) global.color = "never";
}

}  // namespace

void translate_pip(Invocation& invocation, const Variables& variables, const fs::path& working_directory) {
  const PipCommand& pip = std::get<PipCommand>(invocation.command);
  SharedOptions& shared = invocation.shared;
  if (invocation.global.json)
    throw Error(ErrorKind::Usage, "`moat pip` does not support `--json`: its output is pip's",
                {"`moat pip list --format json`, `moat pip inspect`, `moat pip install --report FILE`"});
  const fs::path directory =
      invocation.global.project ? working_directory / *invocation.global.project : working_directory;
  if (pip.has("env"))
    shared.env = pip.value("env");
  else if (pip.has("python"))
    take_python(shared, pip, directory);
  else
    shared.user = pip.on("user", "no-user", false);
  if (pip.has("inside") && !shared.env && !shared.python) take_inside(shared, pip);

  const Settings before = make_settings(invocation, variables, working_directory, 0);
  const std::optional<ChosenEnvironment> chosen = shared.python ? std::nullopt : choose_environment(before);
  std::vector<PipSetting> all =
      read_pip_settings(variables, before.home, chosen ? chosen->root : fs::path(), pip.has("isolated"));
  if (chosen && (chosen->by == ChosenBy::Project || chosen->by == ChosenBy::Upwards))
    drop_ways(all, chosen->root, invocation);
  const std::vector<PipSetting> settings = pip_settings_for(pip.command, all);
  take_index_settings(shared, settings);
  warn_of_the_rest(invocation, pip, settings);
  take_options(invocation, pip, before.home);
}

}  // namespace moat
