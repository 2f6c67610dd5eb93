#include "cli/conflict.h"

#include "resolver/base/text.h"
#include "resolver/explain.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

bool lacks_a_project(const Conflict& conflict) {
  return std::any_of(conflict.steps.begin(), conflict.steps.end(),
                     [](const ConflictStep& step) { return step.lack == Lack::UnknownProject; });
}

// Packages that a fix installs or changes besides the ones it is about.
std::size_t others_changed(const Fix& fix, const std::map<PackageName, Version>& present) {
  return static_cast<std::size_t>(std::count_if(
      fix.resolution.packages.begin(), fix.resolution.packages.end(), [&](const ResolvedPackage& package) {
        const bool told = std::any_of(fix.gives.begin(), fix.gives.end(),
                                      [&](const auto& given) { return given.first == package.name; });
        const auto before = present.find(package.name);
        return !told && (before == present.end() || before->second != package.version);
      }));
}

std::string joined_gives(const Fix& fix) {
  std::vector<std::string> gives;
  for (const auto& [name, version] : fix.gives) gives.push_back(name.display() + " " + version.to_string());
  return join(gives, ", ");
}

// `fix 1: numpy <3     gives pandas 3.1.0, numpy 2.4.1 and changes 2 other packages    (moat install … --fix
// 1)`, in columns.
void lay_out(std::vector<OfferedFix>& fixes, const std::vector<Fix>& found, bool takes_fix) {
  std::vector<std::string> asks, gives;
  std::size_t asks_width = 0, gives_width = 0;
  for (std::size_t i = 0; i < fixes.size(); ++i) {
    const bool any = found[i].instead.specifier.empty();
    asks.push_back(told(found[i].instead) + (any ? " (any version)" : ""));
    gives.push_back("gives " + joined_gives(found[i]));
    if (fixes[i].others > 0)
      gives.back() += fmt::format(" and changes {}", counted(fixes[i].others, "other package"));
    asks_width = std::max(asks_width, asks.back().size());
    gives_width = std::max(gives_width, gives.back().size());
  }
  for (std::size_t i = 0; i < fixes.size(); ++i) {
    fixes[i].text = fmt::format("fix {}: {:<{}}   {}", i + 1, asks[i], asks_width, gives[i]);
    if (takes_fix)
      fixes[i].text += fmt::format("{}   (moat install … --fix {})",
                                   std::string(gives_width - gives[i].size(), ' '), i + 1);
  }
}

std::vector<OfferedFix> offer(const std::vector<Fix>& found, const std::map<PackageName, Version>& present,
                              bool takes_fix) {
  std::vector<OfferedFix> out;
  for (const Fix& fix : found) {
    OfferedFix offered{.line = fix.line.origin.where,
                       .requirement = fix.line.requirement.to_string(),
                       .instead = fix.instead.to_string(),
                       .others = others_changed(fix, present)};
    for (const auto& [name, version] : fix.gives)
      offered.gives.emplace_back(name.normalized(), version.to_string());
    if (takes_fix) offered.option = fmt::format("--fix {}", out.size() + 1);
    out.push_back(std::move(offered));
  }
  lay_out(out, found, takes_fix);
  return out;
}

}  // namespace

ExplainedError conflict_error(const Unmet& unmet, const Target& target,
                              const std::map<PackageName, Version>& present, bool takes_fix) {
  Explanation told = explain(unmet.conflict, target);
  return {lacks_a_project(unmet.conflict) ? ErrorKind::NotFound : ErrorKind::NoSolution, told.headline,
          std::move(told.lines), std::move(told.hints), offer(unmet.fixes, present, takes_fix)};
}

Goal apply_fix(const Goal& goal, const Unmet& unmet, int number) {
  const std::size_t count = unmet.fixes.size();
  if (number < 1 || static_cast<std::size_t>(number) > count)
    throw Error(ErrorKind::Usage,
                count == 0 ? fmt::format("--fix {}: no fix is known for this conflict", number)
                           : fmt::format("--fix {}: there {} {}", number, count == 1 ? "is only" : "are only",
                                         count == 1 ? "1 fix" : fmt::format("{} fixes", count)),
                {"without `--fix` the conflict is explained, with its fixes"});
  const Fix& fix = unmet.fixes[static_cast<std::size_t>(number) - 1];
  Goal changed = goal;
  if (!loosen_line(changed.requirements, fix.line, fix.instead.specifier))
    loosen_line(changed.constraints, fix.line, fix.instead.specifier);
  return changed;
}

}  // namespace moat
