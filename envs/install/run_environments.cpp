#include "envs/install/run_environments.h"

#include "envs/install/install_plan.h"
#include "envs/install/key_text.h"
#include "envs/project/project_stamp.h"
#include "fetch/os/disk_usage.h"
#include "fetch/os/leftovers.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <system_error>
#include <utility>

namespace moat {
namespace {

constexpr std::chrono::hours kAnswerHolds{24};
constexpr std::chrono::minutes kPatienceWithMaker{10};

fs::path folder(const fs::path& store) { return store / "environments"; }
fs::path answers(const fs::path& store) { return folder(store) / "answers"; }

void add_python(KeyText& key, const Interpreter& python) {
  key.add(python.executable.native()).add(python.version).add(python.ext_suffix).add(python.magic);
}

// Of single lines.
void add_config_settings(KeyText& key, const Goal& goal) {
  key.count(goal.config_settings.size());
  for (const auto& [name, settings] : goal.config_settings) {
    key.add(name.normalized()).count(settings.size());
    for (const auto& [option, value] : settings) key.add(option).add(value);
  }
}

std::string question_key(const RunQuestion& question, const InstallRequest& terms) {
  KeyText key;
  key.add(MOAT_VERSION);
  add_python(key, question.interpreter);
  key.add(question.goal.requirements).add(question.goal.constraints).add(question.goal.overrides);
  key.count(question.preferences.size());
  for (const auto& [name, version] : question.preferences)
    key.add(name.normalized()).add(version.to_string());
  add_config_settings(key, question.goal);
  return key.add(digest_of(terms)).digest();
}

// When anything in a folder last changed: a rebuild may give another package.
std::string newest_change(const fs::path& tree) {
  fs::file_time_type newest{};
  std::error_code error;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(tree, error))
    newest = std::max(newest, entry.last_write_time(error));
  return std::to_string(newest.time_since_epoch().count());
}

// The result of a build depends on its settings.
std::string answer_key(const RunQuestion& question, const Resolution& resolution,
                       const InstallRequest& terms) {
  KeyText key;
  add_python(key, question.interpreter);
  const bool is_built = std::ranges::any_of(
      resolution.packages, [](const ResolvedPackage& package) { return !package.file.wheel; });
  if (is_built) {
    key.add(digest_of(terms.build));
    add_config_settings(key, question.goal);
  }
  for (const ResolvedPackage& package : resolution.packages) {
    key.add(package.name.normalized()).add(package.version.to_string()).add(package.file.artifact.filename);
    for (const Digest& digest : package.file.artifact.digests) key.add(digest.to_string());
    if (package.file.artifact.digests.empty()) key.add(package.file.artifact.url.to_string());
    if (const SourceUrl* const source = package.file.direct.get()) {
      key.add(pinned_text(*source));
      // For an editable, only the files used by its build count.
      if (question.goal.editables.count(package.name) != 0)
        key.add(project_digest(source->url.file_path(), {}));
      else if (source->kind == SourceKind::Directory)
        key.add(newest_change(source->url.file_path()));
    }
  }
  return key.digest();
}

// A local file may have changed the next time.
bool may_change(const std::vector<RootRequirement>& lines) {
  return std::any_of(lines.begin(), lines.end(), [](const RootRequirement& line) {
    return line.requirement.url && line.requirement.url->substr(0, 5) == "file:";
  });
}

// Age of a file by its time of change; nullopt where it is not there.
std::optional<std::chrono::seconds> age_of(const fs::path& path) {
  std::error_code error;
  const fs::file_time_type then = fs::last_write_time(path, error);
  if (error) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::seconds>(fs::file_time_type::clock::now() - then);
}

void touch(const fs::path& path) {
  std::error_code ignored;
  fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
}

PathBeneath lock_of(const std::string& key, const fs::path& store) {
  return {folder(store), fs::path(key) / "lock"};
}

// The environment, if it exists; from here on it cannot be removed.
std::optional<RunEnvironment> find_environment(const std::string& key, const fs::path& store) {
  const fs::path here = folder(store) / key;
  if (!Environment::exists_at(here / "env")) return std::nullopt;
  FileLock lock = FileLock::acquire(lock_of(key, store), FileLock::Mode::Shared, kPatienceWithMaker);
  if (!Environment::exists_at(here / "env")) return std::nullopt;  // swept while we waited
  touch(here / "lock");
  return RunEnvironment{here / "env", std::move(lock)};
}

// The answer of an earlier run to the same question.
std::optional<RunAnswer> find_answer(const std::string& question, const fs::path& store) {
  const fs::path path = answers(store) / question;
  const std::optional<std::string> text = read_file_if_exists(path);
  const std::optional<std::chrono::seconds> age = age_of(path);
  if (!text || !age) return std::nullopt;
  const std::string_view key = trim(*text);
  const bool valid = key.size() == 32 && std::all_of(key.begin(), key.end(), is_ascii_alnum);
  return valid ? std::optional(RunAnswer{std::string(key), *age}) : std::nullopt;
}

// Same steps as `create`.
void make_environment(const fs::path& root, const RunQuestion& question, const Resolution& resolution,
                      const RunTools& with) {
  const Tools& tools = with.wheels.tools;
  const std::shared_future<Runtime> runtime = begin_async([&] {
    return obtain_runtime(question.interpreter, tools.store, tools.workers, tools.reporter,
                          with.place.compile);
  });
  const bool compiles = with.place.compile == Compile::Now;
  TransactionRequest request;
  if (!resolution.packages.empty())
    request = with_wheels(plan_install(question.goal, resolution, {}, false), {}, false,
                          compiles ? runtime : std::shared_future<Runtime>(), with.wheels);
  const auto fill = [&](const Environment& staged) {
    if (!request.install.empty())
      apply(std::move(request), staged, with.place, tools.store, tools.workers, tools.reporter);
  };
  create_environment({.root = root,
                      .prompt = question.name,
                      .link_mode = with.place.link_mode,
                      .durable = with.place.durable,
                      .fill = fill},
                     runtime.get(), tools.workers);
}

RunEnvironment make_or_find(const std::string& key, const RunQuestion& question, const Resolution& resolution,
                            const fs::path& store, const RunTools& with) {
  bool is_new = false;
  for (;;) {
    if (auto found = find_environment(key, store)) {
      found->is_new = is_new;
      return std::move(*found);
    }
    const fs::path here = folder(store) / key;
    make_directories(folder(store));
    make_directories_beneath(here);
    FileLock making = FileLock::acquire(lock_of(key, store), FileLock::Mode::Exclusive, kPatienceWithMaker);
    making.describe(fmt::format("pid {}: {}", ::getpid(), with.place.reason));
    if (Environment::exists_at(here / "env")) continue;  // another command was faster
    make_environment(here / "env", question, resolution, with);
    is_new = true;
  }
}

}  // namespace

