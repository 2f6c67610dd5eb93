// moat doctor
#include "cli/commands/commands.h"
#include "cli/environment_facts.h"
#include "cli/open_env.h"
#include "envs/direct_url.h"
#include "envs/installed.h"
#include "envs/isolation.h"
#include "fetch/os/ownership.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace moat {
namespace {

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

// What leads outside because that was asked for.
std::vector<Finding> editables(const InstalledDistributions& installed) {
  Finding finding{.level = Finding::Level::Note,
                  .check = "editables",
                  .message =
                      "these packages are the folders they were installed from: what changes there "
                      "changes here",
                  .details = {},
                  .hint = "`moat install FOLDER` installs one for good"};
  for (const InstalledDistribution& distribution : installed.all)
    if (const auto from = distribution.direct_url ? DirectUrl::parse(*distribution.direct_url) : std::nullopt;
        from && from->editable)
      finding.details.push_back(fmt::format("{}: {}", distribution.name.display(), from->place()));
  if (finding.details.empty()) return {};
  return {std::move(finding)};
}

// Of an environment whose Python is not started.
std::vector<Finding> findings_from_outside(const Environment& environment) {
  const std::string root = environment.root().native();
  std::vector<Finding> out;
  if (environment.is_foreign())
    out.push_back({.level = Finding::Level::Leak,
                   .check = "interpreter",
                   .message = "another tool made it: interpreter and standard library are the base's",
                   .details = {},
                   .hint = "moat env adopt " + root});
  out.push_back(
      {.level = Finding::Level::Note,
       .check = "not inside",
       .message = fmt::format("doctor did not look inside: its Python ({}) is only run where you name it",
                              is_ours(environment.root()) ? "another tool's" : owner_of(environment.root())),
       .details = {},
       .hint = "moat doctor --env " + root});
  return out;
}

std::vector<Finding> examine(const Environment& environment, Session& session) {
  const Phase phase(session.reporter(), "examine");
  const Variables& set = session.settings().variables;
  std::vector<Finding> findings = may_ask_python(environment, session)
                                      ? judge(observe(environment, {set.begin(), set.end()}), environment)
                                      : findings_from_outside(environment);
  const auto append = [&](std::vector<Finding> more) {
    findings.insert(findings.end(), std::make_move_iterator(more.begin()),
                    std::make_move_iterator(more.end()));
  };
  if (!environment.is_foreign()) append(verify_files(environment, session.workers()));
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const Target target = target_of(environment, session);
  append(editables(installed));
  append(check_dependencies(installed, target));
  return findings;
}

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

}  // namespace

int execute(const DoctorCommand& command, Session& session) {
  const Environment environment = open_for_reading(session);
  const std::vector<Finding> findings = examine(environment, session);
  const auto count = [&](Finding::Level level) {
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.level == level; }));
  };
  // Every program shares the system's own libraries: told, but no reason to say no.
  const auto unusual_notes =
      static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(), [](const Finding& finding) {
        return finding.level == Finding::Level::Note && finding.check != "system libraries";
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
