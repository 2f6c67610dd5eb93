// moat doctor
#include "cli/commands/doctor.h"

#include "cli/commands/commands.h"
#include "cli/session/environment_facts.h"
#include "cli/session/goal.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/open_env.h"
#include "cli/session/source_setup.h"
#include "envs/environment/installed.h"
#include "envs/environment/isolation.h"
#include "envs/environment/known_environments.h"
#include "envs/environment/proof.h"
#include "envs/environment/shell_words.h"
#include "envs/place/damaged.h"
#include "envs/place/direct_url.h"
#include "envs/place/repair.h"
#include "fetch/os/file.h"
#include "fetch/os/noexec.h"
#include "fetch/os/ownership.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <map>

namespace moat {
namespace {

Paint paint_of(Finding::Level level) {
  switch (level) {
    case Finding::Level::Ok:
      return Paint::Good;
    case Finding::Level::Note:
      return Paint::Change;
    case Finding::Level::Leak:
    case Finding::Level::Damage:
      return Paint::Bad;
  }
  return Paint::Plain;
}

// Leaks that the user asked for.
std::vector<Finding> editables(const InstalledDistributions& installed) {
  Finding finding{.level = Finding::Level::Note,
                  .check = "editables",
                  .message =
                      "these packages are imported from the folders they were installed from: a change there "
                      "is a change here",
                  .details = {},
                  .hint = "`moat install FOLDER` installs a copy"};
  for (const InstalledDistribution& distribution : installed.all)
    if (const auto from = distribution.direct_url ? DirectUrl::parse(*distribution.direct_url) : std::nullopt;
        from && from->editable)
      finding.details.push_back(fmt::format("{}: {}", distribution.name.display(), from->place()));
  if (finding.details.empty()) return {};
  return {std::move(finding)};
}

// The checks of an environment whose Python is not started.
std::vector<Finding> findings_from_outside(const Environment& environment) {
  const std::string root = environment.root().native();
  std::vector<Finding> out;
  if (environment.is_foreign())
    out.push_back(
        {.level = Finding::Level::Leak,
         .check = "interpreter",
         .message = "made by another tool: it uses the interpreter and standard library of its base",
         .details = {},
         .hint = "moat env adopt " + root});
  out.push_back(
      {.level = Finding::Level::Note,
       .check = "not inside",
       .message = fmt::format("not checked inside: doctor runs its Python ({}) only if you name it",
                              is_ours(environment.root()) ? "another tool's" : owner_of(environment.root())),
       .details = {},
       .hint = "moat doctor --env " + root});
  return out;
}

std::string repair_command(const fs::path& root) { return "moat doctor --repair --env " + root.string(); }

// Its Python, as it starts. If it does not start, that is a finding too: the files show why.
std::vector<Finding> observed_from_inside(const Environment& environment, const Settings& settings) {
  const Variables& set = settings.variables;
  try {
    return judge(observe(environment, {set.begin(), set.end()}), environment);
  } catch (const Error& error) {
    if (environment.is_foreign()) throw;
    if (is_on_noexec(environment.root() / "bin"))
      return {{.level = Finding::Level::Damage,
               .check = "python",
               .message = "the file system is mounted noexec: no program starts there",
               .hint = "moat env clone " + environment.root().string() + " NEW, where programs may start"}};
    if (error.kind() == ErrorKind::Disk) throw;  // no process can be started: not the environment's fault
    return {{.level = Finding::Level::Damage,
             .check = "python",
             .message = error.what(),
             .hint = repair_command(environment.root())}};
  }
}

// A damaged manifest is reported, and does not stop the other checks.
std::vector<Finding> files_against_manifest(const Environment& environment, Workers& workers) {
  try {
    return verify_files(environment, workers);
  } catch (const Error& error) {
    return {{.level = Finding::Level::Damage,
             .check = "manifest",
             .message = error.what(),
             .hint = repair_command(environment.root())}};
  }
}

}  // namespace

std::string_view level_name(Finding::Level level) {
  switch (level) {
    case Finding::Level::Ok:
      return "ok";
    case Finding::Level::Note:
      return "note";
    case Finding::Level::Leak:
      return "leak";
    case Finding::Level::Damage:
      return "damage";
  }
  return "";
}

std::vector<Finding> examine(const Environment& environment, Session& session) {
  const Phase phase(session.reporter(), "examine");
  std::vector<Finding> findings = may_ask_python(environment, session.settings())
                                      ? observed_from_inside(environment, session.settings())
                                      : findings_from_outside(environment);
  const auto append = [&](std::vector<Finding> more) {
    findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
  };
  if (!environment.is_foreign()) append(files_against_manifest(environment, session.workers()));
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const Target target = target_of(environment, session);
  append(editables(installed));
  std::vector<Finding> dependencies = check_dependencies(installed, target);
  // The repairing command must work from any folder.
  constexpr std::string_view kInstall = "moat install ";
  for (Finding& finding : dependencies)
    if (finding.hint.starts_with(kInstall))
      finding.hint.insert(kInstall.size(), "--env " + shell_word(environment.root().native()) + " ");
  append(std::move(dependencies));
  return findings;
}

namespace {

void print(const Finding& finding, Output& output) {
  constexpr std::size_t kShown = 8;
  output.result(fmt::format(
      "{} {:<14} {}", output.out(paint_of(finding.level), fmt::format("{:<7}", level_name(finding.level))),
      finding.check, finding.message));
  const bool all = output.verbosity() > 0 || finding.details.size() <= kShown + 1;
  for (std::size_t i = 0; i < finding.details.size() && (all || i < kShown); ++i)
    output.result("          " + finding.details[i]);
  if (!all) output.result(fmt::format("          … and {} more (-v)", finding.details.size() - kShown));
  if (!finding.hint.empty())
    output.result(fmt::format("        {} {}", output.out(Paint::Hint, "hint:"), finding.hint));
}

nlohmann::ordered_json to_document(const Finding& finding) {
  return {{"level", level_name(finding.level)},
          {"check", finding.check},
          {"message", finding.message},
          {"details", finding.details},
          {"hint", finding.hint}};
}

// ---- repair ----

std::optional<std::string> direct_url_of(const InstalledDistributions& installed, const PackageName& name) {
  const InstalledDistribution* const found = installed.find(name);
  return found ? read_file_if_exists(found->info / "direct_url.json") : std::nullopt;
}

// The packages to fetch again: by URL, or by version and hash of the wheel.
struct LostWheels {
  std::vector<std::string> told, lines, editables;  // "foo==1.0"; as requirements
  std::map<PackageName, Digest> hashes;

