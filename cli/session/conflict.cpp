#include "cli/session/conflict.h"

#include "resolver/base/text.h"
#include "resolver/solve/explain.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace moat {
namespace {

// Packages that a fix installs or changes besides those in the conflict.
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
    std::vector<std::string> changes;
    for (const Fix::Change& change : found[i].changes)
      changes.push_back(told(change.instead) + (change.instead.specifier.empty() ? " (any version)" : ""));
    asks.push_back(join(changes, " and "));
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
    OfferedFix offered{.others = others_changed(fix, present)};
    for (const Fix::Change& change : fix.changes)
      offered.changes.push_back(
          {change.line.origin.where, change.line.requirement.to_string(), change.instead.to_string()});
    for (const auto& [name, version] : fix.gives)
      offered.gives.emplace_back(name.normalized(), version.to_string());
    if (takes_fix) offered.option = fmt::format("--fix {}", out.size() + 1);
    out.push_back(std::move(offered));
  }
  lay_out(out, found, takes_fix);
  return out;
}

// Why there may be more fixes than the offered ones.
std::string left_out(const FoundFixes& found) {
  if (found.ran_out) return "the search for fixes was cut short: too many combinations to try";
  if (found.left_builds_out)
    return "the search for fixes left out source distributions whose metadata was not known yet";
  return "";
}

nlohmann::ordered_json or_null(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
}

nlohmann::ordered_json lack_document(const ConflictStep& step, const Unmet& unmet) {
  if (!step.lack) return {};
  nlohmann::ordered_json out{{"kind", to_string(*step.lack)}};
  const MissingCandidatesFacts& facts = step.facts;
  if (!facts.version.empty()) out["version"] = facts.version;
  if (!facts.tags.empty()) out["tags"] = facts.tags;
  if (!facts.pythons.empty()) out["pythons"] = facts.pythons;
  if (!facts.requires_python.empty()) out["requires_python"] = facts.requires_python;
  if (facts.since) out["since"] = calendar_day(*facts.since);
  if (const auto near = unmet.near.find(step.requirement.name); near != unmet.near.end())
    out["near"] = near->second;
  if (!step.detail.empty()) out["text"] = step.detail;
  return out;
}

nlohmann::ordered_json conflict_document(const Unmet& unmet) {
  nlohmann::ordered_json lines = nlohmann::ordered_json::array(), reasons = nlohmann::ordered_json::array();
  for (const Edge& edge : unmet.conflict.core)
    lines.push_back({{"line", edge.origin.where}, {"requirement", edge.requirement.to_string()}});
  for (const ConflictStep& step : unmet.conflict.steps)
    reasons.push_back(
        {{"package", or_null(step.package ? step.package->normalized() : "")},
         {"extra", or_null(step.extra ? step.extra->normalized() : "")},
         {"versions", or_null(step.versions)},
         {"line", step.package ? nlohmann::ordered_json() : nlohmann::ordered_json(step.origin.where)},
         {"requires", or_null(step.unusable.empty() ? step.requirement.to_string() : "")},
         {"lack", lack_document(step, unmet)},
         {"unusable", or_null(step.unusable)}});
  return {{"lines", std::move(lines)}, {"reasons", std::move(reasons)}};
}

}  // namespace

ExplainedError conflict_error(const Unmet& unmet, OffersFix offers) {
  Explanation told = explain(unmet.conflict, unmet.target);
  std::vector<std::string> hints;
  for (const auto& [name, near] : unmet.near) hints.push_back(fmt::format("did you mean `{}`?", near));
  hints.insert(hints.end(), told.hints.begin(), told.hints.end());
  return {
      lacks_a_project(unmet.conflict) ? ErrorKind::NotFound : ErrorKind::NoSolution,
      unmet.is_one_of_many ? fmt::format("{}: {}", unmet.target.description, told.headline) : told.headline,
      std::move(told.lines),
      std::move(hints),
      {offer(unmet.found.fixes, unmet.present, offers == OffersFix::Yes), left_out(unmet.found)},
      std::make_shared<const nlohmann::ordered_json>(conflict_document(unmet))};
}

ExplainedError unpinned_error(const UnpinnedLines& unpinned) {
  return {ErrorKind::HashMismatch,
          fmt::format("hashes are required, but {} not pinned with `==` and a hash",
                      unpinned.lines.size() == 1 ? "this requirement is" : "these requirements are"),
          unpinned.lines,
          {"`moat lock -r FILE -o requirements.txt` writes such lines, with the hashes of all files"},
          {}};
}

}  // namespace moat
