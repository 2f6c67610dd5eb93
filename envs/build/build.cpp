#include "envs/build/build.h"

#include "envs/build/build_failure.h"
#include "envs/build/build_hook.h"
#include "envs/build/build_key.h"
#include "envs/build/build_tree.h"
#include "envs/launcher/image.h"
#include "fetch/archive/wheel_check.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/guarded.h"
#include "fetch/os/interrupt.h"
#include "fetch/os/leftovers.h"
#include "fetch/os/process.h"
#include "fetch/os/waiting.h"
#include "fetch/sources/source_labels.h"
#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

namespace moat {
namespace {

constexpr std::size_t kDeepest = 16;              // builds within builds
constexpr std::chrono::hours kNoLimit{24 * 365};  // a build may take long
constexpr std::uintmax_t kMostMetadata = 16 << 20;

// At most as many at once as there are cores.
class Slots {
 public:
  void take(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, stop, [&] { return free_ != 0; });
    if (stop.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
    --free_;
  }
  void give_back() {
    {
      const std::lock_guard lock(mutex_);
      ++free_;
    }
    freed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any freed_;
  unsigned free_ = std::max(1U, std::thread::hardware_concurrency());
};

class Slot {
 public:
  Slot(Slots& slots, const std::stop_token& stop) : slots_(slots) { slots_.take(stop); }
  ~Slot() { slots_.give_back(); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

 private:
  Slots& slots_;
};

// A hint about withheld variables; "" if there are none. Those that the output mentions come first.
std::string withheld_hint(std::vector<std::string> names, std::string_view output) {
  constexpr std::size_t kShown = 6;
  if (names.empty()) return "";
  std::stable_partition(names.begin(), names.end(),
                        [&](const std::string& name) { return output.find(name) != std::string_view::npos; });
  const std::string first = names.front();
  const std::size_t others = names.size() > kShown ? names.size() - kShown : 0;
  names.resize(names.size() - others);
  return fmt::format("the build did not see your {}{}; `--build-env {}` passes it", join(names, ", "),
                     others == 0 ? "" : fmt::format(" and {} more", others), first);
}

std::string metadata_of(const StoredWheel& wheel) {
  return read_file(wheel.tree / wheel.dist_info / "METADATA");
}

}  // namespace

struct BuildFrontend::Shared {
  Shared(BuildOptions given, Interpreter given_interpreter, HttpClient& http, Store& given_store,
         Workers& given_workers, Reporter& given_reporter)
      : options(std::move(given)),
        environments(options.requirements, std::move(given_interpreter), options.runtime, http, given_store,
                     given_workers, given_reporter),
        store(given_store),
        workers(given_workers),
        reporter(given_reporter),
        passed(passed_to_builds(options.variables, options.named_variables)) {
    for (const auto& [name, value] : options.variables)
      if (name == "PATH") users_path = value, tools = tool_folders(value);
  }

  // Settings that all builds share are looked up when the first build needs them.
  const std::optional<std::string>& setting() {
    std::call_once(setting_once,
                   [&] { setting_key = setting_key_of(options, environments.interpreter(), passed); });
    return setting_key;
  }

  // [safe] of the user's git settings, as a settings file; "" if there is none.
  const std::string& safe_directories() {
    std::call_once(safe_once, [&] {
      std::string path;
      for (const auto& [name, value] : options.variables)
        if (name == "PATH") path = value;
      const auto git = find_program("git", path);
      if (!git) return;
      Command command{.argv = {git->string(), "config", "--global", "--get-all", "safe.directory"}};
      command.environment = options.variables;
      command.directory = "/";
      const ProcessResult result = run_process(command);
      if (result.status != 0) return;
      for (const std::string_view line : split_lines(result.output)) {
        std::string quoted;
        for (const char c : line)
          quoted += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
        safe += "[safe]\n\tdirectory = \"" + quoted + "\"\n";
      }
    });
    return safe;
  }

