// The blobs of one artifact in a registry, read as if they were local: missing ones are fetched once and kept
// in the store, by digest.
#pragma once

#include "fetch/oci/oci_layout.h"
#include "fetch/oci/registry.h"
#include "fetch/os/guarded.h"
#include "fetch/store/store.h"

#include <set>
#include <string>
#include <vector>

namespace moat {

class RegistrySource : public OciSource {
 public:
  // Fetches the index that the reference names; an image may be a single manifest. Error(BadArchive) if it
  // names something else; Errors of Registry. All arguments must outlive the source.
  RegistrySource(Registry& registry, OciContent content, Store& store, Reporter& reporter,
                 std::stop_token stop);

  void check_holds(const std::map<std::string, OciDescriptor>&) const override {
  }  // a failed one is reported when it is needed
  BlobPlace locate(const OciDescriptor& blob) const override;

  // Fetches several at once, before they are needed one by one.
  void fetch(const std::vector<OciDescriptor>& blobs) const;
  std::uint64_t bytes_received() const { return registry_.bytes_received(); }

 private:
  fs::path obtain(const OciDescriptor& blob) const;
  void download(const OciDescriptor& blob, const fs::path& kept) const;
  bool is_kept(const OciDescriptor& blob, const fs::path& file) const;

  Registry& registry_;
  Store& store_;
  Reporter& reporter_;
  const std::stop_token stop_;
  mutable Guarded<std::set<std::string>> verified_;  // hex digests
};

}  // namespace moat
