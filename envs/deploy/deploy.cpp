#include "envs/deploy/deploy.h"

#include "envs/deploy/bytecode_blob.h"
#include "envs/deploy/runtime_blob.h"
#include "envs/environment/environment.h"
#include "envs/environment/isolation.h"
#include "envs/journal/unflushed.h"
#include "envs/place/transaction.h"
#include "fetch/archive/packed_wheel.h"
#include "fetch/os/interrupt.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"
#include "resolver/files/artifact.h"
#include "resolver/pep/dist_filename.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <iterator>
#include <memory>
#include <set>
#include <thread>

namespace moat {
namespace {

constexpr std::size_t kMostHookOutput = std::size_t{256} << 10U;
constexpr std::size_t kToldLines = 20, kToldBytes = 400;  // of each line
constexpr std::chrono::milliseconds kProbePause{250};

std::int64_t unix_now() { return static_cast<std::int64_t>(std::time(nullptr)); }

// --- building ---

WantedPackage wanted(const BundlePackage& package, StoredWheel wheel) {
  return {package.name,      package.version,    std::move(wheel),
          package.requested, package.direct_url, package.index};
}

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

// nullopt: its RECORD is not enough, so it has to be unpacked.
std::optional<WantedPackage> open_wheel(const Bundle& bundle, const BundlePackage& package,
                                        const fs::path& folder) {
  // A copy of our own: nobody can change what its hash was taken of.
  const fs::path file = folder / package.filename;
  bundle.save(package, file, interrupt_token());
  auto wheel = open_packed_wheel(file, package.filename, *WheelFilename::parse(package.filename), unix_now());
  fs::remove(file);
  if (!wheel) return std::nullopt;
  StoredWheel described{.digest = package.sha256,
                        .filename = package.filename,
                        .tree = {},
                        .dist_info = std::move(wheel->contents.dist_info),
                        .root_is_purelib = wheel->contents.root_is_purelib,
                        .files = std::move(wheel->files),
                        .faults = std::move(wheel->contents.faults)};
  WantedPackage out = wanted(package, std::move(described));
  out.packed = std::move(wheel->packed);
  return out;
}

// What bytecode_key() was made of.
Interpreter python_of_bytecode(const std::string& key) {
  Interpreter out;
  const std::size_t dash = std::min(key.rfind('-'), key.size());
  out.cache_tag = key.substr(0, dash);
  out.magic = key.substr(std::min(dash + 1, key.size()));
  return out;
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

struct Built {
  DeployedRelease release;
  bool with_unseen_python = false;  // the bundle's, which nobody has started yet
};

// Of a name in an open folder; `folder` is its path.
void take_write_bits(int parent, const char* name, const fs::path& folder) {
  struct stat status {};
  if (::fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
    throw_errno("look at", folder / name, errno);
  if (S_ISLNK(status.st_mode) || (status.st_mode & 0222U) == 0) return;
  if (::fchmodat(parent, name, status.st_mode & 07555U, 0) != 0)
    throw_errno("change the mode of", folder / name, errno);
}

// Starts the environment's Python at its final place: pyvenv.cfg still names the staging folder, and the
// launcher corrects that while the file is still writable.
void start_in_place(const fs::path& root, const Built& built) {
  const fs::path python = root / "bin/python";
  const ProcessResult result = try_python(python);
  if (result.status == 0) return;
  if (built.with_unseen_python) refuse_bundled_runtime(built.release.python, result.output);
  throw Error(ErrorKind::Interpreter, fmt::format("{} does not start", quote(python.native())), {},
              {std::string(trim(result.output))});
}

bool is_folder(int parent, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat status {};
  return ::fstatat(parent, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

// Takes the write bits of everything in a folder, and returns the folders there, which are not looked into.
std::vector<fs::path> take_write_bits_inside(const fs::path& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(folder.c_str()), ::closedir);
  if (!directory) throw_errno("list", folder, errno);
  const int parent = ::dirfd(directory.get());
  std::vector<fs::path> out;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr && errno != 0) throw_errno("list", folder, errno);
    if (entry == nullptr) return out;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (is_folder(parent, *entry)) out.push_back(folder / name);
    take_write_bits(parent, entry->d_name, folder);
  }
}

// Makes everything in the folder read-only; the folder itself stays writable for release.json. Level by
// level, since there are thousands of folders.
void make_read_only(const fs::path& root, Workers& workers) {
  std::vector<fs::path> level = {root};
  while (!level.empty()) {
    std::vector<std::vector<fs::path>> below(level.size());
    workers.for_each(level.size(), [&](std::size_t i) { below[i] = take_write_bits_inside(level[i]); });
    level.clear();
    for (std::vector<fs::path>& some : below) std::ranges::move(some, std::back_inserter(level));
  }
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
  write_file_atomically(file, format_release(release), 0444, Durability::Synced);
  take_write_bits(AT_FDCWD, root.c_str(), root);
  sync_directory(root);
}

Built build_release(const Bundle& bundle, const BundleTarget& target, ReleaseParts parts,
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
  const bool is_unseen = parts.runtime.packed != nullptr;
  // deploy() waits for the disk before it says that the release is complete.
  make_environment(root, target.config.name, std::move(parts), Durable::Never, options.command, store,
                   workers, reporter);
  return {std::move(release), is_unseen};
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

// Straight from the bundle; if something there is refused, by way of the store, which reports it.
template <class Build>
Built build_from_any(const std::function<ReleaseParts(PartsIn)>& obtain, const Build& build) {
  try {
    return build(obtain(PartsIn::Bundle));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::BadArchive) throw;
  }
  return build(obtain(PartsIn::Store));
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

// The packages of a bundle, as they become ready to be placed.
class Packages {
 public:
  Packages(const Bundle& bundle, const BundleConfig& config, PartsIn place, Store& store, Workers& workers)
      : bundle_(bundle), config_(config), place_(place), store_(store), workers_(workers) {}

  void add_wheels() {
    std::vector<std::optional<WantedPackage>> packed(config_.packages.size());
    if (place_ == PartsIn::Bundle)
      workers_.for_each(packed.size(), [&](std::size_t i) { packed[i] = open(config_.packages[i]); });
    // One after the other, so that the disk needs room for only one wheel twice.
    for (std::size_t i = 0; i < packed.size(); ++i) {
      throw_if_interrupted();
      out_.push_back(packed[i] ? *std::move(packed[i]) : unpacked(config_.packages[i]));
    }
  }

  void add_bytecode(const Interpreter& interpreter) {
    const bool fits = config_.bytecode == bytecode_key(interpreter);
    workers_.for_each(out_.size(), [&](std::size_t i) {
      std::optional<StoredBytecode>& bytecode = out_[i].bytecode;
      if (!fits) bytecode.reset();
      if (fits && !bytecode) bytecode = bytecode_of(config_.packages[i], out_[i].wheel, interpreter);
      if (!bytecode && sources_by_bytecode(out_[i].wheel, interpreter).empty()) bytecode = StoredBytecode{};
    });
    for (std::size_t i = 0; i < out_.size(); ++i)
      if (!out_[i].bytecode && out_[i].packed) out_[i] = unpacked(config_.packages[i]);
  }

  // Do some have to be compiled?
  bool lack_bytecode() const {
    return std::ranges::any_of(out_, [](const WantedPackage& package) { return !package.bytecode; });
  }
  std::vector<WantedPackage> take() { return std::move(out_); }

 private:
  // With its bytecode, before it is known which Python that has to fit: one that comes in a blob takes long.
  std::optional<WantedPackage> open(const BundlePackage& package) const {
    std::error_code unknown;
    if (fs::exists(store_.layout().wheel(package.sha256), unknown)) return std::nullopt;
    auto out = open_wheel(bundle_, package, folder_.path());
    if (out) out->bytecode = bytecode_of(package, out->wheel, told_);
    return out;
  }

  // nullopt: the bundle has none.
  std::optional<StoredBytecode> bytecode_of(const BundlePackage& package, const StoredWheel& wheel,
                                            const Interpreter& interpreter) const {
    if (!package.bytecode) return std::nullopt;
    const OciDescriptor blob = describe_bytecode(*package.bytecode);
    const auto pass = [&](const auto& sink) { bundle_.pass(blob, sink, interrupt_token()); };
    const auto& obtain = place_ == PartsIn::Store ? obtain_bundled_bytecode : open_bundled_bytecode;
    return obtain(wheel, interpreter, blob.digest, pass, store_);
  }

  WantedPackage unpacked(const BundlePackage& package) {
    return wanted(package, obtain_wheel(bundle_, package, folder_.path(), store_, workers_));
  }

  const Bundle& bundle_;
  const BundleConfig& config_;
  const PartsIn place_;
  const Interpreter told_ = python_of_bytecode(config_.bytecode);
  Store& store_;
  Workers& workers_;
  const TempDir folder_ = store_.make_temp("deploy");
  std::vector<WantedPackage> out_;
};

// What has to be compiled is unpacked first, and by a Python that is known to start.
PartsIn possible_place(PartsIn place, const BundleConfig& config) {
  return config.bytecode.empty() ? PartsIn::Store : place;
}

Runtime obtain_runtime_of(const Bundle& bundle, const BundleTarget& target, PartsIn place, Store& store,
                          Workers& workers) {
  const OciDescriptor& blob = *target.runtime();
  const std::string& version = target.config.python.version;
  const auto pass = [&](const auto& sink) { bundle.pass(blob, sink, interrupt_token()); };
  std::optional<Runtime> packed;
  if (place == PartsIn::Bundle) packed = open_bundled_runtime(version, blob.digest, pass, store, workers);
  return packed ? *std::move(packed) : obtain_bundled_runtime(version, blob.digest, pass, store, workers);
}

}  // namespace

std::vector<WantedPackage> obtain_packages(const Bundle& bundle, const BundleTarget& target,
                                           const Interpreter& interpreter, PartsIn place, Store& store,
                                           Workers& workers, Reporter& reporter) {
  const Phase phase(reporter, "unpack");
  Packages packages(bundle, target.config, possible_place(place, target.config), store, workers);
  packages.add_wheels();
  packages.add_bytecode(interpreter);
  return packages.take();
}

ReleaseParts obtain_parts(const Bundle& bundle, const BundleTarget& target, PartsIn place, Store& store,
                          Workers& workers, Reporter& reporter) {
  const Phase phase(reporter, "unpack");
  place = possible_place(place, target.config);
  auto runtime = begin_async([&] { return obtain_runtime_of(bundle, target, place, store, workers); });
  Packages packages(bundle, target.config, place, store, workers);
  packages.add_wheels();
  ReleaseParts out{runtime.get(), {}};
  check_platform(target, out.runtime.interpreter);
  packages.add_bytecode(out.runtime.interpreter);
  if (out.runtime.packed && packages.lack_bytecode())
    out.runtime = obtain_runtime_of(bundle, target, PartsIn::Store, store, workers);
  out.packages = packages.take();
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

Deployed deploy(const Bundle& bundle, const BundleTarget& target,
                const std::function<ReleaseParts(PartsIn)>& obtain, const DeploymentChange& change,
                const DeployOptions& options, Store& store, Workers& workers, Reporter& reporter) {
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
  Built built = build_from_any(obtain, [&](ReleaseParts parts) {
    return build_release(bundle, target, std::move(parts), change, options, store, workers, reporter);
  });
  DeployedRelease& release = built.release;
  const fs::path root = change.folder_of(release.folder);
  try {
    start_in_place(root, built);
    make_read_only(root, workers);
    release.files = vouching_files(root);
    check(change, release.folder, before, options.hooks, reporter);
    {
      // What a release consists of is on the disk before it has the file that makes it one.
      const Phase phase(reporter, "flush");
      sync_file_system(root);
      write_release(root, release);
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
