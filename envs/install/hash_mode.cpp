#include "envs/install/hash_mode.h"

#include "fetch/download/wheels.h"
#include "resolver/base/redact.h"
#include "resolver/base/text.h"
#include "resolver/solve/hash_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

namespace moat {
namespace {

bool applies(const RootRequirement& line, const Target& target) {
  return !line.requirement.marker || line.requirement.marker->evaluate(target.environment);
}

bool names_one_version(const Requirement& requirement) {
  return requirement.url || requirement.specifier.pinned_version();
}

bool is_pinned(const PackageName& name, const ResolveRequest& request) {
  for (const auto* lines : {&request.requirements, &request.constraints})
    for (const RootRequirement& line : *lines)
      if (line.requirement.name == name && applies(line, request.target) &&
          names_one_version(line.requirement))
        return true;
  return false;
}

// Strong hashes of the chosen files, in the order of the packages; computed if no index promises them.
std::vector<Digest> hashes_of(const std::vector<const ResolvedPackage*>& packages, const Tools& tools) {
  std::vector<Digest> out(packages.size());
  std::vector<WheelOrder> orders;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < packages.size(); ++i) {
    const Artifact& artifact = packages[i]->file.artifact;
    if (const Digest* digest = artifact.strongest_digest(); digest != nullptr && digest->is_strong())
      out[i] = *digest;
    else if (packages[i]->file.wheel)
      orders.push_back({artifact, {}}), places.push_back(i);
  }
  if (orders.empty()) return out;
  const std::vector<StoredWheel> wheels =
      obtain_wheels(orders, tools.http, tools.store, tools.workers, tools.reporter, tools.stop);
  for (std::size_t k = 0; k < wheels.size(); ++k) out[places[k]] = wheels[k].digest;
  return out;
}

std::string who_needs(const ResolvedPackage& package) {
  if (package.required_by.empty()) return "";
  const Edge& edge = package.required_by.front();
  if (edge.from) return fmt::format("  # needed by {}", edge.from->display());
  return edge.origin.where.empty() ? "" : fmt::format("  # {}", edge.origin.where);
}

// "lib==1.0 --hash=sha256:…", as in a requirements file.
std::string line_of(const ResolvedPackage& package, const Digest& digest) {
  std::string line = package.name.display();
  const auto direct = std::find_if(package.required_by.begin(), package.required_by.end(),
                                   [](const Edge& edge) { return edge.requirement.url.has_value(); });
  if (direct != package.required_by.end())
    line += " @ " + hide_credentials(*direct->requirement.url);
  else
    line += "==" + package.version.to_string();
  if (!digest.hex.empty()) line += " --hash=" + digest.to_string();
  return line + who_needs(package);
}

}  // namespace

bool is_pinned_throughout(const ResolveRequest& request) {
  return std::all_of(request.requirements.begin(), request.requirements.end(),
                     [&](const RootRequirement& line) {
                       return !applies(line, request.target) || is_pinned(line.requirement.name, request);
                     });
}

bool lacks_hashes(const Conflict& conflict, const ResolveRequest& request) {
  const HashRules rules(request);
  return std::any_of(conflict.steps.begin(), conflict.steps.end(), [&](const ConflictStep& step) {
    return step.lack == MissingCandidates::NoHash && rules.of(step.requirement.name) == nullptr;
  });
}

std::optional<UnpinnedLines> missing_hashes(const ResolveRequest& request, CandidateSource& source,
                                            const Tools& tools) {
  ResolveRequest relaxed = request;
  relaxed.require_hashes = false;
  const Outcome outcome = resolve(relaxed, source, tools.reporter, tools.stop);
  const auto* resolution = std::get_if<Resolution>(&outcome);
  if (resolution == nullptr) return std::nullopt;
  std::vector<const ResolvedPackage*> missing;
  for (const ResolvedPackage& package : resolution->packages)
    if (package.accepted.empty() || !is_pinned(package.name, request)) missing.push_back(&package);
  if (missing.empty()) return std::nullopt;
  const std::vector<Digest> hashes = hashes_of(missing, tools);
  UnpinnedLines out;
  for (std::size_t i = 0; i < missing.size(); ++i) out.lines.push_back(line_of(*missing[i], hashes[i]));
  return out;
}

}  // namespace moat
