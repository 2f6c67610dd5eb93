#include "fetch/index/release_metadata.h"

#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <utility>

namespace moat {

ReleaseMetadata unusable_release(std::string reason) {
  ReleaseMetadata out;
  out.unusable = std::move(reason);
  return out;
}

ReleaseMetadata release_metadata(std::string_view text, const PackageName& name, const Version* version) {
  auto core = CoreMetadata::parse(text);
  if (!core) return unusable_release("its metadata cannot be used: " + core.error().message);
  if (core->name != name)
    return unusable_release("its metadata says that it is " + quote(core->name.display()) + ", not " +
                            quote(name.display()));
  if (version != nullptr && core->version != *version)
    return unusable_release("its metadata says that it is version " + quote(core->version_text) + ", not " +
                            quote(version->to_string()));
  ReleaseMetadata out;
  out.requires_dist = std::move(core->requires_dist);
  out.requires_python = std::move(core->requires_python);
  out.provides_extra = std::move(core->provides_extra);
  out.mended = std::move(core->problems);
  return out;
}

}  // namespace moat
