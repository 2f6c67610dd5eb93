// moat freeze
#include "cli/commands/commands.h"
#include "cli/session/open_env.h"
#include "envs/environment/installed.h"
#include "envs/install/requests.h"
#include "envs/place/direct_url.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {
namespace {

// `name @ URL` for packages from a URL, with hash or commit, so that the line is unambiguous.
std::string requirement_text(const InstalledDistribution& distribution) {
  const auto direct = distribution.direct_url ? DirectUrl::parse(*distribution.direct_url) : std::nullopt;
  if (direct) return frozen_line(distribution.name, *direct);
  return fmt::format("{}=={}", distribution.name.display(), distribution.version.to_string());
}

}  // namespace

int execute(const FreezeCommand&, Session& session) {
  const Environment environment = open_for_reading(session);
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  for (const std::string& problem : installed.problems) session.reporter().warn(problem);
  nlohmann::ordered_json lines = nlohmann::ordered_json::array();
  for (const InstalledDistribution& distribution : installed.all) {
    const std::string line = requirement_text(distribution);
    session.output().result(line);
    lines.push_back(line);
  }
  if (session.output().json())
    session.output().document(
        {{"schema", 1},
         {"environment", environment.root().native()},
         {"requirements", lines},
         {"asked_for", environment.is_foreign()
                           ? std::vector<std::string>{}
                           : told_requests(environment.manifest_without_files().requests)}});
  return 0;
}

}  // namespace moat
