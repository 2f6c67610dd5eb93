#include "envs/install/requests.h"

#include "resolver/base/redact.h"
#include "resolver/solve/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace moat {
namespace {

// `==1.0` and `===1.0`, but not `==1.*`, which is a range.
bool is_pin(const Specifier& clause) {
  return clause.op() == Operator::ArbitraryEqual ||
         (clause.op() == Operator::Equal && !clause.to_string().ends_with(".*"));
}

void take_pins_away(Requirement& requirement) {
  std::string rest;
  for (const Specifier& clause : requirement.specifier.clauses())
    if (!is_pin(clause)) rest += (rest.empty() ? "" : ",") + clause.to_string();
  requirement.specifier = *SpecifierSet::parse(rest);
}

bool is_bare(const Requirement& requirement) { return requirement.specifier.empty() && !requirement.url; }

// Does the goal repeat this request?
bool is_replaced(const ManifestRequest& request, const PackageName& name, const Goal& goal) {
  const auto files = [&](const auto& file) { return file.second == request.origin; };
  if (request.kind == kFileRequest && std::any_of(goal.files.begin(), goal.files.end(), files)) return true;
  return std::any_of(goal.requirements.begin(), goal.requirements.end(), [&](const RootRequirement& root) {
    return root.requirement.name == name && !is_bare(root.requirement);
  });
}

std::string place_of(const ManifestRequest& request) {
  return request.kind == kCommandRequest ? fmt::format("`{}`", request.origin) : request.origin;
}

bool is_broken_by(const Requirement& requirement, const Resolution& resolution, const Target& target) {
  if (requirement.marker && !requirement.marker->evaluate(target.environment)) return false;
  return std::any_of(
      resolution.packages.begin(), resolution.packages.end(), [&](const ResolvedPackage& package) {
        return package.name == requirement.name && !requirement.specifier.contains(package.version);
      });
}

ManifestRequest as_request(const RootRequirement& root, const Goal& goal, const std::string& command_line) {
  const auto file = goal.files.find(root.origin.where);
  return {.name = root.requirement.name.normalized(),
          .binding = goal.binds,
          .kind = std::string(file == goal.files.end() ? kCommandRequest : kFileRequest),
          .origin = file == goal.files.end() ? command_line : file->second,
          .requirement = hide_credentials(root.requirement.to_string())};
}

}  // namespace

void add_earlier_requests(const std::vector<ManifestRequest>& before, const std::set<PackageName>& upgraded,
                          Goal& goal) {
  if (!goal.binds) return;
  for (const ManifestRequest& request : before) {
    Expected<Requirement> requirement = Requirement::parse(request.requirement);
    // Packages from a URL stay as they are anyway.
    if (!request.binding || !requirement || requirement->url) continue;
    if (is_replaced(request, requirement->name, goal)) continue;
    if (upgraded.count(requirement->name) != 0) take_pins_away(*requirement);
    goal.earlier.push_back({*std::move(requirement), {asked_earlier(place_of(request))}, {}});
    goal.earlier_said.push_back(request);
  }
}

void keep_sources(const Present& present, Goal& goal) {
  for (RootRequirement& root : goal.requirements) {
    const auto from = present.direct.find(root.requirement.name);
    if (from == present.direct.end() || !root.origin.where.empty() || !is_bare(root.requirement)) continue;
    root.requirement.url = from->second.reference();
    // As the user typed it: a branch, and not its commit at the time.
    for (const ManifestRequest& request : present.requests)
      if (const Expected<Requirement> said = Requirement::parse(request.requirement);
          request.binding && said && said->name == root.requirement.name && said->url)
        root.requirement.url = said->url;
    if (from->second.editable) goal.editables.insert(root.requirement.name);
  }
}

std::vector<RootRequirement> with_earlier_of_named(const Goal& goal) {
  std::vector<RootRequirement> out = goal.requirements;
  for (const RootRequirement& earlier : goal.earlier)
    if (std::any_of(goal.requirements.begin(), goal.requirements.end(), [&](const RootRequirement& root) {
          return root.requirement.name == earlier.requirement.name;
        }))
      out.push_back(earlier);
  return out;
}

std::vector<std::string> held_requests(const PackageName& name, const std::vector<ManifestRequest>& requests,
                                       bool is_unpinned) {
  std::vector<std::string> out;
  for (const ManifestRequest& request : requests) {
    if (!request.binding || request.name != name.normalized()) continue;
    Expected<Requirement> requirement = Requirement::parse(request.requirement);
    if (!requirement || requirement->name != name || requirement->url) continue;
    if (is_unpinned && requirement->specifier.pinned_version()) requirement->specifier = {};
    out.push_back(requirement->to_string());
  }
  if (out.empty()) out.push_back(name.display());
  return out;
}

