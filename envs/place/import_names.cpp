#include "envs/place/import_names.h"

#include "envs/place/wheel_files.h"
#include "fetch/index/wheel_metadata.h"
#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <fmt/format.h>

#include <map>
#include <string>

namespace moat {

void refuse_shared_import_names(const std::vector<WantedPackage>& packages) {
  std::map<std::string, const WantedPackage*> claimed;
  for (const WantedPackage& package : packages) {
    if (!has_wheel(package)) continue;
    const std::string text = text_in_wheel(package, package.wheel.dist_info + "/METADATA");
    const std::string_view header = metadata_header(text);
    if (ascii_lower(header).find("\nimport-name:") == std::string::npos) continue;
    const auto metadata = CoreMetadata::parse(header);
    if (!metadata) continue;
    for (const std::string& name : metadata->import_names) {
      if (name.empty()) continue;  // "nothing can be imported"
      const auto [other, is_new] = claimed.emplace(name, &package);
      if (is_new || other->second->name == package.name) continue;
      throw Error(ErrorKind::Refused,
                  fmt::format("cannot install {} beside {}: both say that {} is imported from them",
                              package.name.display(), other->second->name.display(), quote(name)),
                  {"install only one of them"});
    }
  }
}

}  // namespace moat
