#include "fetch/index/direct_project.h"

#include "fetch/index/release_metadata.h"
#include "fetch/os/presence.h"
#include "fetch/sources/source_labels.h"
#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

namespace moat {

Error bad_reference(const PackageName& name, const std::string& url, const std::string& why) {
  return Error(ErrorKind::BadInput, quote(name.display() + " @ " + url) + ": " + why);
}

SourceUrl direct_source(const PackageName& name, const std::string& text) {
  std::string url = text;
  if (text.substr(0, 1) == "/" || text.substr(0, 1) == ".")
    url = Url::from_path(std::filesystem::absolute(text).string()).to_string();
  auto source = SourceUrl::parse(url);
  if (source) return std::move(*source);
  const auto shown = Url::parse(url);
  throw bad_reference(name, shown ? shown->display() : url, source.error().message);
}

ReleaseFile direct_wheel(const PackageName& name, SourceUrl source) {
  if (source.url.scheme() == "file" && !is_there(source.url.file_path()))
    throw bad_reference(name, shown_place(source), "there is no such file");
  ReleaseFile file{
      .artifact = {.filename = source.url.last_segment(), .url = source.url, .digests = source.digests}};
  auto wheel = WheelFilename::parse(file.artifact.filename);
  if (!wheel)
    throw bad_reference(name, shown_place(source),
                        "that is not the name of a wheel: " + wheel.error().message);
  if (wheel->name != name)
    throw bad_reference(name, shown_place(source), "that is a wheel of " + quote(wheel->name.display()));
  file.wheel = std::move(*wheel);
  file.direct = std::make_shared<const SourceUrl>(std::move(source));
  return file;
}

DirectProject obtain_direct(const PackageName& name, SourceUrl source, Sources& sources,
                            const SourcePolicy& policy, const std::stop_token& stop) {
  SourceOrder order = SourceOrder::of(source);
  order.accepted = policy.accepted_for(name);
  order.label = name.display() + " @ " + shown_place(source);
  const ObtainedSource& obtained = sources.obtain(order, stop);
  const std::string text =
      source_metadata(obtained, name, std::nullopt, policy.settings_for(name), policy.asker(name), stop);
  const auto core = CoreMetadata::parse(text);
  if (core && core->name != name) throw wrong_name(order.label, core->name, name);
  ReleaseMetadata metadata = release_metadata(text, name, nullptr);
  if (metadata.unusable) throw bad_reference(name, shown_place(source), *metadata.unusable);
  source.commit = obtained.commit;
  if (obtained.sha256) {
    std::vector<Digest>& digests = order.artifact.digests;
    if (std::find(digests.begin(), digests.end(), *obtained.sha256) == digests.end())
      digests.push_back(*obtained.sha256);
    order.artifact.size = obtained.size;
  }
  std::vector<ReleaseFile> files{{.artifact = std::move(order.artifact),
                                  .wheel = std::nullopt,
                                  .direct = std::make_shared<const SourceUrl>(std::move(source))}};
  return {Project{name, {std::make_shared<Release>(core->version, std::move(files))}, "", "", ""},
          std::move(metadata)};
}

}  // namespace moat
