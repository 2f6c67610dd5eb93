#include "envs/deploy/deploy.h"

#include "envs/deploy/bytecode_blob.h"
#include "envs/deploy/runtime_blob.h"
#include "envs/environment/environment.h"
#include "envs/environment/isolation.h"
#include "envs/journal/unflushed.h"
#include "envs/place/transaction.h"
#include "fetch/os/interrupt.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"
#include "resolver/files/artifact.h"
#include "resolver/pep/dist_filename.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <set>
#include <thread>

namespace moat {
namespace {

constexpr std::size_t kMostHookOutput = std::size_t{256} << 10U;
constexpr std::size_t kToldLines = 20, kToldBytes = 400;  // of each line
constexpr std::chrono::milliseconds kProbePause{250};

std::int64_t unix_now() { return static_cast<std::int64_t>(std::time(nullptr)); }

// --- building ---

StoredWheel obtain_wheel(const Bundle& bundle, const BundlePackage& package, const fs::path& folder,
                         Store& store, Workers& workers) {
  if (auto stored = store.find_wheel(package.sha256)) return std::move(*stored);
  const fs::path file = folder / package.filename;
  bundle.save(package, file, interrupt_token());
  StoredWheel wheel = store.add_wheel(file, *WheelFilename::parse(package.filename), package.filename,
                                      package.sha256, workers);
  fs::remove(file);
  return wheel;
}

// nullopt: the bundle has none for this Python.
std::optional<StoredBytecode> obtain_bytecode(const Bundle& bundle, const BundleConfig& config,
                                              const BundlePackage& package, const StoredWheel& wheel,
                                              const Interpreter& interpreter, Store& store) {
  if (!package.bytecode || config.bytecode != bytecode_key(interpreter)) return std::nullopt;
  const OciDescriptor blob = describe_bytecode(*package.bytecode);
  return obtain_bundled_bytecode(
      wheel, interpreter, blob.digest, [&](const auto& sink) { bundle.pass(blob, sink, interrupt_token()); },
      store);
}

// Reports a full disk before anything is built. Bytecode is about as large as the sources.
void check_room(const fs::path& dest, const std::vector<WantedPackage>& packages, const Runtime& runtime) {
  std::uint64_t bytes = 0, files = 0;
  const auto count = [&](const std::vector<StoredFile>& list) {
    for (const StoredFile& file : list) {
      bytes += file.size * (file.path.ends_with(".py") ? 2U : 1U);
      files += file.path.ends_with(".py") ? 2U : 1U;
    }
  };
  count(runtime.files);
  for (const WantedPackage& package : packages) count(package.wheel.files);
  struct statvfs room {};
  if (::statvfs(dest.c_str(), &room) != 0) throw_errno("look at", dest, errno);
  const std::uint64_t free = std::uint64_t{room.f_bavail} * room.f_frsize;
  if (free < bytes)
    throw Error(ErrorKind::Disk, fmt::format("the release needs {} MB on the disk of {}, and {} MB are free",
                                             bytes >> 20U, quote(dest.native()), free >> 20U));
  if (room.f_files != 0 && room.f_favail < files)
    throw Error(ErrorKind::Disk, fmt::format("the release has {} files, and {} more fit on the disk of {}",
                                             files, room.f_favail, quote(dest.native())));
}

void take_write_bits(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) throw_errno("look at", path, errno);
  if (S_ISLNK(status.st_mode) || (status.st_mode & 0222U) == 0) return;
  if (::chmod(path.c_str(), status.st_mode & 07555U) != 0) throw_errno("change the mode of", path, errno);
}

// Starts the environment's Python at its final place: pyvenv.cfg still names the staging folder, and the
// launcher corrects that while the file is still writable.
void start_in_place(const fs::path& root) {
  const fs::path python = root / "bin/python";
  const ProcessResult result = run_process({.argv = {python.native(), "-I", "-S", "-B", "-c", "pass"},
                                            .directory = {},
                                            .input = {},
                                            .merge_output = true});
  if (result.status != 0)
    throw Error(ErrorKind::Interpreter, fmt::format("{} does not start", quote(python.native())), {},
                {std::string(trim(result.output))});
}

// Makes everything in the folder read-only; the folder itself stays writable for release.json.
void make_read_only(const fs::path& root) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
    take_write_bits(entry.path());
}

