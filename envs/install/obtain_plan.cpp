#include "envs/install/obtain_plan.h"

#include "envs/install/bytecode_ahead.h"
#include "envs/install/source_builds.h"
#include "envs/place/direct_url.h"
#include "fetch/index/metadata_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace moat {

BadRecord BadRecords::rule_for(const PackageName& name) const {
  const bool is_allowed =
      allowed || std::find(allowed_of.begin(), allowed_of.end(), name) != allowed_of.end();
  return is_allowed ? BadRecord::Allowed : BadRecord::NeedsHash;
}

namespace {

// A wheel in the store, and its origin if that is not an index.
struct ReadyWheel {
  StoredWheel wheel;
  std::optional<DirectUrl> from;
};

std::optional<DirectUrl> origin_of(const Step& step, const std::optional<Digest>& sha256,
                                   const std::string& commit) {
  if (!step.package->file.direct) return std::nullopt;
  SourceUrl source = *step.package->file.direct;
  if (!commit.empty()) source.commit = commit;
  return DirectUrl::of(source, sha256, step.editable);
}

// The wheel's metadata must match the metadata it was chosen by. A lock has no metadata to compare.
void check_metadata(const ResolvedPackage& package, const StoredWheel& wheel) {
  if (package.release == nullptr || !package.file.wheel) return;
  if (const auto difference = metadata_disagreement(package.metadata, wheel))
    throw Error(ErrorKind::HashMismatch,
                fmt::format("the metadata of `{}` that the index {} gives is not that of the file: {}",
                            wheel.filename, package.index, *difference),
                {"the index is wrong; run the command again to use the file's metadata"});
}

// The results of each step, in order: downloaded, or built meanwhile.
std::vector<ReadyWheel> make_ready(const std::vector<Step>& steps, const std::shared_future<Runtime>& runtime,
                                   const WheelTools& with) {
  const Tools& tools = with.tools;
  std::vector<WheelOrder> orders;
  std::vector<SourceToBuild> sources;
  for (const Step& step : steps) {
    if (step.package->file.wheel)
      orders.push_back(
          {step.package->file.artifact, step.hashes, with.bad_records.rule_for(step.package->name)});
    else
      sources.push_back({step.package, step.hashes, step.editable});
  }
  std::optional<SourceBuilds> builds;
  if (!sources.empty())
    builds.emplace(std::move(sources), *with.sources.sources, with.sources.policy, tools.stop);
  std::optional<BytecodeAhead> bytecode;
  if (runtime.valid()) bytecode.emplace(runtime, tools.store, tools.reporter);
  const auto compile = [&](const StoredWheel& wheel) {
    if (bytecode) bytecode->add(wheel);
  };
  const std::vector<StoredWheel> wheels =
      obtain_wheels(orders, tools.http, tools.store, tools.workers, tools.reporter, tools.stop, compile);
  const std::vector<BuiltWheel> built = builds ? builds->finish() : std::vector<BuiltWheel>();
  for (const BuiltWheel& one : built) compile(one.wheel);
  if (bytecode) bytecode->finish();

  std::vector<ReadyWheel> ready;
  auto next_wheel = wheels.begin();
  auto next_built = built.begin();
  for (const Step& step : steps) {
    if (step.package->file.wheel) {
      check_metadata(*step.package, *next_wheel);
      ready.push_back({*next_wheel, origin_of(step, next_wheel->digest, "")});
      ++next_wheel;
    } else {
      ready.push_back({next_built->wheel, origin_of(step, next_built->sha256, next_built->commit)});
      ++next_built;
    }
  }
  return ready;
}

// The same bytes are placed; and if they were built, from the same origin.
bool is_there(const Step& step, const ReadyWheel& ready, const Present& present) {
  const auto placed = present.placed.find(step.package->name);
  if (placed == present.placed.end() || placed->second.wheel_sha256 != ready.wheel.digest.hex ||
      present.versions.count(step.package->name) == 0)
    return false;
  if (step.package->file.wheel) return true;
  const auto from = present.direct.find(step.package->name);
  const bool was_direct = from != present.direct.end();
  return was_direct == ready.from.has_value() &&
         (!was_direct || from->second.to_text() == ready.from->to_text());
}

}  // namespace

TransactionRequest with_wheels(const InstallPlan& plan, const Present& present, bool reinstall,
                               const std::shared_future<Runtime>& runtime, const WheelTools& with) {
  TransactionRequest request{.mark_requested = plan.mark_requested};
  if (plan.steps.empty()) return request;
  const std::vector<ReadyWheel> ready = make_ready(plan.steps, runtime, with);

  // From here on every wheel is verified.
  for (std::size_t i = 0; i < ready.size(); ++i) {
    const Step& step = plan.steps[i];
    const auto placed = present.placed.find(step.package->name);
    const bool was_requested = placed != present.placed.end() && placed->second.requested;
    if (!reinstall && is_there(step, ready[i], present)) {
      if (step.requested && !was_requested) request.mark_requested.insert(step.package->name);
      continue;
    }
    WantedPackage wanted{
        step.package->name, step.package->version, ready[i].wheel, step.requested || was_requested, {}};
    if (ready[i].from)
      wanted.direct_url = ready[i].from->to_text();
    else if (const Expected<Url> index = Url::parse(step.package->index))
      wanted.index = index->without_credentials().to_string();
    request.install.push_back(std::move(wanted));
  }
  return request;
}

std::shared_future<Runtime> runtime_inside(const std::filesystem::path& environment,
                                           const Interpreter& interpreter) {
  return ready_runtime({.tree = environment / ".moat" / "rt", .interpreter = interpreter});
}

}  // namespace moat
