#include "envs/install/sync_plan.h"

#include "resolver/base/url.h"

#include <algorithm>
#include <string>

namespace moat {

void keep_needed(std::vector<SelectedPackage>& selected, const std::set<PackageName>& names) {
  std::set<PackageName> needed = names;
  for (bool grows = true; grows;) {
    grows = false;
    for (const SelectedPackage& one : selected)
      if (needed.contains(one.package->name))
        for (const auto& [name, version] : one.package->dependencies) grows |= needed.insert(name).second;
  }
  std::erase_if(selected, [&](const SelectedPackage& one) { return !needed.contains(one.package->name); });
}

void drop_current(InstallPlan& plan, const std::filesystem::path& project, const Present& present) {
  const std::string folder = Url::from_path(project.native()).to_string();
  const auto is_current = [&](const Step& step) {
    const auto direct = present.direct.find(step.package->name);
    const auto version = present.versions.find(step.package->name);
    return step.editable && direct != present.direct.end() && direct->second.editable &&
           direct->second.url == folder && version != present.versions.end() &&
           version->second == step.package->version;
  };
  plan.steps.erase(std::remove_if(plan.steps.begin(), plan.steps.end(), is_current), plan.steps.end());
}

std::set<PackageName> strays(const InstalledDistributions& installed, const Resolution& resolution) {
  std::set<PackageName> names;
  for (const InstalledDistribution& distribution : installed.all) names.insert(distribution.name);
  for (const ResolvedPackage& package : resolution.packages) names.erase(package.name);
  return names;
}

}  // namespace moat