// Files that can start something, and files that vouch for the rest.
std::map<std::string, std::string> vouching_files(const fs::path& root) {
  std::map<std::string, std::string> out;
  for (const char* name : {"pyvenv.cfg", ".moat/manifest", ".moat/bytecode"})
    if (std::error_code error; fs::is_regular_file(root / name, error))
      out[name] = hash_file(root / name).hex;
  return out;
}

void write_release(const fs::path& root, const DeployedRelease& release) {
  const fs::path file = root / kReleaseFile;
  write_file_atomically(file, format_release(release), 0444);
  take_write_bits(root);
}

DeployedRelease build_release(const Bundle& bundle, const BundleTarget& target, ReleaseParts parts,
                              const DeploymentChange& change, const DeployOptions& options, Store& store,
                              Workers& workers, Reporter& reporter) {
  check_room(change.root(), parts.packages, parts.runtime);
  DeployedRelease release{.number = change.next_number(),
                          .digest = bundle.digest().to_string(),
                          .name = target.config.name,
                          .version = target.config.version,
                          .python = parts.runtime.interpreter.version,
                          .created = target.config.created,
                          .deployed = unix_now(),
                          .signed_by = options.signed_by,
                          .files = {}};
  release.folder = fmt::format("{:04}-{}", release.number, bundle.digest().hex.substr(0, 12));
  if (options.begun) options.begun(release.folder);
  const fs::path root = change.folder_of(release.folder);
  const Phase phase(reporter, "build");
  make_environment(root, target.config.name, std::move(parts), Durable::Always, options.command, store,
                   workers, reporter);
  return release;
}

// --- hooks ---

struct HookResult {
  bool good = false;
  std::string why;                   // "exit status 1", "no answer within 60 s"
  std::vector<std::string> details;  // the end of what it said
};

std::vector<std::string> last_lines(const std::string& output) {
  std::vector<std::string> lines;
  for (const std::string_view line : split_lines(output)) lines.emplace_back(line);
  for (std::string& line : lines)
    if (line.size() > kToldBytes) line.resize(kToldBytes);
  if (lines.size() > kToldLines) lines.erase(lines.begin(), lines.end() - kToldLines);
  return lines;
}

HookResult run_hook(const std::string& command, const Deployment& deployment, const std::string& release,
                    const DeployHooks& hooks, std::optional<std::chrono::milliseconds> timeout,
                    const std::stop_token& stop = interrupt_token()) {
  const fs::path root = deployment.folder_of(release);
  DeployHooks::Variables variables = hooks.variables(root);
  variables.emplace_back("MOAT_RELEASE", release);
  variables.emplace_back("MOAT_RELEASE_DIR", root.native());
  Command process{.argv = {"/bin/sh", "-c", command}};
  process.environment = std::move(variables);
  process.merge_output = true;
  process.timeout = timeout;
  process.most_output = kMostHookOutput;
  const ProcessResult result = run_process(process, stop);
  HookResult out{
      .good = result.status == 0 && !result.timed_out, .why = {}, .details = last_lines(result.output)};
  out.why = result.timed_out ? fmt::format("timed out after {} s",
                                           std::chrono::duration_cast<std::chrono::seconds>(*timeout).count())
                             : fmt::format("exit status {}", result.status);
  return out;
}

std::string what_stays(const std::string& live) {
  return live.empty() ? "nothing is live" : fmt::format("{} stays live", live);
}

void check(const DeploymentChange& change, const std::string& release, const std::string& live,
           const DeployHooks& hooks, Reporter& reporter) {
  if (hooks.check.empty()) return;
  const Phase phase(reporter, "check");
  const HookResult result = run_hook(hooks.check, change, release, hooks, hooks.check_timeout);
  throw_if_interrupted();
  if (!result.good)
    throw Error(ErrorKind::Refused,
                fmt::format("the check of {} failed ({}); {}", release, result.why, what_stays(live)), {},
                result.details);
}

