#include "resolver/solve/proof.h"

#include <map>
#include <optional>
#include <tuple>

namespace moat {
namespace {

using Kind = Encoding::Meaning::Kind;

class ProofReader {
 public:
  explicit ProofReader(const Encoding& encoding) : encoding_(encoding) {}

  void take(const solv::Reason& reason) {
    const Encoding::Meaning from = encoding_.meaning(reason.from);
    const Encoding::Meaning to = reason.kind == solv::Reason::Kind::Requires ? encoding_.meaning(reason.dep)
                                                                             : encoding_.meaning(reason.to);
    if (reason.kind == solv::Reason::Kind::Unavailable) {
      if (from.kind == Kind::Candidate) unavailable(from);
      return;
    }
    // Within one package only the ladder speaks, except for an extra that asks for another extra.
    if (from.package == to.package || to.kind == Kind::Other || from.kind == Kind::Other) return;
    if (from.kind == Kind::Candidate) note(from, to.package);
    if (reason.kind == solv::Reason::Kind::Conflicts && to.kind == Kind::Candidate) note(to, from.package);
  }

  Proof finish() {
    for (const auto& [key, requirement] : needs_) {
      const auto& [package, variant, index, text] = key;
      proof_.needs.push_back({package, variant, index, requirement});
    }
    for (const auto& [package, index] : unusable_) proof_.unusable.push_back({package, index});
    return std::move(proof_);
  }
  Proof& proof() { return proof_; }

 private:
  std::vector<const Requirement*> requirements(const Encoding::Meaning& of) const {
    const Dependencies* dependencies = encoding_.view(of.package).dependencies(of.index);
    if (dependencies == nullptr || !encoding_.is_fed(of.package, of.variant, of.index)) return {};
    const auto& extra = encoding_.extra(of.package, of.variant);
    return extra ? dependencies->of_extra(*extra) : dependencies->of_base();
  }

  void note(const Encoding::Meaning& from, PackageIndex on) {
    for (const Requirement* requirement : requirements(from))
      if (encoding_.find(requirement->name) == on) add(from, requirement);
  }

  void unavailable(const Encoding::Meaning& from) {
    const Dependencies* dependencies = encoding_.view(from.package).dependencies(from.index);
    if (dependencies != nullptr && dependencies->unusable()) {
      unusable_.emplace(from.package, from.index);
      return;
    }
    for (const Requirement* requirement : requirements(from)) {
      const bool own = encoding_.find(requirement->name) == from.package &&
                       !contains(encoding_.view(from.package).admitted(requirement->specifier), from.index);
      if (own || !encoding_.is_possible(*requirement)) add(from, requirement);
    }
  }

  void add(const Encoding::Meaning& from, const Requirement* requirement) {
    needs_.try_emplace({from.package, from.variant, from.index, requirement->to_string()}, requirement);
  }

  const Encoding& encoding_;
  Proof proof_;
  std::map<std::tuple<PackageIndex, VariantIndex, std::size_t, std::string>, const Requirement*> needs_;
  std::set<std::pair<PackageIndex, std::size_t>> unusable_;
};

}  // namespace

Proof read_proof(const std::vector<solv::Reason>& refutation, const Encoding& encoding,
                 const RequestGoal& goal) {
  ProofReader reader(encoding);
  for (const solv::Reason& reason : refutation) {
    if (reason.kind == solv::Reason::Kind::Goal)
      reader.proof().asked.insert(goal.items[reason.item]);
    else
      reader.take(reason);
  }
  return reader.finish();
}

}  // namespace moat
