#include "envs/build/build_shared.h"

#include "envs/build/build_failure.h"
#include "envs/build/build_key.h"
#include "envs/launcher/image.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/interrupt.h"
#include "fetch/os/process.h"
#include "fetch/os/waiting.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>
#include <utility>

namespace moat {
namespace {

constexpr std::chrono::hours kNoLimit{24 * 365};  // a build may take long

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

bool may_seal(const fs::path& program, const char* modes, std::string& why) {
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

// Tries all of it at once to find out what this system allows: it may give a namespace, and then no /proc in
// it.
BuildSeal possible_seal(const fs::path& program, bool network, Reporter& reporter) {
  std::string why;
  if (!network) {
    for (const char* modes : {"np", "nr"})
      if (may_seal(program, modes, why)) return {{program.string(), modes}, true};
    reporter.note(fmt::format("builds keep the network: it cannot be closed here ({})", why));
  }
  for (const char* modes : {"p", "r"})
    if (may_seal(program, modes, why)) return {{program.string(), modes}, false};
  return {};
}

std::string git_settings(const BuildVariables& variables, const std::string& path) {
  const auto git = find_program("git", path);
  if (!git) return "";
  Command command{.argv = {git->string(), "config", "--global", "--get-all", "safe.directory"}};
  command.environment = variables;
  command.directory = "/";
  const ProcessResult result = run_process(command);
  if (result.status != 0) return "";
  std::string out;
  for (const std::string_view line : split_lines(result.output)) {
    std::string quoted;
    for (const char c : line) quoted += (c == '"' || c == '\\') ? std::string("\\") + c : std::string(1, c);
    out += "[safe]\n\tdirectory = \"" + quoted + "\"\n";
  }
  return out;
}

}  // namespace

BuildSlots::BuildSlots() : free_(std::max(1U, std::thread::hardware_concurrency())) {}

void BuildSlots::take(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  freed_.wait(lock, stop, [&] { return free_ != 0; });
  if (stop.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
  --free_;
}

void BuildSlots::give_back() {
  {
    const std::lock_guard lock(mutex_);
    ++free_;
  }
  freed_.notify_one();
}

SharedBuilds::SharedBuilds(BuildOptions given, Interpreter interpreter, HttpClient& http, Store& given_store,
                           Workers& given_workers, Reporter& given_reporter)
    : options(std::move(given)),
      environments(options.requirements, std::move(interpreter), options.runtime, http, given_store,
                   given_workers, given_reporter),
      store(given_store),
      workers(given_workers),
      reporter(given_reporter),
      passed(passed_to_builds(options.variables, options.named_variables)) {
  for (const auto& [name, value] : options.variables)
    if (name == "PATH") users_path_ = value, tools = tool_folders(value);
}

const std::optional<std::string>& SharedBuilds::setting() {
  std::call_once(setting_once_,
                 [&] { setting_key_ = setting_key_of(options, environments.interpreter(), passed); });
  return setting_key_;
}

const std::string& SharedBuilds::safe_directories() {
  std::call_once(safe_once_, [&] { safe_ = git_settings(options.variables, users_path_); });
  return safe_;
}

const BuildSeal& SharedBuilds::seal() {
  std::call_once(seal_once_, [&] {
    folder_.emplace(store.make_temp("seal"));
    const fs::path program = folder_->path() / "seal";
    write_file_atomically(program, seal_image(), 0755);
    seal_ = possible_seal(program, options.network, reporter);
    const bool sees_processes = seal_.command.empty() || seal_.command.back().find('p') == std::string::npos;
    // Otherwise /proc would show our variables to a build, with passwords that may be in them.
    if (sees_processes) ::prctl(PR_SET_DUMPABLE, 0);
  });
  return seal_;
}

FileLock SharedBuilds::lock(const std::string& what, const std::string& label,
                            const std::stop_token& stop) const {
  const fs::path file = store.layout().builds() / hash_bytes(what).hex;
  make_directories(file.parent_path());
  Wait wait(kNoLimit, [&] { return fmt::format("the build of {} by {}", label, lock_holder(file)); });
  for (;;) {
    if (auto lock = FileLock::try_acquire(file, FileLock::Mode::Exclusive)) return *std::move(lock);
    throw_if_interrupted(stop);
    wait.pause();
  }
}

void SharedBuilds::fail(const std::string& label, std::string reason, std::string output,
                        std::vector<std::string> hints) const {
  if (!output.empty())
    if (std::string withheld = withheld_hint(withheld_from_builds(options.variables, passed), output);
        !withheld.empty())
      hints.push_back(std::move(withheld));
  const BuildFacts facts{.python_minor = environments.interpreter().minor,
                         .isolated = !options.without_isolation,
                         .network = !seal_.closes_network,
                         .hidden = hidden_programs(users_path_)};
  throw build_error({label, std::move(reason), std::move(output), std::move(hints)}, facts, store, reporter);
}

}  // namespace moat