void RunEnvironment::pass_on() const {
  const fs::path path = root.parent_path() / "lock";
  // Not closed at exec, on purpose: the lock goes with the descriptor. While ours is held this one is free.
  const int fd = ::open(path.c_str(), O_RDONLY);  // NOLINT(android-cloexec-open)
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  if (fd < 0 || ::fcntl(fd, F_OFD_SETLK, &lock) != 0) throw_errno("lock", path, errno);
}

bool AskedRun::holds() const { return before && before->age < kAnswerHolds; }

AskedRun ask_earlier_runs(const RunQuestion& question, const InstallRequest& terms, const fs::path& store) {
  AskedRun asked{.key = question_key(question, terms)};
  asked.is_lasting =
      !question.lock && question.goal.unnamed.empty() && !may_change(question.goal.requirements);
  if (asked.is_lasting) asked.before = find_answer(asked.key, store);
  return asked;
}

std::optional<RunEnvironment> find_answered(const AskedRun& asked, const fs::path& store) {
  return asked.before ? find_environment(asked.before->key, store) : std::nullopt;
}

RunEnvironment make_run_environment(const AskedRun& asked, const RunQuestion& question,
                                    const Resolution& resolution, const InstallRequest& terms,
                                    const fs::path& store, const RunTools& with) {
  const std::string key = answer_key(question, resolution, terms);
  RunEnvironment made = make_or_find(key, question, resolution, store, with);
  if (asked.is_lasting) {
    make_directories(answers(store));
    write_file_atomically(answers(store) / asked.key, key + "\n");
  }
  return made;
}

bool is_run_environment(const fs::path& root, const fs::path& store) {
  std::error_code ignored;
  return fs::equivalent(root.parent_path().parent_path(), folder(store), ignored);
}

RunEnvironmentUsage run_environments_size(const fs::path& store) {
  RunEnvironmentUsage usage;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder(store), error)) {
    if (entry.path().filename() == "answers") continue;
    ++usage.count;
    usage.bytes += disk_bytes(entry.path());
  }
  return usage;
}

RunEnvironmentUsage sweepable_run_environments(const fs::path& store, std::chrono::seconds older_than) {
  RunEnvironmentUsage unused;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder(store), error)) {
    const PathBeneath lock = lock_of(entry.path().filename(), store);
    const std::optional<std::chrono::seconds> age = age_of(lock.path());
    if (!age || *age < older_than || !FileLock::try_acquire(lock, FileLock::Mode::Shared)) continue;
    unused.bytes += disk_bytes(entry.path());
    ++unused.count;
  }
  return unused;
}

RunEnvironmentUsage sweep_run_environments(const fs::path& store, std::chrono::seconds older_than) {
  RunEnvironmentUsage swept;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder(store), error)) {
    sweep_leftovers(entry.path());
    const PathBeneath lock = lock_of(entry.path().filename(), store);
    const std::optional<std::chrono::seconds> age = age_of(lock.path());
    if (!age || *age < older_than) continue;
    const std::optional<FileLock> ours = FileLock::try_acquire(lock, FileLock::Mode::Exclusive);
    if (!ours) continue;  // something runs in it
    swept.bytes += disk_bytes(entry.path());
    ++swept.count;
    // The environment first: a command that waits for the lock then sees that it is gone.
    make_directories(store / "tmp");
    const TempDir grave(store / "tmp", "swept");
    rename_over(entry.path(), grave.path() / "entry");
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(answers(store), error))
    if (const auto answer = find_answer(entry.path().filename().native(), store);
        !answer || !Environment::exists_at(folder(store) / answer->key / "env"))
      fs::remove(entry.path(), error);
  return swept;
}

}  // namespace moat