  // The beginning of every build command, so that no process outlives it and, unless --build-network, it has
  // no network (envs/launcher/seal.c).
  struct Seal {
    std::vector<std::string> command;
    bool closes_network = false;
  };
  const Seal& seal() {
    std::call_once(seal_once, [&] {
      folder.emplace(store.make_temp("seal"));
      const fs::path program = folder->path() / "seal";
      write_file_atomically(program, seal_image(), 0755);
      // Tries all of it at once to find out what this system allows: it may give a namespace, and then no
      // /proc in it.
      std::string why;
      for (const char* modes : {"np", "nr"})
        if (!options.network && sealed.command.empty() && may_seal(program, modes, why))
          sealed = {{program.string(), modes}, true};
      if (!options.network && sealed.command.empty())
        reporter.note(fmt::format("builds keep the network: it cannot be closed here ({})", why));
      for (const char* modes : {"p", "r"})
        if (sealed.command.empty() && may_seal(program, modes, why))
          sealed = {{program.string(), modes}, false};
      const bool sees_processes =
          sealed.command.empty() || sealed.command.back().find('p') == std::string::npos;
      // Otherwise /proc would show our variables to a build, with passwords that may be in them.
      if (sees_processes) ::prctl(PR_SET_DUMPABLE, 0);
    });
    return sealed;
  }

  static bool may_seal(const fs::path& program, const char* modes, std::string& why) {
    Command check{.argv = {program.string(), modes, "--check"}};
    check.merge_output = true;
    try {
      const ProcessResult result = run_process(check);
      why = trim(result.output);
      return result.status == 0;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::Interrupted) throw;
      why = error.what();
      return false;
    }
  }

  BuildOptions options;
  BuildEnvironments environments;
  Store& store;
  Workers& workers;
  Reporter& reporter;
  BuildVariables passed;
  std::string users_path;          // PATH
  std::vector<std::string> tools;  // folders of it
  Slots slots;

  std::once_flag setting_once, seal_once, safe_once;
  std::string safe;
  std::optional<std::string> setting_key;
  std::optional<TempDir> folder;
  Seal sealed;
  // The .dist-info that PrepareMetadata made in this run, by source and settings.
  Guarded<std::map<std::string, std::shared_ptr<TempDir>>> prepared;
};

// One request on its way.
class BuildFrontend::Job {
 public:
  enum class For { Wheel, Editable, Sdist };

  Job(Shared& shared, const BuildRequest& request, For purpose, std::stop_token stop)
      : shared_(shared), request_(request), purpose_(purpose), stop_(std::move(stop)) {
    if (purpose != For::Wheel || request.tree.key.empty() || !shared.setting()) return;
    key_ = build_key(request, *shared.setting());
  }

  // Looks for an earlier build.
  std::optional<StoredWheel> find_wheel() const {
    if (key_.empty()) return std::nullopt;
    const std::optional<Digest> digest = shared_.store.linked(key_);
    std::optional<StoredWheel> wheel = digest ? shared_.store.find_wheel(*digest) : std::nullopt;
    if (wheel) check(*wheel);
    return wheel;
  }
  std::optional<std::string> find_metadata() const {
    if (const auto wheel = find_wheel()) return metadata_of(*wheel);
    if (key_.empty()) return std::nullopt;
    std::optional<std::string> text = read_file_if_exists(metadata_file());
    if (text) check(*text);
    return text;
  }

  // Everything up to the hook that builds. `deeper`: builds the requirements.
  void prepare(SourceBuilder& deeper, bool nested) {
    Expected<BuildSystem> system = read_build_system(request_.tree.path);
    if (!system) fail(system.error().message);
    place_.system = std::move(*system);
    requirements_ = parse_all(place_.system.requirements, "[build-system] requires");
    work_.emplace(shared_.store.make_temp("build"));
    for (const char* folder : {"home", "tmp", "out", "scratch"}) make_directories(work_->path() / folder);
    take_source();
    place_.settings = request_.settings;
    place_.scratch = work_->path() / "scratch";
    place_.seal = shared_.seal().command;
    place_.timeout = shared_.options.timeout;
    if (shared_.options.without_isolation) {
      use_python(*shared_.options.without_isolation,
                 shared_.options.without_isolation->parent_path().parent_path());
      return;
    }
    use_environment(deeper, nested);
    add_dynamic_requirements(deeper, nested);
  }

