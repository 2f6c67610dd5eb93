#include "cli/session/run_environments.h"

#include "cli/session/install_pipeline.h"
#include "cli/session/install_terms.h"
#include "cli/session/source_setup.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace moat {
namespace {

// "; for this run lib 1.0 → 2.0"
std::string changed_versions(const RunQuestion& question, const Resolution& resolution) {
  std::string out;
  for (const ResolvedPackage& package : resolution.packages) {
    const auto before = question.preferences.find(package.name);
    if (before == question.preferences.end() || before->second == package.version) continue;
    out += fmt::format("{} {} {} → {}", out.empty() ? "; for this run" : ",", package.name.display(),
                       before->second.to_string(), package.version.to_string());
  }
  return out;
}

void say_made(const RunQuestion& question, const Resolution& resolution, Session& session) {
  session.output().say(
      fmt::format("made an environment for {}: Python {}, {}{}", question.name, question.interpreter.version,
                  counted(resolution.packages.size(), "package"), changed_versions(question, resolution)));
}

Resolution answer_to(RunQuestion& question, const std::vector<SelectedPackage>& locked, Session& session) {
  prepare_sources(question.goal, question.interpreter, session);
  say_excluded(question.goal, question.interpreter.markers, session.reporter());
  if (question.lock) return locked_resolution(locked, question.lock_directory, session);
  return resolve_goal(question.goal, {}, target_of(question.interpreter), question.preferences, session);
}

}  // namespace

RunEnvironment obtain_run_environment(RunQuestion question, Session& session) {
  const Settings& settings = session.settings();
  std::vector<SelectedPackage> locked;
  if (question.lock) {
    locked = select_packages(*question.lock, target_of(question.interpreter));
    question.goal = locked_goal(locked);
  }
  const InstallRequest terms = whole_install_request(question.goal, session);
  const AskedRun asked = ask_earlier_runs(question, terms, settings.store_dir);
  if (!settings.refresh && asked.before && (settings.offline || asked.holds()))
    if (auto found = find_answered(asked, settings.store_dir)) return std::move(*found);

  std::optional<Resolution> resolution;
  try {
    resolution = answer_to(question, locked, session);
  } catch (const Error& error) {
    if (!asked.before || (error.kind() != ErrorKind::Network && error.kind() != ErrorKind::Offline)) throw;
    auto found = find_answered(asked, settings.store_dir);
    if (!found) throw;
    session.reporter().warn(
        fmt::format("{}; {} runs with what was chosen before", error.what(), question.name));
    return std::move(*found);
  }
  for (const std::string& note : resolution->notes) session.reporter().warn(note);
  RunEnvironment made = make_run_environment(asked, question, *resolution, terms, settings.store_dir,
                                             {wheel_tools(question.goal, session), place_terms(session)});
  if (made.is_new) say_made(question, *resolution, session);
  return made;
}

}  // namespace moat
