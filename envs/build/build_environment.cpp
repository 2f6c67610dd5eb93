#include "envs/build/build_environment.h"

#include "envs/environment/installed.h"
#include "envs/place/transaction.h"
#include "fetch/download/wheels.h"
#include "resolver/solve/explain.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <variant>

namespace moat {
namespace {

// Enough to notice added and removed files.
std::string looks_of(const Environment& environment) {
  std::string out;
  for (const fs::path& folder : {environment.site_packages(), environment.root() / "bin"}) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) return "gone";
    out += fmt::format("{}.{} ", status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  }
  return out;
}

std::string key_of(const std::vector<Requirement>& requirements) {
  std::set<std::string> texts;
  for (const Requirement& requirement : requirements) texts.insert(requirement.to_string());
  std::string key;
  for (const std::string& text : texts) key += text + "\n";
  return key;
}

}  // namespace

void BuildEnvironment::remember() { looks_ = looks_of(environment_); }
bool BuildEnvironment::is_untouched() const { return looks_of(environment_) == looks_; }

BuildEnvironments::BuildEnvironments(BuildRequirementPolicy policy, Interpreter interpreter,
                                     std::string runtime, HttpClient& http, Store& store, Workers& workers,
                                     Reporter& reporter)
    : policy_(std::move(policy)),
      interpreter_(std::move(interpreter)),
      runtime_fingerprint_(std::move(runtime)),
      http_(http),
      store_(store),
      workers_(workers),
      reporter_(reporter) {}

const Runtime& BuildEnvironments::runtime() {
  std::call_once(runtime_once_, [&] {
    if (!runtime_fingerprint_.empty()) runtime_ = find_runtime(runtime_fingerprint_, store_);
    if (!runtime_) runtime_ = obtain_runtime(interpreter_, store_, workers_, reporter_, Compile::Never);
  });
  return *runtime_;
}

std::shared_ptr<const BuildEnvironment> BuildEnvironments::obtain(
    const std::vector<Requirement>& requirements, SourceBuilder& builder, bool nested, std::stop_token stop) {
  const std::string key = key_of(requirements);
  {
    std::unique_lock lock(mutex_);
    Slot& place = places_[key];
    // A thread that waits here holds nothing that others wait for.
    if (!nested) changed_.wait(lock, stop, [&] { return !place.in_the_making; });
    if (stop.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
    if (place.environment && place.environment->is_untouched()) return place.environment;
    place.environment.reset();
    if (!nested) place.in_the_making = true;
  }
  std::shared_ptr<const BuildEnvironment> made;
  const auto settle = [&] {
    {
      const std::lock_guard lock(mutex_);
      Slot& place = places_[key];
      if (!nested) place.in_the_making = false;
      if (made) place.environment = made;
    }
    changed_.notify_all();
  };
  try {
    made = make(requirements, builder, stop);
  } catch (...) {
    settle();
    throw;
  }
  settle();
  return made;
}

std::vector<WantedPackage> BuildEnvironments::fetch(const std::vector<Requirement>& requirements,
                                                    SourceBuilder& builder, const std::stop_token& stop) {
  ResolveRequest request{.target = target_of(interpreter_)};
  for (const Requirement& requirement : requirements) request.requirements.push_back({requirement, {}, {}});
  request.constraints = policy_.constraints;
  request.prereleases = policy_.prereleases;
  request.binary = policy_.binary;
  request.exclude_newer = policy_.exclude_newer;
  request.can_build = policy_.indexes.sources != nullptr;
  IndexSourceOptions indexes = policy_.indexes;
  indexes.source_policy.builder = &builder;
  IndexSource source(indexes, http_, store_, workers_, reporter_, stop);
  Outcome outcome = resolve(request, source, reporter_, stop);
  if (const auto* conflict = std::get_if<Conflict>(&outcome)) {
    const Explanation explanation = explain(*conflict, request.target);
    throw Error(ErrorKind::NoSolution, explanation.headline, explanation.hints, explanation.lines);
  }
  const Resolution& resolution = std::get<Resolution>(outcome);
  std::vector<WheelOrder> orders;
  for (const ResolvedPackage& package : resolution.packages)
    if (package.file.wheel) orders.push_back({package.file.artifact, {}});
  const std::vector<StoredWheel> wheels = obtain_wheels(orders, http_, store_, workers_, reporter_, stop);
  std::vector<WantedPackage> wanted;
  auto wheel = wheels.begin();
  for (const ResolvedPackage& package : resolution.packages) {
    if (package.file.wheel) {
      wanted.push_back({package.name, package.version, *wheel++, false, {}});
      continue;
    }
    SourceOrder order = SourceOrder::of(package.file);
    order.label = package.name.display() + " " + package.version.to_string();
    const ObtainedSource& obtained = indexes.sources->obtain(order, stop);
    wanted.push_back({package.name,
                      package.version,
                      builder.build_wheel({obtained.tree, package.name, package.version, {}}, stop),
                      false,
                      {}});
  }
  return wanted;
}

std::shared_ptr<const BuildEnvironment> BuildEnvironments::make(const std::vector<Requirement>& requirements,
                                                                SourceBuilder& builder,
                                                                std::stop_token stop) {
  TransactionRequest request;
  request.reason = "build requirements";
  request.durable = Durable::Never;
  if (!requirements.empty()) request.install = fetch(requirements, builder, stop);
  TempDir folder = store_.make_temp("build-env");
  const auto fill = [&](const Environment& staged) {
    if (!request.install.empty())
      apply_transaction(request, staged, store_, workers_, reporter_, "moat: a build environment");
  };
  Environment environment = create_environment({.root = folder.path() / "env",
                                                .prompt = "build",
                                                .own_pip = false,
                                                .durable = Durable::Never,
                                                .fill = fill},
                                               runtime(), workers_);
  auto made = std::make_shared<BuildEnvironment>(std::move(folder), std::move(environment));
  made->remember();
  return made;
}

std::vector<Requirement> unmet_in(const Environment& environment,
                                  const std::vector<Requirement>& requirements) {
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  std::vector<Requirement> unmet;
  for (const Requirement& requirement : requirements) {
    if (requirement.marker && !requirement.marker->evaluate(environment.interpreter().markers)) continue;
    const InstalledDistribution* found = installed.find(requirement.name);
    // Extras bring requirements of their own, and a URL may be anything: these must be resolved.
    if (found == nullptr || requirement.url || !requirement.extras.empty() ||
        !requirement.specifier.contains(found->version))
      unmet.push_back(requirement);
  }
  return unmet;
}

}  // namespace moat