  StoredWheel make_wheel() {
    const auto lock = lock_build();
    if (auto known = find_wheel()) return std::move(*known);
    return make_wheel_locked();
  }

  std::string make_metadata() {
    const auto lock = lock_build();
    if (auto known = find_metadata()) return std::move(*known);
    const HookAnswer answer = call(Hook::PrepareMetadata);
    if (std::holds_alternative<HookAbsent>(answer.result)) return metadata_of(make_wheel_locked());
    const fs::path made = out() / text_of(answer, Hook::PrepareMetadata);
    const fs::path file = made / "METADATA";
    std::error_code unknown;
    if (fs::symlink_status(file, unknown).type() != fs::file_type::regular)
      fail(fmt::format("{} made a folder without METADATA", to_string(Hook::PrepareMetadata)), answer.output);
    if (fs::file_size(file, unknown) > kMostMetadata)
      fail(fmt::format("{} made a METADATA that has no end", to_string(Hook::PrepareMetadata)),
           answer.output);
    std::string text = read_file(file);
    check(text);
    if (!key_.empty()) {
      make_directories(metadata_file().parent_path());
      write_file_atomically(metadata_file(), text);
    }
    shared_.prepared.with([&](auto& prepared) {
      auto& kept = prepared[prepared_key()];
      kept = std::make_shared<TempDir>(shared_.store.make_temp("prepared"));
      rename_over(made, kept->path() / made.filename());
    });
    return text;
  }

  fs::path make_sdist(const fs::path& folder) {
    const HookAnswer answer = call(Hook::BuildSdist);
    const std::string filename = text_of(answer, Hook::BuildSdist);
    if (!filename.ends_with(".tar.gz"))
      fail(fmt::format("{} made {}, which is not the name of a source distribution",
                       to_string(Hook::BuildSdist), quote(filename)),
           answer.output);
    const StagingFolder aside(folder, ".moat-sdist");
    std::error_code failure;
    fs::copy_file(out() / filename, aside.path() / filename, failure);
    if (failure) throw_errno("write", aside.path() / filename, failure.value());
    rename_over(aside.path() / filename, folder / filename);
    return folder / filename;
  }

 private:
  const std::string& label() const { return request_.tree.label; }
  fs::path out() const { return work_->path() / "out"; }
  fs::path metadata_file() const {
    return shared_.store.layout().metadata() / hash_bytes(key_ + "metadata").hex;
  }
  BuildFacts facts() const {
    return {.python_minor = shared_.environments.interpreter().minor,
            .isolated = !shared_.options.without_isolation,
            .network = !shared_.sealed.closes_network,
            .hidden = hidden_programs(shared_.users_path)};
  }

  [[noreturn]] void fail(std::string reason, std::string output = {},
                         std::vector<std::string> hints = {}) const {
    if (!output.empty())
      if (std::string withheld =
              withheld_hint(withheld_from_builds(shared_.options.variables, shared_.passed), output);
          !withheld.empty())
        hints.push_back(std::move(withheld));
    throw build_error({label(), std::move(reason), std::move(output), std::move(hints)}, facts(),
                      shared_.store, shared_.reporter);
  }

  std::vector<Requirement> parse_all(const std::vector<std::string>& texts, std::string_view source) const {
    std::vector<Requirement> out;
    for (const std::string& text : texts) {
      if (trim(text).empty()) continue;  // setup_requires="""\n…""" gives empty ones
      Expected<Requirement> requirement = Requirement::parse(text);
      if (!requirement)
        fail(
            fmt::format("{}: {} is not a requirement: {}", source, quote(text), requirement.error().message));
      out.push_back(std::move(*requirement));
    }
    return out;
  }

