// The user's choices: command line > environment variables > [tool.moat] of the project > user settings file,
// as one plain struct, made once. The surrounding project's part of it is all that rooms below need to know:
// its working directory is --project, or where moat was started.
#pragma once

#include "cli/args/args.h"
#include "cli/output/output.h"
#include "cli/settings/setting_layers.h"
#include "envs/install/command_places.h"
#include "envs/journal/durable.h"
#include "envs/project/script.h"
#include "envs/python/compile.h"
#include "fetch/index/index.h"
#include "fetch/sources/source_builder.h"
#include "fetch/store/link.h"
#include "resolver/files/requirements_txt.h"
#include "resolver/solve/solve.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moat {

// What to do if the requested Python is not installed.
enum class PythonDownloads { Ask, Auto, Never };

struct Settings : SurroundingProject {
  Variables variables;         // as this process was given them
  std::filesystem::path home;  // $HOME
  std::filesystem::path store_dir, data_dir, bin_dir;
  std::filesystem::path config_file;  // the user's settings; need not exist
  bool reads_files = true;            // not --no-config
  std::vector<std::string> warnings;  // of settings files
  std::optional<Script> script;       // the script for `run`, if it has metadata

  std::optional<std::string> env;  // --env; MOAT_ENV is in `variables`
  bool user = false;
  std::optional<PackageName> tool;  // --tool, or the application that the command is about
  // False for applications: the working directory does not affect them, nor their indexes.
  bool heeds_project = true;
  Compile compile = Compile::Now;
  std::optional<std::string> python;
  std::string python_mirror;  // a folder or URL; "": the default one
  PythonDownloads python_downloads = PythonDownloads::Ask;
  bool python_is_option = false;  // -p was typed: an existing environment must match it
  bool offline = false, refresh = false;
  bool works_behind = false;  // with Compile::Background: a process may go on after the command
  bool strict_files = false;
  LinkMode link_mode = LinkMode::Auto;
  Durable durable = Durable::Auto;
  std::vector<PackageName> refresh_packages;
  bool allow_bad_records = false;                // of any package
  std::vector<PackageName> allowed_bad_records;  // of these

  // audit
  std::vector<std::string> audit_ignore;  // ID, or ID@YYYY-MM-DD
  bool no_vulnerable = false;             // such versions are not chosen
  std::string advisories;                 // a folder of OSV records; "": the indexes are asked
  std::vector<std::string> allow_licences, deny_licences;

  // resolver
  PrereleasePolicy prereleases;
  ResolutionMode resolution = ResolutionMode::Highest;
  bool fewest_forks = false;  // in locks for several Pythons
  std::optional<UnixTime> exclude_newer;
  std::optional<std::chrono::seconds> window = std::chrono::hours(24 * 365);  // nullopt: off
  std::vector<std::string> overrides;
  std::vector<std::pair<std::string, std::string>> binary;

  std::vector<std::string> targets;  // platforms that a project is locked for; empty: this one and the usual

  // builds
  ConfigSettings config_settings;
  std::vector<std::string> build_constraints;  // files
  std::vector<std::string> build_env;          // NAME, or NAME=VALUE; later ones win
  bool no_build = false, build_isolation = true, build_network = false;

  // indexes
  std::optional<std::string> index_url;
  std::vector<std::string> extra_index_urls, indexes, find_links, trusted_hosts;
  std::map<PackageName, std::string> index_pins;
  bool no_index = false;
  bool no_input = false;  // never ask for a password
  // Limits for requirements files (envs/install/requirement_files.h).
  bool files_as_pip = false;
  std::vector<std::string> expand_variables;
  std::vector<Url> own_indexes;             // that the user named, not the project
  std::vector<std::string> skip_forbidden;  // names or hosts of indexes whose 403 means "not here"; `:all:`
  IndexStrategy index_strategy = IndexStrategy::FirstIndex;
  std::string cert, client_cert;
  std::optional<std::chrono::seconds> timeout;  // of connecting, and of waiting for the next byte
  std::optional<int> retries;                   // of a request

  std::filesystem::path envs_dir() const { return data_dir / "envs"; }
  std::filesystem::path user_env() const { return data_dir / "user"; }
  std::filesystem::path pythons_dir() const { return data_dir / "pythons"; }
  std::filesystem::path tools_dir() const { return data_dir / "tools"; }
  CommandPlaces command_places() const { return {bin_dir, data_dir, user_env(), tools_dir()}; }
};

// `now`: unix seconds, for ages. Throws Error(Usage or BadInput) that names the place of a bad value.
Settings make_settings(const Invocation& invocation, const Variables& variables,
                       const std::filesystem::path& working_directory, UnixTime now);
// Needed before everything else; safe to call at any time.
OutputOptions output_options(const GlobalOptions& global, const Variables& variables);

// One setting as given, for `moat config`.
struct SettingTold {
  std::string name;
  std::vector<std::string> values;  // a list's one each, a table's as NAME=VALUE
  std::string where;                // "MOAT_INDEX_URL", "/home/me/.config/moat/config.toml:3"
};
// All settings in variables and files, by name; overridden ones are left out.
std::vector<SettingTold> told_settings(const Settings& settings);
// The settings in a file with this text. Throws Error(BadInput) if it is invalid.
std::vector<SettingTold> told_settings(const std::string& toml, const std::filesystem::path& path);

// Checks whether a settings file with this text is valid. Throws as make_settings would.
void check_settings(const std::string& toml, const std::filesystem::path& path);

}  // namespace moat
