// Locks for another target than this machine: metadata that only a build can give is that of a build on this
// machine.
#pragma once

#include "envs/python/interpreter.h"
#include "fetch/sources/source_builder.h"
#include "resolver/base/reporter.h"
#include "resolver/solve/target.h"

#include <optional>
#include <string>

namespace moat {

// Builds go on as before, with a warning for each source whose metadata is asked for. Keeps references.
class ForeignBuilds final : public SourceBuilder {
 public:
  ForeignBuilds(SourceBuilder& builder, const Target& here, const Target& target, Reporter& reporter);

  std::string metadata(const BuildRequest& request, std::stop_token stop) override;
  std::optional<std::string> known_metadata(const BuildRequest& request) override;
  StoredWheel build_wheel(const BuildRequest& request, std::stop_token stop) override;
  StoredWheel build_editable(const BuildRequest& request, std::stop_token stop) override;

 private:
  SourceBuilder& builder_;
  std::string here_, target_;
  Reporter& reporter_;
};

// May the result of a build here differ on that target? By Python, implementation and platform.
bool is_foreign(const Target& here, const Target& target);

}  // namespace moat
