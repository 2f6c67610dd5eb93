// Paths for which several packages have a file: whose bytes are placed. This depends on which packages are
// there and which were asked for, not on the order; so it is settled again whenever one of them arrives,
// leaves or is asked for. Reads the environment and the store, changes neither.
#pragma once

#include "envs/journal/manifest.h"
#include "envs/journal/scheme.h"
#include "envs/place/presence.h"
#include "envs/place/staging.h"
#include "envs/place/transaction.h"
#include "resolver/pep/record.h"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

namespace moat {

// Of the RECORD of a package that stays.
struct RecordCorrection {
  std::vector<std::string> without;  // rows' paths
  std::vector<RecordEntry> with;
};

struct Settlement {
  std::vector<ArrivingFile> shared;             // brought by two packages with equal bytes, or already there
  std::set<std::string> displaced;              // where a file goes though a package that stays has it
  std::map<std::string, std::string> owner_at;  // of settled paths
  std::vector<ManifestEntry> others;            // for Manifest::others
  std::map<const InstalledDistribution*, RecordCorrection> corrections;
  std::vector<std::string> warnings;
};

// The facts that decide it.
struct SettlementTerms {
  const TransactionRequest& request;
  const Presence& there;
  const std::filesystem::path& root;
  const Scheme& scheme;
  LinkMode link_mode;
  const Store& store;
};

// `contested`: paths that several arrivals have. Removes from `arrivals` the files that lose their place,
// with their bytecode; adds files that return for a package that stays. Error(Refused) with strict_files.
Settlement settle_overlaps(const SettlementTerms& terms, const std::unordered_set<std::string>& contested,
                           std::vector<ArrivingFile>& arrivals);

}  // namespace moat