// nullopt: all hooks succeeded.
std::optional<Error> confirm(const DeploymentChange& change, const std::string& release,
                             const DeployHooks& hooks, Reporter& reporter) {
  const auto failed = [&](std::string_view what, const HookResult& result) {
    return Error(ErrorKind::Refused, fmt::format("{} failed ({})", what, result.why), {}, result.details);
  };
  if (!hooks.after.empty()) {
    const Phase phase(reporter, "after");
    const HookResult result = run_hook(hooks.after, change, release, hooks, std::nullopt);
    if (!result.good) return failed("--after", result);
  }
  if (hooks.probe.empty()) return std::nullopt;
  const Phase phase(reporter, "probe");
  const auto end = std::chrono::steady_clock::now() + hooks.probe_timeout;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    const HookResult result =
        run_hook(hooks.probe, change, release, hooks, std::max(left, std::chrono::milliseconds(100)));
    if (result.good) return std::nullopt;
    if (interrupt_token().stop_requested() || std::chrono::steady_clock::now() + kProbePause >= end)
      return failed("--probe", result);
    std::this_thread::sleep_for(kProbePause);
  }
}

// --- the switch ---

void switch_back(const DeploymentChange& change, const std::string& release, const DeployHooks& hooks,
                 Reporter& reporter) {
  change.switch_to(release);
  if (release.empty() || hooks.after.empty()) return;
  // Also after a signal: the running program must be the live release.
  const HookResult result = run_hook(hooks.after, change, release, hooks, std::nullopt, {});
  if (!result.good)
    reporter.warn(fmt::format("--after also failed for {} ({}): check whether it runs", release, result.why));
}

// Switches from one release to another, or back.
void activate(const DeploymentChange& change, const std::string& from, const std::string& to,
              const DeployHooks& hooks, Reporter& reporter) {
  // A signal ends the hooks, and then the previous release is made live again.
  const CommitUnderWay under_way;
  change.set_unfinished(Unfinished{from, to});
  std::optional<Error> failure;
  try {
    change.switch_to(to);
    failure = confirm(change, to, hooks, reporter);
  } catch (const Error& error) {
    failure = error;
  }
  if (failure) {
    switch_back(change, from, hooks, reporter);
    change.set_unfinished(std::nullopt);
    const bool stopped = interrupt_token().stop_requested();
    throw Error(stopped ? ErrorKind::Interrupted : failure->kind(),
                fmt::format("{}: {}; {}", to, failure->what(), what_stays(from)), failure->hints(),
                failure->details());
  }
  change.set_unfinished(std::nullopt);
}

void drop_failed(const DeploymentChange& change, const std::string& release) {
  try {
    if (!is_in_use(change.folder_of(release))) change.remove(release);
  } catch (const Error&) {
    // The next deploy sweeps it.
  }
}

}  // namespace

namespace {

// A damaged live release is replaced.
std::optional<DeployedRelease> readable_live(const Deployment& deployment, Reporter& reporter) {
  try {
    return deployment.live();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::BadInput) throw;
    reporter.warn(error.what());
    return std::nullopt;
  }
}

}  // namespace

namespace {

// One after the other, so that the disk needs room for only one wheel twice.
std::vector<WantedPackage> unpack_wheels(const Bundle& bundle, const BundleTarget& target, Store& store,
                                         Workers& workers) {
  const TempDir folder = store.make_temp("deploy");
  std::vector<WantedPackage> out;
  for (const BundlePackage& package : target.config.packages) {
    throw_if_interrupted();
    out.push_back({package.name, package.version,
                   obtain_wheel(bundle, package, folder.path(), store, workers), package.requested,
                   package.direct_url, package.index});
  }
  return out;
}

void add_bytecode(std::vector<WantedPackage>& packages, const Bundle& bundle, const BundleTarget& target,
                  const Interpreter& interpreter, Store& store, Workers& workers) {
  workers.for_each(packages.size(), [&](std::size_t i) {
    packages[i].bytecode = obtain_bytecode(bundle, target.config, target.config.packages[i],
                                           packages[i].wheel, interpreter, store);
  });
}

}  // namespace

std::vector<WantedPackage> obtain_packages(const Bundle& bundle, const BundleTarget& target,
                                           const Interpreter& interpreter, Store& store, Workers& workers,
                                           Reporter& reporter) {
  const Phase phase(reporter, "unpack");
  std::vector<WantedPackage> out = unpack_wheels(bundle, target, store, workers);
  add_bytecode(out, bundle, target, interpreter, store, workers);
  return out;
}

