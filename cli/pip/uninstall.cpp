// moat pip uninstall
#include "cli/commands/uninstall.h"

#include "cli/pip/commands.h"
#include "cli/pip/place.h"
#include "cli/session/goal.h"
#include "cli/session/open_env.h"
#include "envs/place/owned_files.h"
#include "resolver/base/text.h"
#include "resolver/files/requirement_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <set>

namespace moat {
namespace {

// Names, in the order given: from requirements on the line, and from files.
std::vector<PackageName> named(const PipCommand& command, Session& session) {
  std::vector<PackageName> out;
  const auto add = [&](const PackageName& name) {
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
  };
  for (const std::string& text : command.arguments) {
    const Expected<RequirementLine> line =
        parse_requirement_line(text, session.settings().working_directory.native());
    if (const Requirement* requirement = line ? std::get_if<Requirement>(&*line) : nullptr)
      add(requirement->name);
    else
      session.output().warn(fmt::format("invalid requirement: {} ignored", quote(text)));
  }
  if (command.has("requirement"))
    for (const RootRequirement& root : read_goal({}, command.values("requirement"), {}, session).requirements)
      add(root.requirement.name);
  if (out.empty())
    throw Error(ErrorKind::Usage,
                "you must give at least one requirement to uninstall (see `moat pip help uninstall`)");
  return out;
}

// "lib/…/site-packages/six.py", "lib/…/site-packages/flask/*".
void say_what_goes(const InstalledDistribution& distribution, const Environment& environment,
                   Session& session) {
  if (!distribution.has_record) return;
  const std::string site = environment.scheme().purelib + "/";
  std::set<std::string> lines;
  for (const OwnedFile& file : owned_files(distribution, environment.root(), environment.scheme()).files) {
    std::string path = file.path;
    if (path.substr(0, site.size()) == site)
      if (const std::size_t slash = path.find('/', site.size()); slash != path.npos)
        path = path.substr(0, slash) + "/*";
    lines.insert(path);
  }
  pip_say(session, "  Would remove:");
  for (const std::string& line : lines)
    pip_say(session, fmt::format("    {}", (environment.root() / line).native()));
}

bool confirmed(const PipCommand& command, Session& session) {
  if (command.has("yes")) return true;
  if (command.has("no-input"))
    throw Error(ErrorKind::Usage, "removing packages requires confirmation, and `--no-input` forbids asking",
                {fmt::format("`moat pip uninstall -y {}` does not ask", join(command.arguments, " "))});
  for (;;) {
    session.output().text("Proceed (Y/n)? ");
    session.output().flush();
    std::string answer;
    if (!std::getline(std::cin, answer))
      throw Error(ErrorKind::Usage, "removing packages requires confirmation, and standard input has ended",
                  {fmt::format("`moat pip uninstall -y {}` does not ask", join(command.arguments, " "))});
    answer = ascii_lower(trim(answer));
    if (answer.empty() || answer == "y") return true;
    if (answer == "n") return false;
    session.output().text(
        fmt::format("Your response ({}) was not one of the expected responses: y, n, \n", quote(answer)));
  }
}

}  // namespace

int pip_uninstall(const PipCommand& command, Session& session) {
  refuse_base_interpreter(command, session);
  const std::vector<PackageName> names = named(command, session);
  const Environment environment = open_for_change(session);
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  UninstallCommand uninstall;
  std::vector<std::string> removed;
  for (const PackageName& name : names) {
    const InstalledDistribution* there = installed.find(name);
    if (there == nullptr) {
      session.output().warn(fmt::format("skipping {} as it is not installed.", name.display()));
      continue;
    }
    const std::string text = fmt::format("{}-{}", there->name.display(), there->version.to_string());
    pip_say(session, fmt::format("Found existing installation: {} {}", there->name.display(),
                                 there->version.to_string()));
    pip_say(session, fmt::format("Uninstalling {}:", text));
    if (!command.has("yes")) say_what_goes(*there, environment, session);
    if (!confirmed(command, session)) continue;
    uninstall.packages.push_back(name.display());
    removed.push_back(text);
  }
  if (uninstall.packages.empty()) return 0;
  const ChangeReport report = uninstall_packages(uninstall, session);
  for (const std::string& warning : report.warnings) session.output().warn(warning);
  for (const std::string& text : removed)
    pip_say(session, fmt::format("  Successfully uninstalled {}", text));
  return 0;
}

}  // namespace moat
