#include "envs/place/place_terms.h"

namespace moat {

std::optional<DiskCost> disk_cost(const TransactionRequest& request, LinkMode mode) {
  if (mode != LinkMode::Auto && mode != LinkMode::Copy) return std::nullopt;
  constexpr std::uint64_t kBig = 1'000'000'000;
  DiskCost cost;
  for (const WantedPackage& package : request.install)
    for (const StoredFile& file : package.wheel.files) {
      cost.all += file.size;
      if (link_mode_for(LinkMode::SharedBinaries, file.path, file.size) != LinkMode::Hardlink)
        cost.unshared += file.size;
    }
  return cost.all - cost.unshared < kBig ? std::nullopt : std::optional(cost);
}

TransactionResult apply(TransactionRequest request, const Environment& environment, const PlaceTerms& terms,
                        Store& store, Workers& workers, Reporter& reporter) {
  request.link_mode = terms.link_mode;
  if (const std::optional<DiskCost> cost = disk_cost(request, request.link_mode);
      cost && terms.tell_cost &&
      !(request.link_mode == LinkMode::Auto && clones_files(environment.private_folder())))
    terms.tell_cost(*cost);
  request.compile = terms.compile;
  request.strict_files = terms.strict_files;
  request.durable = terms.durable;
  request.reason = terms.reason;
  return apply_transaction(request, environment, store, workers, reporter, terms.reason);
}

}  // namespace moat
