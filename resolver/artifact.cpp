#include "resolver/artifact.h"

#include <algorithm>

namespace moat {

const Digest* Artifact::strongest_digest() const {
  const auto best = std::max_element(digests.begin(), digests.end(), [](const Digest& a, const Digest& b) {
    return a.strength() < b.strength();
  });
  return best == digests.end() ? nullptr : &*best;
}

}  // namespace moat