ReleaseParts obtain_parts(const Bundle& bundle, const BundleTarget& target, Store& store, Workers& workers,
                          Reporter& reporter) {
  const Phase phase(reporter, "unpack");
  const OciDescriptor& blob = *target.runtime();
  auto runtime = begin_async([&] {
    return obtain_bundled_runtime(
        target.config.python.version, blob.digest,
        [&](const auto& sink) { bundle.pass(blob, sink, interrupt_token()); }, store, workers);
  });
  std::vector<WantedPackage> packages = unpack_wheels(bundle, target, store, workers);
  ReleaseParts out{runtime.get(), std::move(packages)};
  check_platform(target, out.runtime.interpreter);
  add_bytecode(out.packages, bundle, target, out.runtime.interpreter, store, workers);
  return out;
}

Environment make_environment(const fs::path& root, const std::string& prompt, ReleaseParts parts,
                             Durable durable, const std::string& command, Store& store, Workers& workers,
                             Reporter& reporter) {
  const auto fill = [&](const Environment& staged) {
    if (parts.packages.empty()) return;
    TransactionRequest request{.install = std::move(parts.packages)};
    request.durable = Durable::Never;  // the whole is flushed once it is complete
    request.reason = command;
    apply_transaction(request, staged, store, workers, reporter, command);
  };
  return create_environment(
      {.root = root, .prompt = prompt, .own_pip = false, .durable = durable, .fill = fill}, parts.runtime,
      workers);
}

std::vector<const BundleTarget*> fitting_targets(const Bundle& bundle, const std::string& architecture) {
  std::set<std::string> there;
  std::vector<const BundleTarget*> out;
  for (const BundleTarget& target : bundle.targets()) {
    there.insert(target.config.architecture);
    if (target.config.architecture == architecture) out.push_back(&target);
  }
  if (out.empty())
    throw Error(
        ErrorKind::NoSolution,
        fmt::format("{} is for {}; this machine is {}", bundle.label(),
                    join(std::vector<std::string>(there.begin(), there.end()), " and "), architecture));
  return out;
}

namespace {

// Unpacked, beside each wheel that it belongs to?
bool has_bytecode(const BundleConfig& config, const Digest& sha256, const Store& store) {
  return std::ranges::all_of(config.packages, [&](const BundlePackage& package) {
    return !package.bytecode || package.bytecode->sha256 != sha256 ||
           has_bundled_bytecode(package.sha256, config.bytecode, sha256, store);
  });
}

}  // namespace

std::vector<OciDescriptor> missing_blobs(const BundleTarget& target, const Store& store) {
  std::vector<OciDescriptor> out;
  for (const OciDescriptor& layer : target.manifest.layers) {
    if (layer.media_type == bundle::kWheelType && store.find_wheel(layer.digest)) continue;
    if (layer.media_type == bundle::kRuntimeType &&
        has_bundled_runtime(target.config.python.version, layer.digest, store))
      continue;
    if (layer.media_type == bundle::kBytecodeType && has_bytecode(target.config, layer.digest, store))
      continue;
    out.push_back(layer);
  }
  return out;
}

void check_platform(const BundleTarget& target, const Interpreter& interpreter) {
  const Target here = target_of(interpreter);
  for (const BundlePackage& package : target.config.packages) {
    const auto wheel = WheelFilename::parse(package.filename);
    if (here.tags.rank(wheel->tags)) continue;
    throw Error(ErrorKind::NoSolution,
                fmt::format("{} does not run on this machine: {}", quote(package.filename), here.description),
                {"bundle for a platform that this machine has: moat lock --platform, then moat bundle"});
  }
}