std::vector<RootRequirement> broken_requests(const Resolution& resolution, const Target& target,
                                             const Goal& goal) {
  std::vector<RootRequirement> out;
  for (const RootRequirement& earlier : goal.earlier)
    if (is_broken_by(earlier.requirement, resolution, target)) out.push_back(earlier);
  return out;
}

namespace {

// Of these, the command's request for a name; nullptr where there is none.
ManifestRequest* find_request(std::vector<ManifestRequest>& requests, const std::string& name) {
  const auto found = std::find_if(requests.begin(), requests.end(), [&](const ManifestRequest& request) {
    return request.kind == kCommandRequest && request.name == name;
  });
  return found == requests.end() ? nullptr : &*found;
}

// `flake8[x]` beside `flake8==3.9.2`: the one with the extras of the other.
void add_extras(ManifestRequest& request, const RootRequirement& root, const std::string& command_line) {
  Expected<Requirement> both = Requirement::parse(request.requirement);
  if (!both) return;
  both->extras.insert(root.requirement.extras.begin(), root.requirement.extras.end());
  if (both->to_string() == Requirement::parse(request.requirement)->to_string()) return;
  request.requirement = both->to_string();
  request.origin = command_line;
}

// The requests as they are after the change.
std::vector<ManifestRequest> requests_after(const Goal& goal, const std::vector<ManifestRequest>& before,
                                            const std::string& command_line) {
  std::vector<ManifestRequest> out;
  for (const ManifestRequest& request : before) {
    const Expected<PackageName> name = PackageName::parse(request.name);
    const auto loosened = std::find(goal.earlier_said.begin(), goal.earlier_said.end(), request);
    if (loosened != goal.earlier_said.end()) {
      const Requirement& now =
          goal.earlier[static_cast<std::size_t>(loosened - goal.earlier_said.begin())].requirement;
      out.push_back(request);
      if (*Requirement::parse(request.requirement) == now) continue;
      out.back().requirement = now.to_string();
      if (request.kind == kCommandRequest) out.back().origin = command_line;
    } else if (!name || !is_replaced(request, *name, goal)) {
      out.push_back(request);
    }
  }
  for (const RootRequirement& root : goal.requirements) {
    ManifestRequest now = as_request(root, goal, command_line);
    // Repeating the same words changes nothing.
    for (const ManifestRequest& earlier : before)
      if (earlier.kind == now.kind && earlier.name == now.name && earlier.requirement == now.requirement &&
          earlier.binding == now.binding && (now.kind == kCommandRequest || now.origin == earlier.origin))
        now.origin = earlier.origin;
    ManifestRequest* const there = now.kind == kCommandRequest ? find_request(out, now.name) : nullptr;
    if (there == nullptr)
      out.push_back(std::move(now));
    else if (!is_bare(root.requirement) || (goal.binds ? !there->binding : goal.upgrades))
      *there = std::move(now);
    else
      add_extras(*there, root, command_line);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

RequestChanges request_changes(const Goal& goal, const std::vector<ManifestRequest>& before,
                               const std::string& command_line) {
  if (goal.only_dependencies) return {};
  const std::vector<ManifestRequest> after = requests_after(goal, before, command_line);
  std::vector<ManifestRequest> gone, come;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(gone));
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(come));
  RequestChanges changes;
  for (const ManifestRequest& request : gone)
    if (const Expected<PackageName> name = PackageName::parse(request.name)) changes.forgotten.insert(*name);
  // All requests of a file are replaced together, and all for a name that loses one of them.
  for (const ManifestRequest& request : after) {
    const auto name = PackageName::parse(request.name);
    const bool of_file = request.kind == kFileRequest &&
                         std::any_of(come.begin(), come.end(), [&](const ManifestRequest& one) {
                           return one.kind == kFileRequest && one.origin == request.origin;
                         });
    if (of_file || (name && changes.forgotten.count(*name) != 0) ||
        std::find(come.begin(), come.end(), request) != come.end())
      changes.said.push_back(request);
  }
  return changes;
}

std::set<PackageName> contradicted(const std::vector<ManifestRequest>& before, const Resolution& resolution,
                                   const Target& target) {
  std::set<PackageName> out;
  for (const ManifestRequest& request : before)
    if (const Expected<Requirement> requirement = Requirement::parse(request.requirement);
        requirement && is_broken_by(*requirement, resolution, target))
      out.insert(requirement->name);
  return out;
}

std::vector<std::string> told_requests(const std::vector<ManifestRequest>& requests,
                                       const PackageName* name) {
  std::vector<std::string> out;
  for (const ManifestRequest& request : requests)
    if (name == nullptr || request.name == name->normalized())
      out.push_back(fmt::format("{} ({})", request.requirement, request.origin));
  return out;
}

}  // namespace moat
