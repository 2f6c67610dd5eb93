// moat pip inspect
#include "cli/pip/commands.h"
#include "cli/pip/place.h"
#include "cli/pip/report.h"
#include "envs/place/direct_url.h"
#include "fetch/os/file.h"

#include <nlohmann/json.hpp>

namespace moat {
namespace {

using Json = nlohmann::ordered_json;

Json to_document(const InstalledDistribution& distribution) {
  const fs::path file = !distribution.legacy                  ? distribution.info / "METADATA"
                        : fs::is_directory(distribution.info) ? distribution.info / "PKG-INFO"
                                                              : distribution.info;
  Json out{{"metadata", metadata_json(read_file_if_exists(file).value_or(""))},
           {"metadata_location", distribution.info.native()}};
  if (distribution.direct_url)
    if (Json direct = Json::parse(*distribution.direct_url, nullptr, false); direct.is_object()) {
      if (const auto parsed = DirectUrl::parse(*distribution.direct_url)) direct["url"] = parsed->url;
      out["direct_url"] = std::move(direct);
    }
  if (!distribution.installer.empty()) out["installer"] = distribution.installer;
  if (!distribution.legacy) out["requested"] = distribution.requested;
  return out;
}

}  // namespace

int pip_inspect(const PipCommand& command, Session& session) {
  const PipPlace place = pip_place(command, session);
  Json installed = Json::array();
  for (const InstalledDistribution& distribution : place.installed.all)
    installed.push_back(to_document(distribution));
  session.output().document({{"version", "1"},
                             {"pip_version", reported_version()},
                             {"installed", std::move(installed)},
                             {"environment", marker_environment_json(place.markers(session))}});
  return 0;
}

}  // namespace moat
