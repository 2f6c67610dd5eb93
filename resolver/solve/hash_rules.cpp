#include "resolver/solve/hash_rules.h"

#include "resolver/base/text.h"
#include "resolver/base/url.h"

#include <algorithm>
#include <string>
#include <utility>

namespace moat {
namespace {

std::vector<Digest> hashes_of(const RootRequirement& line) {
  if (!line.hashes.empty() || !line.requirement.url) return line.hashes;
  const std::string& url = *line.requirement.url;
  const std::size_t hash = url.find('#');
  std::vector<Digest> out;
  if (hash == std::string::npos) return out;
  for (const std::string_view part : split(std::string_view(url).substr(hash + 1), '&'))
    if (auto digest = Digest::parse(part)) out.push_back(std::move(*digest));
  return out;
}

}  // namespace

HashRules::HashRules(const ResolveRequest& request) {
  for (const auto* lines : {&request.requirements, &request.constraints}) {
    for (const RootRequirement& line : *lines) {
      const Requirement& requirement = line.requirement;
      if (requirement.marker && !requirement.marker->evaluate(request.target.environment)) continue;
      std::vector<Digest> hashes = hashes_of(line);
      if (hashes.empty()) continue;
      const auto [entry, is_first] = allowed_.try_emplace(requirement.name, hashes);
      if (!is_first)
        std::erase_if(entry->second, [&](const Digest& digest) {
          return std::find(hashes.begin(), hashes.end(), digest) == hashes.end();
        });
    }
  }
}

const std::vector<Digest>* HashRules::of(const PackageName& name) const {
  const auto found = allowed_.find(name);
  return found == allowed_.end() ? nullptr : &found->second;
}

}  // namespace moat
