#include "fetch/index/sdist_metadata.h"

#include "fetch/index/kept_metadata.h"
#include "fetch/index/release_metadata.h"
#include "resolver/base/text.h"

namespace moat {

ReleaseMetadata sdist_metadata(const PackageName& name, const Version& version, const Artifact& artifact,
                               Sources& sources, const Store& store, const SourcePolicy& policy,
                               Reporter& reporter, const std::stop_token& stop) {
  const KeptMetadata kept = KeptMetadata::of_sdist(store, artifact);
  if (const auto text = kept.find()) return release_metadata(*text, name, &version);
  const SourceOrder order{.artifact = artifact,
                          .direct = {},
                          .accepted = policy.accepted_for(name),
                          .label = name.display() + " " + version.to_string()};
  if (!policy.may_build && !sources.has_archive(order, stop))
    throw Error(ErrorKind::Refused,
                "what " + quote(order.label) + " needs is only known once its archive is here");
  const ObtainedSource& source = sources.obtain(order, stop);
  if (const auto text = static_metadata(source.files)) {
    kept.keep(*text, reporter);
    return release_metadata(*text, name, &version);
  }
  return release_metadata(
      source_metadata(source, name, version, policy.settings_for(name), policy.asker(name), stop), name,
      &version);
}

}  // namespace moat
