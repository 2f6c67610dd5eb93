#include "envs/build/build.h"

#include "envs/build/build_results.h"
#include "envs/build/build_shared.h"
#include "envs/build/build_work.h"
#include "fetch/os/leftovers.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <system_error>
#include <utility>
#include <variant>

namespace moat {
namespace {

constexpr std::size_t kDeepest = 16;  // builds within builds
constexpr std::uintmax_t kMostMetadata = 16 << 20;

// REQUIRES: the lock of the results is held.
StoredWheel build_now(const BuildResults& results, BuildWork& work) {
  const Hook hook = work.purpose() == BuildPurpose::Editable ? Hook::BuildEditable : Hook::BuildWheel;
  const std::shared_ptr<TempDir> prepared = results.prepared();
  const HookAnswer answer =
      work.call(hook, prepared ? fs::directory_iterator(prepared->path())->path() : fs::path());
  const fs::path file = work.made_by(hook, answer);
  const Expected<WheelFilename> name = WheelFilename::parse(file.filename().native());
  if (!name)
    work.fail(fmt::format("{} made {}, which is not the name of a wheel: {}", to_string(hook),
                          quote(file.filename().native()), name.error().message),
              answer.output);
  return results.keep_wheel(file, *name, work.backend());
}

StoredWheel make_wheel(const BuildResults& results, BuildWork& work) {
  const auto lock = results.lock(work.stop());
  if (auto known = results.find_wheel(work.backend())) return *std::move(known);
  return build_now(results, work);
}

std::string make_metadata(const BuildResults& results, BuildWork& work) {
  const auto lock = results.lock(work.stop());
  if (auto known = results.find_metadata(work.backend())) return *std::move(known);
  const HookAnswer answer = work.call(Hook::PrepareMetadata);
  if (std::holds_alternative<HookAbsent>(answer.result))
    return BuildResults::metadata_of(build_now(results, work));
  const fs::path folder = work.made_by(Hook::PrepareMetadata, answer);
  const fs::path file = folder / "METADATA";
  std::error_code unknown;
  if (fs::symlink_status(file, unknown).type() != fs::file_type::regular)
    work.fail(fmt::format("{} made a folder without METADATA", to_string(Hook::PrepareMetadata)),
              answer.output);
  if (fs::file_size(file, unknown) > kMostMetadata)
    work.fail(fmt::format("{} made a METADATA that has no end", to_string(Hook::PrepareMetadata)),
              answer.output);
  return results.keep_metadata(folder);
}

fs::path make_sdist(BuildWork& work, const fs::path& folder) {
  const HookAnswer answer = work.call(Hook::BuildSdist);
  const fs::path file = work.made_by(Hook::BuildSdist, answer);
  const fs::path filename = file.filename();
  if (!filename.native().ends_with(".tar.gz"))
    work.fail(fmt::format("{} made {}, which is not the name of a source distribution",
                          to_string(Hook::BuildSdist), quote(filename.native())),
              answer.output);
  const StagingFolder aside(folder, ".moat-sdist");
  std::error_code failure;
  fs::copy_file(file, aside.path() / filename, failure);
  if (failure) throw_errno("write", aside.path() / filename, failure.value());
  rename_over(aside.path() / filename, folder / filename);
  return folder / filename;
}

}  // namespace

BuildFrontend::BuildFrontend(BuildOptions options, Interpreter interpreter, HttpClient& http, Store& store,
                             Workers& workers, Reporter& reporter)
    : shared_(std::make_shared<SharedBuilds>(std::move(options), std::move(interpreter), http, store, workers,
                                             reporter)) {}

BuildFrontend::~BuildFrontend() = default;

void BuildFrontend::refuse_if_forbidden(const BuildRequest& request) const {
  const BinaryPolicy& binary = shared_->options.requirements.binary;
  if (request.name ? binary.sdists(*request.name) : binary.allow_sdists) return;
  throw Error(ErrorKind::Refused,
              fmt::format("{} would have to be built, and builds are forbidden", request.tree.label),
              {"without `--no-build` and `--only-binary` it can be built"});
}

void BuildFrontend::refuse_cycle(const Link& link) const {
  const auto is_same = [&](const Link& above) {
    if (above.key == link.key) return true;
    const bool same_name = above.name && link.name && *above.name == *link.name;
    return same_name && (!above.version || !link.version || *above.version == *link.version);
  };
  const bool cycle = std::any_of(chain_.begin(), chain_.end(), is_same);
  if (!cycle && chain_.size() < kDeepest) return;
  std::string told;
  for (const Link& above : chain_) told += above.label + " needs ";
  throw Error(ErrorKind::Build,
              cycle ? fmt::format("build requirements form a cycle: {}{}", told, link.label)
                    : fmt::format("build requirements go too deep: {}{}", told, link.label),
              {"`--only-binary NAME` chooses a wheel of one of them, which breaks the cycle"});
}

BuildWork BuildFrontend::prepare(const BuildRequest& request, BuildPurpose purpose,
                                 std::stop_token stop) const {
  BuildFrontend deeper = descend(request);
  return {*shared_, request, purpose, std::move(stop), deeper, !chain_.empty()};
}

std::string BuildFrontend::metadata(const BuildRequest& request, std::stop_token stop) {
  refuse_if_forbidden(request);
  const BuildResults results(*shared_, request, BuildPurpose::Wheel);
  if (auto known = results.find_metadata()) return *std::move(known);
  BuildWork work = prepare(request, BuildPurpose::Wheel, std::move(stop));
  return make_metadata(results, work);
}

std::optional<std::string> BuildFrontend::known_metadata(const BuildRequest& request) {
  refuse_if_forbidden(request);
  return BuildResults(*shared_, request, BuildPurpose::Wheel).find_metadata();
}

fs::path BuildFrontend::build_sdist(const BuildRequest& request, const fs::path& folder,
                                    std::stop_token stop) {
  refuse_if_forbidden(request);
  BuildWork work = prepare(request, BuildPurpose::Sdist, std::move(stop));
  return make_sdist(work, folder);
}

StoredWheel BuildFrontend::build_wheel(const BuildRequest& request, std::stop_token stop) {
  refuse_if_forbidden(request);
  const BuildResults results(*shared_, request, BuildPurpose::Wheel);
  if (auto known = results.find_wheel()) return *std::move(known);
  BuildWork work = prepare(request, BuildPurpose::Wheel, std::move(stop));
  return make_wheel(results, work);
}

StoredWheel BuildFrontend::build_editable(const BuildRequest& request, std::stop_token stop) {
  refuse_if_forbidden(request);
  const BuildResults results(*shared_, request, BuildPurpose::Editable);
  BuildWork work = prepare(request, BuildPurpose::Editable, std::move(stop));
  return make_wheel(results, work);
}

BuildFrontend BuildFrontend::descend(const BuildRequest& request) const {
  Link link{request.tree.label, request.tree.key.empty() ? request.tree.path.native() : request.tree.key,
            request.name, request.version};
  refuse_cycle(link);
  std::vector<Link> chain = chain_;
  chain.push_back(std::move(link));
  return {shared_, std::move(chain)};
}

}  // namespace moat
