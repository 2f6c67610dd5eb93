#include "cli/args/declaration.h"
#include "resolver/base/error.h"

#include <cstddef>
#include <memory>

namespace moat {

std::optional<std::string> typed_in_group(const Declaration& d, std::string_view group) {
  for (const CLI::Option* option : d.app.parse_order())
    if (option->get_group() == group && !option->get_lnames().empty())
      return "--" + option->get_lnames().front();
  return std::nullopt;
}

void declare_global(Declaration& d) {
  GlobalOptions& global = d.invocation.global;
  d.group = "Everywhere";
  d.value("--project", global.project, "DIR", "work as if started in this folder");
  d.app.add_flag("-q,--quiet", global.quiet, "say less; twice: errors only")->group(d.group);
  d.app.add_flag("-v,--verbose", global.verbose, "say more")->group(d.group);
  d.one_of("--color", global.color, "WHEN", {"auto", "always", "never"}, "auto, always or never");
  d.flag("--no-progress", global.no_progress, "no live line while something takes time");
  d.flag("--json", global.json, "one JSON document on standard output; errors too");
  d.flag("--offline", global.offline, "never use the network: what was fetched once is enough");
  d.flag("--timings", global.timings, "how long each phase took");
  d.value("--store-dir", global.store_dir, "DIR", "the store of wheels, runtimes and index pages");
  d.value("--config", global.config, "FILE", "user settings from this file");
  d.flag("--no-config", global.no_config, "no settings from files");
}

void declare_environment(Declaration& d) {
  SharedOptions& shared = d.invocation.shared;
  d.group = "Environment";
  CLI::Option* env = d.value("--env", shared.env, "PATH|NAME", "the environment meant");
  CLI::Option* user = d.flag("--user", shared.user, "this user's own environment");
  CLI::Option* tool = d.value("--tool", shared.tool, "APP", "the environment of this application");
  env->excludes(user)->excludes(tool);
  user->excludes(tool);
}

void declare_python(Declaration& d, const std::string& help) {
  d.value("-p,--python", d.invocation.shared.python, "SPEC", help);
}

void declare_resolver(Declaration& d) {
  SharedOptions& shared = d.invocation.shared;
  d.group = "Resolver";
  d.flag("--pre", shared.pre, "pre-releases may be chosen");
  d.values("--all-releases", shared.all_releases, "NAME",
           "pre-releases of this package may be chosen (:all: for all)");
  d.values("--only-final", shared.only_final, "NAME", "no pre-release of this package (:all: for all)");
  d.one_of("--resolution", shared.resolution, "MODE", {"highest", "lowest", "lowest-direct"},
           "highest, lowest, or lowest-direct");
  d.value("--exclude-newer", shared.exclude_newer, "DATE|AGE",
          "as if nothing had been uploaded since: 2025-06-30, 2025-06-30T12:00:00Z, 14d");
  d.value("--window", shared.window, "AGE|off",
          "how far requests may fall behind for the sake of others before that is tried: 1y (default), 90d");
  d.values("--override", shared.overrides, "FILE",
           "requirements here replace what packages say of these names");
  d.flag("--no-vulnerable", shared.no_vulnerable,
         "choose no version with a known vulnerability (see `audit`)");
  d.flag("--refresh", shared.refresh, "ask again for every page of an index, and every file without a hash");
  d.values("--refresh-package", shared.refresh_packages, "NAME", "ask the indexes again for this package");
}

void declare_index(Declaration& d) {
  SharedOptions& shared = d.invocation.shared;
  d.group = "Index";
  d.value("-i,--index-url", shared.index_url, "URL", "the index to ask last, in place of the default one");
  d.values("--extra-index-url", shared.extra_index_urls, "URL", "an index to ask before that one");
  d.values("--index", shared.indexes, "NAME=URL", "an index to ask first");
  d.values("-f,--find-links", shared.find_links, "PATH|URL",
           "a folder or page of files that join the index's");
  d.flag("--no-index", shared.no_index, "ask no index: --find-links only");
  d.flag("--no-input", shared.no_input, "never ask for a password");
  d.one_of("--index-strategy", shared.index_strategy, "HOW", {"first-index", "best-match"},
           "first-index: the first that has the project; best-match: the best of all");
  d.values("--trusted-host", shared.trusted_hosts, "HOST[:PORT]", "do not verify this host's certificate");
  d.value("--cert", shared.cert, "FILE", "certificates to trust instead of the system's");
  d.value("--client-cert", shared.client_cert, "FILE", "certificate and key to present to servers");
  d.finish.emplace_back([&shared] {
    const bool names_one = shared.index_url || !shared.extra_index_urls.empty() || !shared.indexes.empty();
    if (shared.no_index && names_one)
      throw Error(ErrorKind::Usage, "`--no-index` and an option that names an index cannot be used together");
  });
}

void declare_registry(Declaration& d) {
  SharedOptions& shared = d.invocation.shared;
  d.group = "Registry";
  d.values("--trusted-host", shared.trusted_hosts, "HOST[:PORT]",
           "do not verify this host's certificate; plain http will do");
  d.value("--cert", shared.cert, "FILE", "certificates to trust instead of the system's");
  d.value("--client-cert", shared.client_cert, "FILE", "certificate and key to present to the registry");
}

// The order of the two options matters, but CLI11 keeps each option's values separately.
void declare_build(Declaration& d) {
  struct Values {
    std::vector<std::string> no, only;
  };
  const auto values = std::make_shared<Values>();
  d.group = "Build";
  CLI::Option* no = d.values("--no-binary", values->no, "NAME", "no wheels of this package (:all:, :none:)");
  CLI::Option* only =
      d.values("--only-binary", values->only, "NAME", "only wheels of this package (:all:, :none:)");
  SharedOptions& shared = d.invocation.shared;
  d.flag("--no-build", shared.no_build,
         "forbid builds: wheels only, and sources that declare their requirements");
  d.flag("--no-build-isolation", shared.no_build_isolation,
         "build with what the environment holds, instead of an environment for each build");
  d.values("-C,--config-setting", shared.config_settings, "KEY=VALUE", "a setting for the build backends");
  d.values("--build-constraint", shared.build_constraints, "FILE", "limits versions of what builds need");
  d.values("--build-env", shared.build_env, "NAME[=VALUE]",
           "builds see this variable: its value here, or VALUE");
  d.flag("--build-network", shared.build_network, "let builds use the network");
  d.finish.emplace_back([&d, values, no, only] {
    std::size_t next_no = 0, next_only = 0;
    for (const CLI::Option* option : d.app.parse_order()) {
      if (option == no) d.invocation.shared.binary.emplace_back("no-binary", values->no.at(next_no++));
      if (option == only)
        d.invocation.shared.binary.emplace_back("only-binary", values->only.at(next_only++));
    }
  });
}

void declare_link(Declaration& d) {
  d.group = "Link";
  d.one_of("--link-mode", d.invocation.shared.link_mode, "MODE",
           {"auto", "clone", "copy", "shared-binaries", "hardlink", "symlink"},
           "auto, clone, copy, shared-binaries, hardlink or symlink");
  d.flag("--compile", d.invocation.shared.compile, "make bytecode before the command returns")
      ->excludes(
          d.flag("--no-compile", d.invocation.shared.no_compile, "leave bytecode to the first import"));
  d.flag("--strict-files", d.invocation.shared.strict_files,
         "refuse two packages that contain one file with different contents");
  d.values("--allow-bad-record", d.invocation.shared.allow_bad_record, "NAME",
           "accept a wheel with a wrong RECORD even without a hash (:all: for any)");
}

}  // namespace moat