  void add(const ManifestPackage& package, const std::optional<std::string>& direct_url) {
    const PackageName name = parse_package_name(package.name);
    told.push_back(fmt::format("{}=={}", package.name, package.version));
    constexpr std::string_view kEditable = "-e ";
    const auto direct = direct_url ? DirectUrl::parse(*direct_url) : std::nullopt;
    std::string line = direct ? frozen_line(name, *direct) : told.back();
    if (line.starts_with(kEditable))
      editables.push_back(line.substr(kEditable.size()));
    else
      lines.push_back(std::move(line));
    if (const auto sha256 = Digest::parse("sha256", package.wheel_sha256); sha256 && !direct)
      hashes.emplace(name, *sha256);
  }
};

// Accepts only the same wheel, not another one of the same version.
TransactionRequest fetch_again(const LostWheels& lost, const Environment& environment, Session& session) {
  Goal goal = read_goal(lost.lines, {}, {}, session, lost.editables);
  for (RootRequirement& root : goal.requirements)
    if (const auto hash = lost.hashes.find(root.requirement.name); hash != lost.hashes.end())
      root.hashes = {hash->second};
  prepare_sources(goal, environment.interpreter(), session);
  try {
    const Resolution resolution =
        resolve_goal(goal, {.no_deps = true}, target_of(environment.interpreter()), {}, session);
    return with_wheels(plan_install(goal, resolution, {}, true), {}, true,
                       runtime_inside(environment.root(), environment.interpreter()), goal, session);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::NoSolution && error.kind() != ErrorKind::HashMismatch) throw;
    std::vector<std::string> details = {error.what()};
    details.insert(details.end(), error.details().begin(), error.details().end());
    throw Error(error.kind(),
                fmt::format("cannot repair {}: the wheel is no longer in the store, and no index has it",
                            join(lost.told, ", ")),
                {fmt::format("`moat install --env {} --reinstall {}` takes what the index has now",
                             shell_word(environment.root().native()), join(lost.told, " ")),
                 "MOAT_FIND_LINKS names a folder that has the wheel"},
                std::move(details));
  }
}

// The same wheels as before: from the store, else from their origin.
TransactionRequest reinstallation(const Environment& environment, const std::set<std::string>& damaged,
                                  Session& session) {
  const Manifest manifest = environment.manifest();
  const InstalledDistributions installed = read_installed(environment);
  TransactionRequest request;
  LostWheels lost;
  for (const ManifestPackage& package : manifest.packages) {
    if (!damaged.contains(package.name)) continue;
    const PackageName name = parse_package_name(package.name);
    const auto version = Version::parse(package.version);
    const auto digest = Digest::parse("sha256", package.wheel_sha256);
    const auto wheel = digest ? session.store().find_wheel(*digest) : std::nullopt;
    if (!wheel || !version) {
      lost.add(package, direct_url_of(installed, name));
      continue;
    }
    request.install.push_back({.name = name,
                               .version = *version,
                               .wheel = *wheel,
                               .requested = package.requested,
                               .direct_url = direct_url_of(installed, name),
                               .index = package.index});
  }
  if (lost.told.empty()) return request;
  TransactionRequest fetched = fetch_again(lost, environment, session);
  for (WantedPackage& one : fetched.install) {
    const auto before = std::ranges::find(manifest.packages, one.name.normalized(), &ManifestPackage::name);
    one.requested = before != manifest.packages.end() && before->requested;
    request.install.push_back(std::move(one));
  }
  return request;
}

void repair(Session& session) {
  const std::optional<ChosenEnvironment> chosen = choose_environment(session.settings(), ForProject::No);
  if (!chosen || !fs::is_directory(chosen->root)) return;  // opening it will report the fault
  if (Environment::exists_at(chosen->root) && !fs::exists(chosen->root / ".moat")) return;  // another tool's
  const std::vector<std::string> mended =
      repair_own_files(fs::canonical(chosen->root), session.store(), session.workers(), session.reporter(),
                       session.settings().durable);
  Output& output = session.output();
  if (!mended.empty()) output.say(fmt::format("repaired {} of the environment's own files", mended.size()));
  const Environment environment = open_for_change(session);
  const std::set<std::string> damaged = damaged_packages(environment, session.workers());
  const std::vector<std::string> removed = remove_changed_bytecode(environment);
  if (!removed.empty())
    output.say(fmt::format("removed {} that was changed: Python makes it again",
                           counted(removed.size(), "file") + " of bytecode"));
  if (damaged.empty() && mended.empty() && removed.empty()) output.say("nothing to repair");
  if (damaged.empty()) return;
  const TransactionResult result = apply(reinstallation(environment, damaged, session), environment, session);
  if (result.lacks_bytecode) session.lacks_bytecode(environment.root());
  for (const Operation& operation : result.operations)
    output.say(fmt::format("repaired {}", operation.name.display()));
}

}  // namespace

