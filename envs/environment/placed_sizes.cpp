#include "envs/environment/placed_sizes.h"

namespace moat {

PlacedSizes sizes_of(const Environment::Placed& placed) {
  PlacedSizes sizes;
  std::map<std::string, std::string> owners;  // folder → owner of its files
  for (const ManifestEntry& entry : placed.manifest.entries) {
    sizes.of_package[entry.owner] += entry.size;
    sizes.all += entry.size;
    owners.emplace(fs::path(entry.path).parent_path().native(), entry.owner);
  }
  for (const BytecodeEntry& entry : placed.bytecode) {
    const fs::path folder = fs::path(entry.path).parent_path();
    const auto owner =
        owners.find((folder.filename() == "__pycache__" ? folder.parent_path() : folder).native());
    sizes.of_package[owner == owners.end() ? "" : owner->second] += entry.size;
    sizes.all += entry.size;
  }
  return sizes;
}

}  // namespace moat
