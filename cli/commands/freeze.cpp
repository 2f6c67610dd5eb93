// moat freeze
#include "cli/commands/commands.h"
#include "cli/open_env.h"
#include "envs/installed.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {
namespace {

// `name @ URL` for what came from a URL, with its hash, so that the line can only mean this file.
std::string requirement_text(const InstalledDistribution& distribution) {
  const std::string& name = distribution.name.display();
  if (distribution.direct_url) {
    const auto document = nlohmann::json::parse(*distribution.direct_url, nullptr, false);
    if (document.is_object() && document.contains("url") && document["url"].is_string()) {
      std::string url = document["url"].get<std::string>();
      const auto sha256 = nlohmann::json::json_pointer("/archive_info/hashes/sha256");
      if (document.contains(sha256) && document[sha256].is_string())
        url += "#sha256=" + document[sha256].get<std::string>();
      return fmt::format("{} @ {}", name, url);
    }
  }
  return fmt::format("{}=={}", name, distribution.version.to_string());
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
        {{"schema", 1}, {"environment", environment.root().native()}, {"requirements", lines}});
  return 0;
}

}  // namespace moat
