// Paths that several packages have a file for: whose bytes lie there in the end. Depends on who is there and
// who was asked for, not on who came first; so it is settled again whenever one of them comes, goes or is
// asked for. Reads the environment and the store, changes neither.
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
  std::vector<ArrivingFile> shared;  // brought by two packages with the same bytes, or there already
  std::set<std::string> displaced;   // where a file goes though a package that stays has it
  std::map<std::string, std::string> owner_at;  // of settled paths
  std::vector<ManifestEntry> others;            // for Manifest::others
  std::map<const InstalledDistribution*, RecordCorrection> corrections;
  std::vector<std::string> warnings;
};

// What is settled by.
struct SettlementTerms {
  const TransactionRequest& request;
  const Presence& there;
  const std::filesystem::path& root;
  const Scheme& scheme;
  LinkMode link_mode;
  const Store& store;
};

// `contested`: paths that several arrivals have. From `arrivals` goes what does not get its place, with its
// bytecode; what comes back for a package that stays is added. Error(Refused) with strict_files.
Settlement settle_overlaps(const SettlementTerms& terms, const std::unordered_set<std::string>& contested,
                           std::vector<ArrivingFile>& arrivals);

}  // namespace moat