  void take_source() {
    std::error_code failure;
    place_.source = fs::canonical(request_.tree.path, failure);
    if (failure) throw_errno("enter directory", request_.tree.path, failure.value());
    is_users_ = request_.tree.key.empty() && purpose_ != For::Editable;
    if (!is_users_ || !wants_copy(place_.system, place_.source)) return;
    const fs::path copy = work_->path() / "source" / place_.source.filename();
    copy_tree(place_.source, copy);
    place_.source = copy;
    is_users_ = false;
  }

  void use_python(const fs::path& python, const fs::path& environment) {
    place_.python = python;
    BuildVariables passed = shared_.passed;
    if (!shared_.seal().closes_network) {
      const BuildVariables network = network_variables(shared_.options.variables);
      passed.insert(passed.end(), network.begin(), network.end());
    }
    place_.variables = build_variables(passed, {.environment = environment,
                                                .home = work_->path() / "home",
                                                .temporary = work_->path() / "tmp",
                                                .tools = shared_.tools});
    tell_git_what_is_safe();
  }

  // git uses a folder of another user only if its own user allowed that, in settings that are not in the
  // build's empty HOME.
  void tell_git_what_is_safe() const {
    if (!request_.tree.key.empty()) return;
    const fs::path file = work_->path() / "home" / ".gitconfig";
    const std::string lines = shared_.safe_directories();
    if (!lines.empty()) write_file_atomically(file, lines, 0600);
  }

  void use_environment(SourceBuilder& deeper, bool nested) {
    try {
      environment_ = shared_.environments.obtain(requirements_, deeper, nested, stop_);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::Interrupted) throw;
      throw error.with_context(fmt::format("build requirements of {}", label()));
    }
    use_python(environment_->environment().python(), environment_->environment().root());
  }

  void add_dynamic_requirements(SourceBuilder& deeper, bool nested) {
    const Hook hook = purpose_ == For::Editable ? Hook::RequiresForEditable
                      : purpose_ == For::Sdist  ? Hook::RequiresForSdist
                                                : Hook::RequiresForWheel;
    const HookAnswer answer = call(hook);
    if (std::holds_alternative<HookAbsent>(answer.result)) return;
    if (const auto* failed = std::get_if<HookFailed>(&answer.result)) fail_hook(hook, *failed, answer.output);
    const std::vector<Requirement> more =
        parse_all(std::get<std::vector<std::string>>(answer.result), to_string(hook));
    const std::vector<Requirement> unmet = unmet_in(environment_->environment(), more);
    if (unmet.empty()) return;
    requirements_.insert(requirements_.end(), unmet.begin(), unmet.end());
    use_environment(deeper, nested);
  }

  // One build of a kind at a time, across processes: the others then find its result.
  std::optional<FileLock> lock_build() const { return key_.empty() ? std::nullopt : lock_file(key_); }
  // Only one hook may run in a folder. Taken after the lock of the build, or without it.
  std::optional<FileLock> lock_tree() const { return lock_file("tree:" + place_.source.native()); }
  std::optional<FileLock> lock_file(const std::string& what) const {
    const fs::path file = shared_.store.layout().builds() / hash_bytes(what).hex;
    make_directories(file.parent_path());
    Wait wait(kNoLimit, [&] { return fmt::format("the build of {} by {}", label(), lock_holder(file)); });
    for (;;) {
      if (auto lock = FileLock::try_acquire(file, FileLock::Mode::Exclusive)) return lock;
      throw_if_interrupted(stop_);
      wait.pause();
    }
  }

  HookAnswer call(Hook hook) {
    const auto lock = lock_tree();
    const Slot slot(shared_.slots, stop_);
    const std::optional<BuildTraces> traces =
        is_users_ ? std::optional<BuildTraces>(place_.source) : std::nullopt;
    const Phase phase(shared_.reporter, "build");
    shared_.reporter.progress("build", label(), 0, 0);
    shared_.reporter.note(fmt::format("{}: {} of {}", label(), to_string(hook), place_.system.backend));
    return call_hook(hook, place_, out(), stop_);
  }