Deployed deploy(const Bundle& bundle, const BundleTarget& target, const std::function<ReleaseParts()>& obtain,
                const DeploymentChange& change, const DeployOptions& options, Store& store, Workers& workers,
                Reporter& reporter) {
  const std::optional<DeployedRelease> live = readable_live(change, reporter);
  const std::string before = change.live_folder();
  const std::optional<Unfinished> unfinished = change.unfinished();
  if (live && live->digest == bundle.digest().to_string()) {
    if (!unfinished || unfinished->to != before) return {*live, before, true};
    // A killed deploy switched to it, and its hooks had not ended.
    if (options.begun) options.begun(before);
    activate(change, unfinished->from, before, options.hooks, reporter);
    return {*live, unfinished->from, false};
  }
  if (live && live->created > target.config.created) {
    const std::string message =
        fmt::format("{} is dated {}, before the bundle of {}, which is live ({})", bundle.label(),
                    calendar_day(target.config.created), live->folder, calendar_day(live->created));
    if (options.not_older)
      throw Error(ErrorKind::Refused, message,
                  {"a bundle is dated by the newest of its packages; "
                   "`SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) moat bundle …` dates it by its sources"});
    reporter.warn(message);
  }
  DeployedRelease release =
      build_release(bundle, target, obtain(), change, options, store, workers, reporter);
  const fs::path root = change.folder_of(release.folder);
  try {
    start_in_place(root);
    make_read_only(root);
    release.files = vouching_files(root);
    check(change, release.folder, before, options.hooks, reporter);
    write_release(root, release);
    {
      const Phase phase(reporter, "flush");
      sync_file_system(root);
    }
    activate(change, before, release.folder, options.hooks, reporter);
  } catch (const Error&) {
    drop_failed(change, release.folder);
    throw;
  }
  return {release, before, false};
}

std::vector<std::string> remove_old_releases(const DeploymentChange& change, const Deployed& deployed,
                                             int keep, Reporter& reporter) {
  const Phase phase(reporter, "remove");
  std::vector<DeployedRelease> releases;
  try {
    releases = change.releases();
  } catch (const Error& error) {
    reporter.warn(error.what());
  }
  std::vector<std::string> removed;
  int kept = 0;
  for (auto release = releases.rbegin(); release != releases.rend(); ++release) {
    const bool is_needed = release->folder == deployed.release.folder || release->folder == deployed.before;
    if (is_needed || kept < keep || is_in_use(change.folder_of(release->folder))) {
      ++kept;
      continue;
    }
    if (interrupt_token().stop_requested()) break;
    try {
      change.remove(release->folder);
      removed.push_back(release->folder);
    } catch (const Error& error) {
      reporter.warn(error.what());  // the next deploy tries again
    }
  }
  return removed;
}

Deployed roll_back(const DeploymentChange& change, std::optional<int> number, const DeployOptions& options,
                   Reporter& reporter) {
  const std::string before = change.live_folder();
  const std::vector<Attempt> attempts = change.attempts();
  std::optional<DeployedRelease> target;
  std::vector<std::string> there;
  for (const DeployedRelease& release : change.releases()) {
    there.push_back(release.folder);
    // If nothing is live (`current` was lost, for example), the newest one that was. If the history is lost,
    // each counts as one that was.
    const bool is_earlier = (before.empty() || release.number < release_number(before)) &&
                            (attempts.empty() || was_ever_live(release.folder, attempts));
    if (number ? release.number == *number : is_earlier) target = release;
  }
  if (!target)
    throw Error(ErrorKind::NotFound,
                number ? fmt::format("there is no release {}; there are {}", *number, join(there, ", "))
                       : std::string("there is no earlier release"),
                {fmt::format("moat deploy history {}", change.root().native())});
  if (before == target->folder) return {*target, before, true};
  activate(change, before, target->folder, options.hooks, reporter);
  return {*target, before, false};
}

namespace {

// The checks of verify_files() that report changed files.
const std::set<std::string> kOfFiles = {"files", "folders", "pip"};

}  // namespace

std::vector<std::string> changed_files(const Deployment& deployment, const DeployedRelease& release,
                                       Workers& workers) {
  const fs::path root = deployment.folder_of(release.folder);
  std::vector<std::string> out;
  for (const auto& [name, sha256] : release.files) {
    std::error_code error;
    if (!fs::is_regular_file(root / name, error))
      out.push_back(fmt::format("{}: missing", name));
    else if (hash_file(root / name).hex != sha256)
      out.push_back(fmt::format("{}: changed", name));
  }
  if (!out.empty()) return out;
  std::error_code error;
  if (fs::is_symlink(root, error)) return {"the release is a link"};
  // A release never changes: added files count like edited ones.
  for (const Finding& finding : verify_files(Environment::open(root), workers)) {
    if (finding.level == Finding::Level::Ok || !kOfFiles.contains(finding.check)) continue;
    out.push_back(finding.message);
    out.insert(out.end(), finding.details.begin(), finding.details.end());
  }
  return out;
}

}  // namespace moat
