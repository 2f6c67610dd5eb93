#include "resolver/solve/prerelease_permits.h"

#include <algorithm>

namespace moat {
namespace {

// Pairs of a proof's needs that are looked at for one project; beyond that single ones must do.
constexpr std::size_t kMostInPairs = 64;

bool names_prerelease(const Requirement* requirement) { return requirement->specifier.names_prerelease(); }

}  // namespace

bool PrereleasePermits::wants(PackageIndex package) const {
  return encoding_.permit(package) != 0 && !has(package);
}

bool PrereleasePermits::grant(PackageIndex package) {
  if (permitted_.size() <= package) permitted_.resize(package + 1);
  permitted_[package] = true;
  return true;
}

bool PrereleasePermits::lines_name_prerelease(PackageIndex package) const {
  const std::vector<LineIndex>& of = lines_.of(encoding_.view(package).name());
  return std::any_of(of.begin(), of.end(),
                     [&](LineIndex line) { return names_prerelease(&lines_.lines()[line].requirement()); });
}

bool PrereleasePermits::only_reserve_left(PackageIndex package, const std::vector<bool>& allowed,
                                          const std::vector<const Requirement*>& together) const {
  const ProjectView& view = encoding_.view(package);
  bool reserve = false;
  for (std::size_t k = 0; k < view.size(); ++k) {
    const bool inside =
        allowed[k] && std::all_of(together.begin(), together.end(), [&](const Requirement* r) {
          return contains(view.admitted(r->specifier), k);
        });
    if (!inside) continue;
    if (!view.is_reserve(k)) return false;
    reserve = true;
  }
  return reserve;
}

bool PrereleasePermits::grant_for(const Solution& solution) {
  std::vector<std::vector<const Requirement*>> on(encoding_.size());
  std::vector<bool> needed(encoding_.size());
  for (const Solution::Need& need : solution.needs) {
    const auto package = encoding_.find(need.requirement->name);
    if (!package) continue;
    needed[*package] = true;
    if (need.from) on[*package].push_back(need.requirement);
  }
  bool granted = false;
  for (PackageIndex package = 0; package < encoding_.size(); ++package) {
    if (!needed[package] || !wants(package)) continue;
    if (lines_name_prerelease(package) ||
        std::any_of(on[package].begin(), on[package].end(), names_prerelease) ||
        only_reserve_left(package, lines_.allowed(encoding_.view(package)), on[package]))
      granted |= grant(package);
  }
  return granted;
}

bool PrereleasePermits::grant_for(const Proof& proof) {
  std::vector<Claims> on(encoding_.size());
  for (const Proof::Need& need : proof.needs) {
    const auto package = encoding_.find(need.requirement->name);
    if (!package || !wants(*package)) continue;
    Claims& claims = on[*package];
    const bool seen =
        std::any_of(claims.requirements.begin(), claims.requirements.end(),
                    [&](const auto* other) { return other->specifier == need.requirement->specifier; });
    // The same specifier from several packages is one claim; who it comes from matters for pairs only, and
    // little there.
    if (seen) continue;
    claims.requirements.push_back(need.requirement);
    claims.from.push_back(need.package);
  }
  bool granted = false;
  for (PackageIndex package = 0; package < encoding_.size(); ++package) {
    const Claims& claims = on[package];
    if (!wants(package) || (claims.requirements.empty() && !proof.asked.contains(package))) continue;
    const std::vector<bool> allowed = lines_.allowed(encoding_.view(package));
    const std::size_t count = claims.requirements.size();
    bool due = lines_name_prerelease(package) ||
               std::any_of(claims.requirements.begin(), claims.requirements.end(), names_prerelease) ||
               only_reserve_left(package, allowed, {});
    for (std::size_t i = 0; i < count && !due; ++i) {
      due = only_reserve_left(package, allowed, {claims.requirements[i]});
      for (std::size_t j = 0; j < i && j < kMostInPairs && !due; ++j)
        due = claims.from[i] != claims.from[j] &&
              only_reserve_left(package, allowed, {claims.requirements[i], claims.requirements[j]});
    }
    if (due) granted |= grant(package);
  }
  return granted;
}

}  // namespace moat