  std::string text_of(const HookAnswer& answer, Hook hook) const {
    if (const auto* failed = std::get_if<HookFailed>(&answer.result)) fail_hook(hook, *failed, answer.output);
    if (std::holds_alternative<HookAbsent>(answer.result))
      fail(hook == Hook::BuildEditable
               ? fmt::format("its backend {} cannot make editable installs (it has no build_editable)",
                             place_.system.backend)
               : fmt::format("its backend {} has no {}", place_.system.backend, to_string(hook)),
           answer.output);
    return std::get<std::string>(answer.result);
  }

  // The requirements as a user would type them.
  std::string typed_requirements() const {
    std::string out;
    for (const Requirement& requirement : requirements_)
      out += (out.empty() ? "'" : " '") + requirement.to_string() + "'";
    return out;
  }

  [[noreturn]] void fail_hook(Hook hook, const HookFailed& failed, const std::string& output) const {
    const std::string reason =
        fmt::format("{} of {}: {}", to_string(hook), place_.system.backend, failed.reason);
    const std::string_view backend = place_.system.backend;
    const bool backend_itself = place_.system.backend_path.empty() && !failed.missing_module.empty() &&
                                backend.substr(0, backend.find_first_of(".:")) == failed.missing_module;
    if (!backend_itself) fail(reason, output);
    // The traceback adds nothing then.
    if (shared_.options.without_isolation)
      fail(reason, {},
           {fmt::format(
               "with --no-build-isolation the environment must hold what builds need: `moat install {}`",
               typed_requirements())});
    fail(reason, {},
         {fmt::format("its [build-system] requires ({}) do not bring its backend: a fault of the package",
                      join(place_.system.requirements, ", "))});
  }

  std::string prepared_key() const {
    std::string key = request_.tree.key.empty() ? request_.tree.path.native() : request_.tree.key;
    for (const auto& [name, value] : request_.settings) key += fmt::format("\n{}={}", name, value);
    return key;
  }

  StoredWheel make_wheel_locked() {
    const Hook hook = purpose_ == For::Editable ? Hook::BuildEditable : Hook::BuildWheel;
    // If the metadata of a wheel was asked for before, the wheel must have exactly that metadata (PEP 517,
    // metadata_directory).
    const std::shared_ptr<TempDir> kept =
        shared_.prepared.with([&](auto& prepared) { return prepared[prepared_key()]; });
    if (kept) place_.prepared = fs::directory_iterator(kept->path())->path();
    const HookAnswer answer = call(hook);
    const std::string filename = text_of(answer, hook);
    const Expected<WheelFilename> name = WheelFilename::parse(filename);
    if (!name)
      fail(fmt::format("{} made {}, which is not the name of a wheel: {}", to_string(hook), quote(filename),
                       name.error().message),
           answer.output);
    const fs::path file = out() / filename;
    StoredWheel wheel = admit(file, *name, filename);
    check(wheel);
    check_promise(wheel);
    if (!key_.empty()) shared_.store.link(key_, wheel.digest);
    return wheel;
  }

  StoredWheel admit(const fs::path& file, const WheelFilename& name, const std::string& filename) const {
    try {
      const Digest digest = hash_file(file);
      if (auto known = shared_.store.find_wheel(digest); known && known->filename == filename)
        return std::move(*known);
      return shared_.store.add_wheel(file, name, filename, digest, shared_.workers);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::BadArchive) throw;
      fail(fmt::format("its backend {} did not make a valid wheel: {}", place_.system.backend, error.what()));
    }
  }

