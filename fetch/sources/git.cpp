#include "fetch/sources/git.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "fetch/os/process.h"
#include "resolver/base/base64.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace moat {
namespace {

constexpr std::size_t kMostOutput = std::size_t{64} << 20U;  // of one git
constexpr std::chrono::minutes kPatience{30};  // with another process that fetches the same repository

bool is_whole_commit(std::string_view text) {
  return text.size() == 40 && std::all_of(text.begin(), text.end(), [](char c) {
           return is_ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
         });
}

bool is_part_of_a_commit(std::string_view text) {
  return text.size() >= 4 && text.size() <= 40 && std::all_of(text.begin(), text.end(), [](char c) {
           return is_ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
         });
}

// Variables that make git use another repository than the given one, or run unknown programs.
bool misleads_git(std::string_view name) {
  constexpr std::array<std::string_view, 12> kNames = {
      "GIT_DIR",       "GIT_WORK_TREE",          "GIT_INDEX_FILE",     "GIT_OBJECT_DIRECTORY",
      "GIT_NAMESPACE", "GIT_COMMON_DIR",         "GIT_PREFIX",         "GIT_ALTERNATE_OBJECT_DIRECTORIES",
      "GIT_TRACE",     "GIT_PROTOCOL_FROM_USER", "GIT_ALLOW_PROTOCOL", "GIT_TEMPLATE_DIR"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// Lines that git adds to every failure of the remote side.
bool is_boilerplate(std::string_view line) {
  constexpr std::array<std::string_view, 4> kBegins = {
      "hint:", "fatal: Could not read from remote repository", "Please make sure",
      "and the repository exists"};
  return std::any_of(kBegins.begin(), kBegins.end(),
                     [&](std::string_view begin) { return line.substr(0, begin.size()) == begin; });
}

// The last lines of git's output, joined into one.
std::string said(const std::string& errors) {
  std::vector<std::string> kept;
  for (const std::string_view line : split_lines(errors))
    if (!trim(line).empty() && !is_boilerplate(line)) kept.emplace_back(trim(line));
  if (kept.empty()) return "git could not read from it";
  if (kept.size() > 3) kept.erase(kept.begin(), kept.end() - 3);
  return join(kept, "; ");
}

// Credentials never go into arguments, which everybody on this machine can read: git gets a header for this
// host through the environment. ssh needs the user's name, and asks its own agent for the rest.
std::string argument(const SourceUrl& source) {
  if (source.url.scheme() != "ssh") return source.url.without_credentials().to_string();
  const std::string& userinfo = source.url.userinfo();
  return source.url.with_userinfo(userinfo.substr(0, userinfo.find(':'))).to_string();
}

using Variables = std::vector<std::pair<std::string, std::string>>;

void add_credentials(const SourceUrl& source, Variables& environment) {
  if (source.url.scheme() != "https" || source.url.userinfo().empty()) return;
  const auto counted = std::find_if(environment.begin(), environment.end(),
                                    [](const auto& one) { return one.first == "GIT_CONFIG_COUNT"; });
  const std::size_t count =
      counted == environment.end() ? 0 : std::strtoul(counted->second.c_str(), nullptr, 10);
  if (counted != environment.end()) environment.erase(counted);
  std::string pair = percent_decode(source.url.userinfo());
  if (source.url.userinfo().find(':') == std::string::npos) pair += ":";  // a token
  environment.emplace_back("GIT_CONFIG_COUNT", std::to_string(count + 1));
  environment.emplace_back(fmt::format("GIT_CONFIG_KEY_{}", count),
                           fmt::format("http.{}/.extraHeader", source.url.origin()));
  environment.emplace_back(fmt::format("GIT_CONFIG_VALUE_{}", count),
                           "Authorization: Basic " + to_base64(pair));
}

// The user's own ssh command: in the environment, or in git's settings, which the variable would
// override.
bool has_ssh_command(const std::string& git, const Variables& environment) {
  if (std::any_of(environment.begin(), environment.end(),
                  [](const auto& one) { return one.first == "GIT_SSH_COMMAND" || one.first == "GIT_SSH"; }))
    return true;
  Command command;
  command.argv = {git, "config", "--get", "core.sshCommand"};
  command.directory = "/";  // ignore the settings of the current repository
  command.environment = environment;
  return run_process(command).status == 0;
}

// A submodule's repository, as git keeps it in `.git/modules`: links are copied as links.
void copy_repositories(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::copy_symlinks, failed);
  if (failed) throw_errno("copy", from, failed.value());
}

}  // namespace

Git::Git(GitOptions options, Store& store, Reporter& reporter)
    : options_(std::move(options)), store_(store), reporter_(reporter) {}

std::string Git::find_git() const {
  if (const auto git = find_program("git", options_.path)) return git->string();
  throw Error(ErrorKind::BadInput, "git not found on PATH, but a requirement comes from a git repository",
              {"install it, for example: apt-get install git"});
}

std::filesystem::path Git::mirror_of(const SourceUrl& source) const {
  return store_.layout().git() / hash_bytes(source.url.without_credentials().to_string()).hex;
}

// `local`: reads only from the mirror, which is in the store.
Git::Answer Git::run(const SourceUrl& source, std::vector<std::string> arguments, const std::stop_token& stop,
                     bool local, std::optional<std::chrono::seconds> timeout) const {
  Command command;
  // No hooks of templates, no helpers that watch folders, no upload of anything.
  const std::string git = find_git();
  command.argv = {git,
                  "-c",
                  "core.hooksPath=/dev/null",
                  "-c",
                  "core.fsmonitor=false",
                  "-c",
                  "advice.detachedHead=false",
                  "-c",
                  "gc.auto=0"};
  const bool asks_files = local || source.url.scheme() == "file";
  if (asks_files) command.argv.insert(command.argv.end(), {"-c", "protocol.file.allow=always"});
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  Variables environment;
  for (const auto& [name, value] : options_.environment) {
    if (misleads_git(name) || name == "LC_ALL" || name == "LANGUAGE") continue;
    environment.emplace_back(name, value);
  }
  environment.emplace_back("GIT_TERMINAL_PROMPT", "0");
  environment.emplace_back("GIT_LFS_SKIP_SMUDGE", "1");
  environment.emplace_back("GIT_ALLOW_PROTOCOL", local        ? "file"
                                                 : asks_files ? "file:https:ssh"
                                                              : "https:ssh");
  environment.emplace_back("LC_ALL", "C");
  if (!local) {
    add_credentials(source, environment);
    if (!has_ssh_command(git, environment))
      environment.emplace_back("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
  }
  command.environment = std::move(environment);
  command.timeout = timeout;
  command.most_output = kMostOutput;
  ProcessResult result = run_process(command, stop);
  if (stop.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
  return {result.status, std::move(result.output), std::move(result.errors), result.timed_out};
}

// A few objects may stand for any number of files; listing them takes time, but no memory.
void Git::check_size(const SourceUrl& source, const std::string& commit, const fs::path& repository,
                     const std::stop_token& stop) const {
  const Answer files = run(source, {"-C", repository.native(), "ls-tree", "-r", "-z", "--name-only", commit},
                           stop, true, std::chrono::seconds(60));
  if (files.timed_out || files.output.size() >= kMostOutput)
    throw Error(ErrorKind::Refused,
                fmt::format("{} of {} has more files than are checked out: their names alone take {} MB",
                            commit.substr(0, 12), quote(source.url.display()), kMostOutput >> 20U));
}

PathBeneath Git::lock_of(const SourceUrl& source) const {
  return fs::path(mirror_of(source).native() + ".lock");
}

void Git::make_mirror(const SourceUrl& source, const std::stop_token& stop) const {
  const fs::path mirror = mirror_of(source);
  if (fs::exists(mirror / "HEAD")) return;
  make_directories(mirror.parent_path());
  const TempDir temp = store_.make_temp("git");
  const fs::path fresh = temp.path() / "mirror";
  const Answer answer =
      run(source, {"init", "--quiet", "--bare", "--template=", "--", fresh.native()}, stop, true);
  if (answer.status != 0)
    throw Error(ErrorKind::Disk, "git cannot make a repository in the store: " + said(answer.errors));
  rename_if_absent(fresh, mirror);
}

bool Git::fetch_exactly(const SourceUrl& source, const std::string& refspec,
                        const std::stop_token& stop) const {
  return run(source,
             {"-C", mirror_of(source).native(), "fetch", "--quiet", "--no-tags", "--no-recurse-submodules",
              "--", argument(source), refspec},
             stop)
             .status == 0;
}

void Git::update_mirror(const SourceUrl& source, const std::stop_token& stop) {
  const std::string key = source.url.without_credentials().to_string();
  {
    const std::lock_guard lock(mutex_);
    if (updated_.count(key) != 0) return;
  }
  if (options_.offline) return;
  reporter_.note("git fetch " + source.url.display());
  reporter_.progress("download", source.url.last_segment(), 0, 0);
  const Answer answer = run(source,
                            {"-C", mirror_of(source).native(), "fetch", "--quiet", "--prune", "--force",
                             "--no-recurse-submodules", "--", argument(source), "+refs/heads/*:refs/heads/*",
                             "+refs/tags/*:refs/tags/*", "+HEAD:refs/moat/head"},
                            stop);
  if (answer.status != 0)
    throw Error(ErrorKind::Network,
                fmt::format("cannot read the git repository {}: {}", quote(source.url.display()),
                            said(answer.errors)),
                {"`git ls-remote` with this URL shows whether git may read it"});
  const std::lock_guard lock(mutex_);
  updated_.insert(key);
}

// "" if the mirror has no such commit.
std::string Git::find_commit(const SourceUrl& source, const std::string& name,
                             const std::stop_token& stop) const {
  const Answer answer = run(source,
                            {"-C", mirror_of(source).native(), "rev-parse", "--quiet", "--verify",
                             "--end-of-options", name + "^{commit}"},
                            stop, true);
  const std::string commit(trim(answer.output));
  return answer.status == 0 && is_whole_commit(commit) ? commit : std::string();
}

// A branch wins over a tag of the same name, as in pip.
std::string Git::find_revision(const SourceUrl& source, const std::stop_token& stop) const {
  if (source.revision.empty()) return find_commit(source, "refs/moat/head", stop);
  for (const char* place : {"refs/heads/", "refs/tags/"})
    if (std::string commit = find_commit(source, place + source.revision, stop); !commit.empty())
      return commit;
  if (is_part_of_a_commit(source.revision)) return find_commit(source, source.revision, stop);
  return "";
}

std::string Git::resolve(const SourceUrl& source, const std::stop_token& stop) {
  make_directories(store_.layout().git());
  FileLock lock = FileLock::acquire(lock_of(source), FileLock::Mode::Exclusive, kPatience);
  lock.describe(fmt::format("pid {}: moat fetches {}", ::getpid(), source.url.display()));
  make_mirror(source, stop);
  store_.mark_used(mirror_of(source));
  if (is_whole_commit(source.revision))
    if (std::string commit = find_commit(source, source.revision, stop); !commit.empty()) return commit;
  update_mirror(source, stop);
  if (std::string commit = find_revision(source, stop); !commit.empty()) return commit;
  // A pull request's ref, or a commit that no branch leads to.
  if (!source.revision.empty() && !options_.offline &&
      (source.revision.find('/') != std::string::npos || is_whole_commit(source.revision)) &&
      fetch_exactly(source, "+" + source.revision + ":refs/moat/asked", stop))
    if (std::string commit = find_commit(source, "refs/moat/asked", stop); !commit.empty()) return commit;
  if (options_.offline)
    throw Error(ErrorKind::Offline,
                fmt::format("{} of the git repository {} is not in the store, and moat is offline",
                            source.revision.empty() ? "the default branch" : quote(source.revision),
                            quote(source.url.display())),
                {"run it once without --offline"});
  if (source.revision.empty())
    throw Error(ErrorKind::NotFound,
                fmt::format("the git repository {} has no commits", quote(source.url.display())));
  throw Error(ErrorKind::NotFound,
              fmt::format("the git repository {} has no branch, tag or commit {}",
                          quote(source.url.display()), quote(source.revision)),
              {fmt::format("`git ls-remote {}` lists what there is", source.url.display())});
}

void Git::checkout(const SourceUrl& source, const std::string& commit, const fs::path& into,
                   const std::stop_token& stop, Lasting lasting) {
  const fs::path mirror = mirror_of(source);
  const FileLock lock = FileLock::acquire(lock_of(source), FileLock::Mode::Exclusive, kPatience);
  const auto must = [&](const Answer& answer, std::string_view doing) {
    if (answer.status == 0) return;
    throw Error(ErrorKind::Network, fmt::format("cannot {} {} of {}: {}", doing, commit.substr(0, 12),
                                                quote(source.url.display()), said(answer.errors)));
  };
  must(run(source,
           {"clone", "--quiet", "--no-checkout", lasting == Lasting::ForGood ? "--no-hardlinks" : "--shared",
            "--template=", "--", mirror.native(), into.native()},
           stop, true),
       "clone");
  // Relative URLs of submodules are relative to the real URL of the repository.
  must(run(source, {"-C", into.native(), "remote", "set-url", "origin", argument(source)}, stop, true),
       "clone");
  check_size(source, commit, into, stop);
  must(run(source, {"-C", into.native(), "checkout", "--quiet", "--detach", commit, "--"}, stop, true),
       "check out");
  if (!fs::exists(into / ".gitmodules")) return;

  // git takes a submodule's repository from `.git/modules` if it exists there, and fetches only what is
  // missing. So they are kept next to the mirror.
  const fs::path kept = mirror.native() + ".modules", used = into / ".git" / "modules";
  std::vector<std::string> update{"-C",     into.native(), "submodule",  "--quiet",
                                  "update", "--init",      "--recursive"};
  if (fs::exists(kept)) {
    copy_repositories(kept, used);
    store_.mark_used(kept);
    std::vector<std::string> here = update;
    here.emplace_back("--no-fetch");
    if (run(source, std::move(here), stop, true).status == 0) return;
  }
  if (options_.offline)
    throw Error(ErrorKind::Offline,
                fmt::format("the submodules of {} are not in the store, and moat is offline",
                            quote(source.url.display())),
                {"run it once without --offline"});
  must(run(source, std::move(update), stop), "fetch the submodules for");
  if (!fs::exists(used)) return;  // a .gitmodules that names none
  const TempDir temp = store_.make_temp("git");
  copy_repositories(used, temp.path() / "new");
  if (fs::exists(kept)) fs::rename(kept, temp.path() / "old");
  fs::rename(temp.path() / "new", kept);
}

}  // namespace moat
