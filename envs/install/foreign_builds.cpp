#include "envs/install/foreign_builds.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <utility>

namespace moat {

ForeignBuilds::ForeignBuilds(SourceBuilder& builder, const Target& here, const Target& target,
                             Reporter& reporter)
    : builder_(builder), here_(here.description), target_(target.description), reporter_(reporter) {}

std::string ForeignBuilds::metadata(const BuildRequest& request, std::stop_token stop) {
  std::string text = builder_.metadata(request, std::move(stop));
  reporter_.warn(fmt::format(
      "the requirements of {} come from a build with {}; the lock is for {}, where they may differ",
      quote(request.tree.label), here_, target_));
  return text;
}

std::optional<std::string> ForeignBuilds::known_metadata(const BuildRequest& request) {
  return builder_.known_metadata(request);
}

StoredWheel ForeignBuilds::build_wheel(const BuildRequest& request, std::stop_token stop) {
  return builder_.build_wheel(request, std::move(stop));
}

StoredWheel ForeignBuilds::build_editable(const BuildRequest& request, std::stop_token stop) {
  return builder_.build_editable(request, std::move(stop));
}

bool is_foreign(const Target& here, const Target& target) {
  const MarkerEnvironment &a = here.environment, &b = target.environment;
  return a.python_version != b.python_version || a.implementation_name != b.implementation_name ||
         a.sys_platform != b.sys_platform || a.platform_machine != b.platform_machine;
}

}  // namespace moat
