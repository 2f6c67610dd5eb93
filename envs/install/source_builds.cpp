#include "envs/install/source_builds.h"

#include <fmt/format.h>

#include <exception>
#include <functional>
#include <utility>

namespace moat {

SourceBuilds::SourceBuilds(std::vector<SourceToBuild> sources, Sources& where, SourcePolicy policy,
                           const std::stop_token& stop)
    : sources_(std::move(sources)), where_(where), policy_(std::move(policy)) {
  if (sources_.empty()) return;
  interrupted_.emplace(stop, [this] { stop_.request_stop(); });
  workers_ = std::make_unique<Workers>();
  for (const SourceToBuild& source : sources_)
    results_.push_back(workers_->submit([this, &source] {
      try {
        return build(source);
      } catch (...) {
        stop_.request_stop();
        throw;
      }
    }));
}

SourceBuilds::~SourceBuilds() { stop_.request_stop(); }

std::vector<BuiltWheel> SourceBuilds::finish() {
  std::vector<BuiltWheel> built;
  std::exception_ptr failure, stopped;
  for (std::future<BuiltWheel>& result : results_) {
    try {
      built.push_back(result.get());
    } catch (const Error& error) {
      // Those that were stopped for another's failure only say so.
      std::exception_ptr& place = error.kind() == ErrorKind::Interrupted ? stopped : failure;
      if (!place) place = std::current_exception();
    }
  }
  if (failure || stopped) std::rethrow_exception(failure ? failure : stopped);
  return built;
}

BuiltWheel SourceBuilds::build(const SourceToBuild& source) const {
  const std::stop_token stop = stop_.get_token();
  if (stop.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
  const ResolvedPackage& package = *source.package;
  SourceOrder order = SourceOrder::of(package.file);
  order.accepted = source.accepted;
  order.label = fmt::format("{} {}", package.name.display(), package.version.to_string());
  const ObtainedSource& obtained = where_.obtain(order, stop);
  const MetadataAsker asker = policy_.asker(package.name);
  if (asker.builder == nullptr)
    throw Error(ErrorKind::Refused,
                fmt::format("{} is available only as a source, and {}", order.label, asker.refusal));
  const BuildRequest request{obtained.tree, package.name, package.version,
                             policy_.settings_for(package.name)};
  StoredWheel wheel = source.editable ? asker.builder->build_editable(request, stop)
                                      : asker.builder->build_wheel(request, stop);
  return {std::move(wheel), obtained.sha256, obtained.commit};
}

}  // namespace moat
