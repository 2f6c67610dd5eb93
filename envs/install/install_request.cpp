#include "envs/install/install_request.h"

#include "envs/install/key_text.h"

namespace moat {
namespace {

std::string number(auto of_enum) { return std::to_string(static_cast<int>(of_enum)); }

void add_indexes(KeyText& key, const IndexList& list) {
  key.count(list.indexes.size());
  for (const Index& index : list.indexes)
    key.add(index.name)
        .add(index.url.without_credentials().to_string())
        .add(index.forbids_absent ? "403" : "");
  key.count(list.find_links.size());
  for (const std::string& link : list.find_links) key.add(link);
  key.count(list.pins.size());
  for (const auto& [name, index] : list.pins) key.add(name.normalized()).add(index);
  key.add(number(list.strategy));
}

void add_pairs(KeyText& key, const std::vector<std::pair<std::string, std::string>>& pairs) {
  key.count(pairs.size());
  for (const auto& [name, value] : pairs) key.add(name).add(value);
}

}  // namespace

void InstallRequest::fill(ResolveRequest& request) const {
  request.mode = mode;
  request.prereleases = prereleases;
  request.binary = binary;
  request.exclude_newer = exclude_newer;
  request.window = window;
}

std::string digest_of(const BuildTerms& terms) {
  KeyText key;
  key.add(terms.constraints);
  add_pairs(key, terms.config_settings);
  add_pairs(key, terms.variables);
  key.add(terms.isolation ? "isolation" : "").add(terms.network ? "network" : "");
  return key.digest();
}

std::string digest_of(const InstallRequest& request) {
  KeyText key;
  add_indexes(key, request.indexes);
  key.add(number(request.mode)).add(number(request.prereleases.otherwise));
  key.count(request.prereleases.by_name.size());
  for (const auto& [name, as] : request.prereleases.by_name) key.add(name.normalized()).add(number(as));
  key.add(request.binary.allow_wheels ? "wheels" : "").add(request.binary.allow_sdists ? "sdists" : "");
  key.count(request.binary.by_name.size());
  for (const auto& [name, allowed] : request.binary.by_name)
    key.add(name.normalized()).add(allowed.first ? "wheels" : "").add(allowed.second ? "sdists" : "");
  key.add(request.exclude_newer ? std::to_string(*request.exclude_newer) : "");
  key.add(request.window ? std::to_string(request.window->count()) : "");
  key.add(request.no_vulnerable ? "no vulnerable" : "");
  key.add(request.may_build ? digest_of(request.build) : "");
  return key.digest();
}

}  // namespace moat
