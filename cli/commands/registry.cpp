// moat push FILE oci://… | pull oci://… -o FILE
#include "cli/commands/bundle.h"
#include "cli/commands/commands.h"
#include "envs/deploy/bundle.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace moat {
namespace {

// These threads wait for the network, not for cores.
constexpr unsigned kPushedAtOnce = 4;

bool is_manifest(const OciDescriptor& blob) { return blob.media_type == oci::kManifestType; }

struct Pushed {
  std::size_t sent = 0, there = 0;
  std::uint64_t bytes = 0;
};

std::function<std::size_t(std::uint64_t, char*, std::size_t)> reader_of(const BundleAccess& opened,
                                                                        const OciDescriptor& blob) {
  return [place = opened.bundle->source().locate(blob)](std::uint64_t at, char* to, std::size_t room) {
    for (;;) {
      const ssize_t count = ::pread(place.file->get(), to, room, static_cast<off_t>(place.offset + at));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) throw_errno("read", place.path, count < 0 ? errno : EIO);
      return static_cast<std::size_t>(count);
    }
  };
}

// Blobs, then the manifests that name them, then the index that names these: a reader meanwhile sees the
// previous contents.
Pushed push_all(const BundleAccess& opened, Registry& registry, Reporter& reporter) {
  const Phase phase(reporter, "upload");
  const Bundle& bundle = *opened.bundle;
  std::vector<OciDescriptor> blobs, manifests;
  for (const OciDescriptor& blob : bundle.blobs())
    if (blob.media_type != oci::kIndexType) (is_manifest(blob) ? manifests : blobs).push_back(blob);
  std::atomic<std::size_t> sent = 0;
  Workers waiting(kPushedAtOnce);
  waiting.for_each(blobs.size(), [&](std::size_t i) {
    if (registry.has_blob(blobs[i])) return;
    registry.put_blob(blobs[i], reader_of(opened, blobs[i]));
    ++sent;
  });
  const auto put = [&](const OciDescriptor& manifest, const std::string& name) {
    registry.put_manifest(name, manifest.media_type, bundle.text(manifest));
  };
  for (const OciDescriptor& manifest : manifests)
    if (!registry.has_manifest(manifest.digest)) put(manifest, manifest.digest.to_string());
  put(bundle.source().index(), registry.reference().tag);
  return {sent, blobs.size() - sent, registry.bytes_sent()};
}

}  // namespace

int execute(const PushCommand& command, Session& session) {
  const RegistryReference reference = registry_reference(command.reference);
  if (reference.digest)
    throw Error(ErrorKind::Usage,
                fmt::format("`{}`: what is pushed has the digest that it has", command.reference),
                {"name a tag: oci://HOST/REPO:TAG"});
  const BundleAccess opened = open_bundle(command.file, session);
  // A damaged file is found before anything is sent.
  make_whole(opened, session);
  RegistryAccess access(reference, true, session);
  const Pushed pushed = push_all(opened, access.registry(), session.reporter());
  const std::string digest = opened.bundle->digest().to_string();
  Output& output = session.output();
  output.say(fmt::format("{}: {} sent, {}{}", reference.to_string(), counted(pushed.sent, "blob"),
                         human_bytes(pushed.bytes),
                         pushed.there == 0 ? "" : fmt::format("; {} there already", pushed.there)));
  output.say(digest);
  if (output.json())
    output.document({{"schema", 1},
                     {"reference", reference.to_string()},
                     {"digest", digest},
                     {"blobs", {{"sent", pushed.sent}, {"there", pushed.there}}},
                     {"bytes", pushed.bytes}});
  return 0;
}

int execute(const PullCommand& command, Session& session) {
  const std::vector<PublicKey> keys = named_keys(command.keys, session.settings());
  registry_reference(command.reference);
  const BundleAccess opened = open_bundle(command.reference, session);
  const Bundle& bundle = *opened.bundle;
  const std::optional<std::string> signer = bundle.signed_by(keys);
  if (!keys.empty() && !signer) refuse_untrusted(bundle);
  opened.registry->fetch(bundle.blobs());
  write_named_output(command.output, session.settings(),
                     [&](int fd, const fs::path& label) { bundle.write(fd, label, session.stop()); });
  Output& output = session.output();
  output.say(fmt::format("{}: {}, {} fetched{}", command.output, bundle.name(),
                         human_bytes(opened.registry->bytes_received()),
                         signer ? fmt::format(", signed by the key {}", *signer) : std::string()));
  output.say(bundle.digest().to_string());
  if (output.json() && command.output != "-")
    output.document({{"schema", 1},
                     {"reference", command.reference},
                     {"digest", bundle.digest().to_string()},
                     {"signed_by", signer ? nlohmann::ordered_json(*signer) : nlohmann::ordered_json()},
                     {"bytes", opened.registry->bytes_received()}});
  return 0;
}

}  // namespace moat