namespace {

// The places to hide from the environment: its base, all other Pythons, this user's packages for them, other
// environments, and the store.
std::vector<fs::path> other_pythons(const Environment& environment, Session& session) {
  const Settings& settings = session.settings();
  std::vector<fs::path> out = places_of(environment.interpreter());
  for (const Interpreter& other : list_interpreters(session.discovery(), session.store()))
    std::ranges::move(places_of(other), std::back_inserter(out));
  std::error_code none;
  for (const fs::directory_entry& folder : fs::directory_iterator(settings.home / ".local/lib", none))
    if (folder.path().filename().native().starts_with("python")) out.push_back(folder.path());
  for (const fs::directory_entry& named : fs::directory_iterator(settings.envs_dir(), none))
    out.push_back(named.path());
  std::ranges::move(remembered_environments(settings.data_dir), std::back_inserter(out));
  out.push_back(settings.user_env());
  out.push_back(settings.store_dir);
  return out;
}

std::vector<Finding> proved(const Environment& environment, Session& session) {
  const Phase phase(session.reporter(), "prove");
  const Variables& set = session.settings().variables;
  const TempDir scratch = session.store().make_temp("prove");
  return prove_isolation(environment,
                         {.hidden = other_pythons(environment, session),
                          .variables = {set.begin(), set.end()},
                          .scratch = scratch.path()},
                         session.stop());
}

// Every program uses the system's own libraries and files: reported, but not as a failure.
bool is_of_every_program(const Finding& finding) {
  return finding.check == "system libraries" || finding.check == "opened outside";
}

}  // namespace

int execute(const DoctorCommand& command, Session& session) {
  if (command.repair) repair(session);
  const Environment environment = open_for_reading(session);
  std::vector<Finding> findings = examine(environment, session);
  if (command.prove && may_ask_python(environment, session.settings()))
    std::ranges::move(proved(environment, session), std::back_inserter(findings));
  const auto count = [&](Finding::Level level) {
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.level == level; }));
  };
  const auto unusual_notes =
      static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(), [](const Finding& finding) {
        return finding.level == Finding::Level::Note && !is_of_every_program(finding);
      }));
  const std::size_t leaks = count(Finding::Level::Leak), damage = count(Finding::Level::Damage),
                    notes = count(Finding::Level::Note);
  const bool sound = leaks == 0 && damage == 0 && (!command.strict || unusual_notes == 0);
  Output& output = session.output();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    print(finding, output);
    documents.push_back(to_document(finding));
  }
  if (output.json())
    output.document({{"schema", 1},
                     {"environment", environment.root().native()},
                     {"sound", sound},
                     {"findings", documents}});
  output.say(sound ? fmt::format("{} is sealed", environment.root().native())
                   : fmt::format("{}: {}, {} damaged, {}", environment.root().native(),
                                 counted(leaks, "leak"), damage, counted(notes, "note")));
  return sound ? 0 : 1;
}

}  // namespace moat
