#include "resolver/lock/exports.h"

#include "resolver/base/text.h"
#include "resolver/base/url.h"
#include "resolver/lock/requirements_lock.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace moat {
namespace {

bool is_folder(const LockedPackage& package) {
  return package.direct && package.direct->kind == DirectSourceKind::Directory;
}

std::string version_of(const LockedPackage& package) {
  return package.version ? package.version->to_string() : "";
}

std::string purl(const LockedPackage& package) {
  std::string out = "pkg:pypi/" + package.name.normalized();
  if (package.version) out += "@" + percent_encode_path(package.version->to_string());
  if (package.direct && package.direct->kind == DirectSourceKind::Vcs)
    out += fmt::format("?vcs_url={}",
                       percent_encode_path(fmt::format("{}+{}@{}", package.direct->vcs_type,
                                                       package.direct->url, package.direct->commit_id)));
  return out;
}

// As CycloneDX calls them; "" for one that it does not have.
std::string algorithm_name(const std::string& algorithm) {
  static const std::map<std::string, std::string> kNames{
      {"sha256", "SHA-256"}, {"sha384", "SHA-384"}, {"sha512", "SHA-512"}};
  const auto found = kNames.find(algorithm);
  return found == kNames.end() ? "" : found->second;
}

nlohmann::ordered_json file_reference(const LockedFile& file) {
  nlohmann::ordered_json hashes = nlohmann::ordered_json::array();
  for (const Digest& digest : file.hashes)
    if (const std::string name = algorithm_name(digest.algorithm); !name.empty())
      hashes.push_back({{"alg", name}, {"content", digest.hex}});
  return {{"type", "distribution"},
          {"url", file.url.empty() ? file.path : file.url},
          {"hashes", std::move(hashes)}};
}

nlohmann::ordered_json component(const LockedPackage& package) {
  nlohmann::ordered_json out{
      {"type", "library"}, {"bom-ref", purl(package)}, {"name", package.name.normalized()}};
  if (package.version) out["version"] = package.version->to_string();
  out["purl"] = purl(package);
  nlohmann::ordered_json references = nlohmann::ordered_json::array();
  if (package.sdist) references.push_back(file_reference(*package.sdist));
  for (const LockedFile& wheel : package.wheels) references.push_back(file_reference(wheel));
  if (package.direct && package.direct->kind == DirectSourceKind::Archive)
    references.push_back(file_reference(package.direct->archive));
  if (!references.empty()) out["externalReferences"] = std::move(references);
  if (package.marker) out["properties"] = {{{"name", "moat:marker"}, {"value", package.marker->to_string()}}};
  return out;
}

}  // namespace

Pylock settled_lock(const Pylock& lock, const std::set<ExtraName>& extras,
                    const std::set<GroupName>& groups) {
  check_conflicts(lock, extras, groups);
  Pylock out = lock;
  out.packages.clear();
  out.extras.clear();
  out.dependency_groups.clear();
  out.default_groups.clear();
  out.locked_groups.clear();
  for (LockedPackage package : lock.packages) {
    if (package.marker) {
      Marker::Settled settled = package.marker->settle(extras, groups);
      if (settled.never) continue;
      package.marker = std::move(settled.rest);
    }
    out.packages.push_back(std::move(package));
  }
  return out;
}

std::string export_requirements(const Pylock& lock, const std::filesystem::path& lock_directory,
                                std::vector<std::string>& left_out) {
  Pylock hashed = lock;
  for (const LockedPackage& package : lock.packages)
    if (is_folder(package)) left_out.push_back(package.name.display());
  std::erase_if(hashed.packages, is_folder);
  return format_requirements(hashed, lock_directory);
}

std::string export_constraints(const Pylock& lock) {
  std::string out;
  for (const LockedPackage& package : lock.packages) {
    if (package.direct || !package.version) continue;
    out += fmt::format("{}=={}", package.name.normalized(), version_of(package));
    if (package.marker) out += " ; " + package.marker->to_string();
    out += "\n";
  }
  return out;
}

Pylock target_lock(const Pylock& lock, const Target& target, const std::set<ExtraName>& extras,
                   const std::set<GroupName>& groups) {
  Pylock out = lock;
  out.packages.clear();
  out.environments.clear();
  out.has_environments = false;
  out.extras.clear();
  out.dependency_groups.clear();
  out.default_groups.clear();
  for (const SelectedPackage& one : select_packages(lock, target, extras, groups)) {
    LockedPackage package = *one.package;
    package.marker.reset();
    if (!package.direct && one.file != nullptr) {
      const bool is_sdist = package.sdist && one.file == &*one.package->sdist;
      std::vector<LockedFile> wheels;
      if (!is_sdist) {
        wheels.push_back(*one.file);
        package.sdist.reset();
      }
      package.wheels = std::move(wheels);
    }
    out.packages.push_back(std::move(package));
  }
  // Dependencies name only components of this file.
  const auto is_here = [&](const PackageName& name) {
    return std::any_of(out.packages.begin(), out.packages.end(),
                       [&](const LockedPackage& package) { return package.name == name; });
  };
  for (LockedPackage& package : out.packages)
    std::erase_if(package.dependencies, [&](const auto& dependency) { return !is_here(dependency.first); });
  return out;
}

std::string export_target(const Pylock& lock, const Target& target, const std::set<ExtraName>& extras,
                          const std::set<GroupName>& groups) {
  return format_pylock(target_lock(lock, target, extras, groups));
}

std::string export_cyclonedx(const Pylock& lock, const std::optional<ProjectName>& project) {
  nlohmann::ordered_json components = nlohmann::ordered_json::array(),
                         graph = nlohmann::ordered_json::array();
  std::set<PackageName> needed;
  std::map<PackageName, std::vector<const LockedPackage*>> by_name;
  for (const LockedPackage& package : lock.packages) by_name[package.name].push_back(&package);
  for (const LockedPackage& package : lock.packages) {
    components.push_back(component(package));
    nlohmann::ordered_json needs = nlohmann::ordered_json::array();
    for (const auto& [name, version] : package.dependencies)
      for (const LockedPackage* other : by_name[name])
        if (!version || !other->version || *version == *other->version) {
          needs.push_back(purl(*other));
          needed.insert(name);
        }
    graph.push_back({{"ref", purl(package)}, {"dependsOn", std::move(needs)}});
  }
  nlohmann::ordered_json metadata{
      {"tools", {{"components", {{{"type", "application"}, {"name", "moat"}, {"version", MOAT_VERSION}}}}}}};
  if (project) {
    metadata["component"] = {{"type", "application"}, {"bom-ref", "project"}, {"name", project->name}};
    if (!project->version.empty()) metadata["component"]["version"] = project->version;
    nlohmann::ordered_json direct = nlohmann::ordered_json::array();
    for (const LockedPackage& package : lock.packages)
      if (needed.count(package.name) == 0) direct.push_back(purl(package));
    graph.push_back({{"ref", "project"}, {"dependsOn", std::move(direct)}});
  }
  const nlohmann::ordered_json document{{"bomFormat", "CycloneDX"},
                                        {"specVersion", "1.6"},
                                        {"version", 1},
                                        {"metadata", std::move(metadata)},
                                        {"components", std::move(components)},
                                        {"dependencies", std::move(graph)}};
  return document.dump(2) + "\n";
}

}  // namespace moat