  // Checks that the wheel is the requested one.
  void check(const StoredWheel& wheel) const {
    if (const std::string wrong = wrong_record(wheel.faults); !wrong.empty())
      fail(fmt::format("the wheel that its backend {} made is wrong: {}", place_.system.backend, wrong));
    check(metadata_of(wheel));
  }
  void check(const std::string& metadata) const {
    const Expected<BuiltIdentity> identity = BuiltIdentity::parse(metadata);
    if (!identity) fail(fmt::format("the metadata it gives: {}", identity.error().message));
    // If a URL or folder was asked for by name, no version was promised: then a wrong name is the user's
    // mistake, as it is when the source itself gives another name.
    if (request_.name && !request_.version && *request_.name != identity->name)
      throw wrong_name(label(), identity->name, *request_.name);
    if ((request_.name && *request_.name != identity->name) ||
        (request_.version && *request_.version != identity->version))
      fail(fmt::format("it turns out to be {}, and {}{}{} was asked for", identity->told(),
                       request_.name ? request_.name->display() : "version", request_.version ? " " : "",
                       request_.version ? request_.version->to_string() : ""));
  }

  // Versions were chosen by the metadata that prepare_metadata_for_build_wheel gave.
  void check_promise(const StoredWheel& wheel) const {
    const auto text = key_.empty() ? std::nullopt : read_file_if_exists(metadata_file());
    if (!text) return;
    const Expected<BuiltIdentity> promised = BuiltIdentity::parse(*text),
                                  built = BuiltIdentity::parse(metadata_of(wheel));
    if (promised && built && (promised->name != built->name || promised->version != built->version))
      fail(fmt::format("its wheel is {}, and its metadata had said {}", built->told(), promised->told()));
  }

  Shared& shared_;
  const BuildRequest& request_;
  For purpose_;
  std::stop_token stop_;
  std::string key_;  // of the cached build; "": not cached
  std::vector<Requirement> requirements_;
  std::shared_ptr<const BuildEnvironment> environment_;
  std::optional<TempDir> work_;
  HookPlace place_;
  bool is_users_ = false;  // place_.source is a folder of the user's and must be left as it was
};

BuildFrontend::BuildFrontend(BuildOptions options, Interpreter interpreter, HttpClient& http, Store& store,
                             Workers& workers, Reporter& reporter)
    : shared_(std::make_shared<Shared>(std::move(options), std::move(interpreter), http, store, workers,
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

std::string BuildFrontend::metadata(const BuildRequest& request, std::stop_token stop) {
  refuse_if_forbidden(request);
  Job job(*shared_, request, Job::For::Wheel, stop);
  if (auto known = job.find_metadata()) return std::move(*known);
  BuildFrontend deeper = descend(request);
  job.prepare(deeper, !chain_.empty());
  return job.make_metadata();
}

std::optional<std::string> BuildFrontend::known_metadata(const BuildRequest& request) {
  refuse_if_forbidden(request);
  return Job(*shared_, request, Job::For::Wheel, {}).find_metadata();
}

fs::path BuildFrontend::build_sdist(const BuildRequest& request, const fs::path& folder,
                                    std::stop_token stop) {
  refuse_if_forbidden(request);
  Job job(*shared_, request, Job::For::Sdist, std::move(stop));
  BuildFrontend deeper = descend(request);
  job.prepare(deeper, !chain_.empty());
  return job.make_sdist(folder);
}

StoredWheel BuildFrontend::build_wheel(const BuildRequest& request, std::stop_token stop) {
  refuse_if_forbidden(request);
  Job job(*shared_, request, Job::For::Wheel, stop);
  if (auto known = job.find_wheel()) return std::move(*known);
  BuildFrontend deeper = descend(request);
  job.prepare(deeper, !chain_.empty());
  return job.make_wheel();
}

StoredWheel BuildFrontend::build_editable(const BuildRequest& request, std::stop_token stop) {
  refuse_if_forbidden(request);
  Job job(*shared_, request, Job::For::Editable, stop);
  BuildFrontend deeper = descend(request);
  job.prepare(deeper, !chain_.empty());
  return job.make_wheel();
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
