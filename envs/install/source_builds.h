// Builds wheels of packages whose chosen file is a source, while others are downloaded.
#pragma once

#include "fetch/os/workers.h"
#include "fetch/sources/sources.h"
#include "resolver/solve/resolution.h"

#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

namespace moat {

struct SourceToBuild {
  const ResolvedPackage* package = nullptr;
  std::vector<Digest> accepted;  // hashes of the user or a lock
  bool editable = false;
};

struct BuiltWheel {
  StoredWheel wheel;
  std::optional<Digest> sha256;  // of the archive it was built from
  std::string commit;            // or the commit
};

// Builds begin at once, as many as there are cores. The first failure stops the others.
class SourceBuilds {
 public:
  // `where` and the packages outlive this; it is asked from several threads.
  SourceBuilds(std::vector<SourceToBuild> sources, Sources& where, SourcePolicy policy,
               const std::stop_token& stop);
  ~SourceBuilds();
  SourceBuilds(const SourceBuilds&) = delete;
  SourceBuilds& operator=(const SourceBuilds&) = delete;

  // In the order given. Blocks; throws the first build's error.
  std::vector<BuiltWheel> finish();

 private:
  BuiltWheel build(const SourceToBuild& source) const;

  const std::vector<SourceToBuild> sources_;
  Sources& where_;
  const SourcePolicy policy_;
  std::stop_source stop_;
  std::optional<std::stop_callback<std::function<void()>>> interrupted_;
  std::unique_ptr<Workers> workers_;
  std::vector<std::future<BuiltWheel>> results_;
};

}  // namespace moat
