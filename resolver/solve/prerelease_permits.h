// Which projects may be taken at a pre-release, where that is a last resort: those of which a requirement in
// force names a pre-release, or of which all requirements in force together admit pre-releases but no final
// version.
#pragma once

#include "resolver/solve/encode.h"
#include "resolver/solve/proof.h"
#include "resolver/solve/request_lines.h"
#include "resolver/solve/solution.h"

#include <vector>

namespace moat {

// Permits are only ever added within a run, and are checked after each round's barriers in the order of
// packages, so that the order of arrival cannot matter.
class PrereleasePermits {
 public:
  PrereleasePermits(const RequestLines& lines, const Encoding& encoding)
      : lines_(lines), encoding_(encoding) {}

  const std::vector<bool>& by_package() const { return permitted_; }
  bool has(PackageIndex package) const { return package < permitted_.size() && permitted_[package]; }

  // True if one was granted. All needs are in force together.
  bool grant_for(const Solution& solution);
  // True if one was granted. The needs of a proof are alternatives, so each is looked at with the user's
  // lines, by itself and with one other.
  bool grant_for(const Proof& proof);

 private:
  struct Claims {
    std::vector<const Requirement*> requirements;
    std::vector<PackageIndex> from;  // for each requirement
  };
  bool wants(PackageIndex package) const;
  bool lines_name_prerelease(PackageIndex package) const;
  bool only_reserve_left(PackageIndex package, const std::vector<bool>& allowed,
                         const std::vector<const Requirement*>& together) const;
  bool grant(PackageIndex package);

  const RequestLines& lines_;
  const Encoding& encoding_;
  std::vector<bool> permitted_;
};

}  // namespace moat
