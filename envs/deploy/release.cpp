#include "envs/deploy/release.h"

#include "fetch/bytes/hasher.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace moat {
namespace {

using nlohmann::json;

constexpr int kSchema = 1;
constexpr std::chrono::seconds kPatience{60};
constexpr const char *kCurrent = "current", *kReleases = "releases", *kLock = "deploy.lock",
                     *kHistory = "history", *kUnfinished = "unfinished";
// The name of a release while it is being removed.
constexpr std::string_view kRemoved = ".removed-";
constexpr const char* kNextCurrent = ".current-new";

// "0007-3f9a1c2b4d5e"
bool is_folder_name(std::string_view folder) {
  constexpr std::size_t kLeastNumber = 4, kDigest = 12;
  const std::size_t dash = folder.find('-');
  if (dash == folder.npos || dash < kLeastNumber || folder.size() != dash + 1 + kDigest) return false;
  return std::ranges::all_of(folder.substr(0, dash), is_ascii_digit) &&
         std::ranges::all_of(folder.substr(dash + 1),
                             [](char c) { return is_ascii_digit(c) || (c >= 'a' && c <= 'f'); });
}

// Remains of a killed deploy next to its releases. Other names with a dot are the user's, an .env for
// example.
bool is_leftover(std::string_view name) {
  return name == kNextCurrent || name.starts_with(fmt::format("{}-", kIncoming)) ||
         name.starts_with(".tmp-");  // of write_file_atomically
}

fs::file_type type_of(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type();
}

Error not_a_deployment(const fs::path& dest, const std::string& why) {
  return Error(ErrorKind::Refused,
               fmt::format("{} was not made by `moat deploy`: {}", quote(dest.native()), why),
               {"name another folder"});
}

// Links that lead out of the folder are not followed.
void check_place(const fs::path& root) {
  if (type_of(root / kReleases) != fs::file_type::directory)
    throw not_a_deployment(root, "it has no folder `releases`");
  const fs::file_type current = type_of(root / kCurrent);
  if (current != fs::file_type::not_found && current != fs::file_type::symlink)
    throw not_a_deployment(root, "`current` is not a symbolic link");
}

std::string folder_of_link(const fs::path& root) {
  std::error_code error;
  const fs::path target = fs::read_symlink(root / kCurrent, error);
  if (error) return "";
  if (target.parent_path() != kReleases || !is_folder_name(target.filename().native()))
    throw not_a_deployment(root, fmt::format("`current` leads to {}", quote(target.native())));
  return target.filename();
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

int release_number(std::string_view folder) {
  int number = 0;
  std::from_chars(folder.data(), folder.data() + folder.size(), number);
  return number;
}

std::string format_release(const DeployedRelease& release) {
  return json{{"schema", kSchema},
              {"release", release.folder},
              {"number", release.number},
              {"digest", release.digest},
              {"name", release.name},
              {"version", release.version},
              {"python", release.python},
              {"created", release.created},
              {"deployed", release.deployed},
              {"signed_by", release.signed_by},
              {"files", release.files}}
             .dump(2) +
         "\n";
}

Expected<DeployedRelease> parse_release(std::string_view text, std::string_view folder) {
  const json value = json::parse(text, nullptr, false);
  try {
    if (value.at("schema") != kSchema) return parse_error("its schema is not known");
    DeployedRelease out{.folder = value.at("release").get<std::string>(),
                        .number = value.at("number").get<int>(),
                        .digest = value.at("digest").get<std::string>(),
                        .name = value.at("name").get<std::string>(),
                        .version = value.at("version").get<std::string>(),
                        .python = value.at("python").get<std::string>(),
                        .created = value.at("created").get<std::int64_t>(),
                        .deployed = value.at("deployed").get<std::int64_t>(),
                        .signed_by = value.at("signed_by").get<std::string>(),
                        .files = value.at("files").get<std::map<std::string, std::string>>()};
    if (out.folder != folder || out.number != release_number(folder))
      return parse_error("it is about another release");
    return out;
  } catch (const json::exception&) {
    return parse_error("it is damaged");
  }
}

std::string format_attempt(const Attempt& attempt) {
  json out{{"time", attempt.time},
           {"user", attempt.user},
           {"action", attempt.action},
           {"source", attempt.source},
           {"release", attempt.release},
           {"digest", attempt.digest},
           {"result", attempt.result == AttemptResult::Live ? "live" : "failed"},
           {"milliseconds", attempt.milliseconds}};
  if (!attempt.reason.empty()) out["reason"] = attempt.reason;
  return out.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::optional<Attempt> parse_attempt(std::string_view line) {
  const json value = json::parse(line, nullptr, false);
  try {
    return Attempt{.time = value.at("time").get<std::int64_t>(),
                   .user = value.at("user").get<std::string>(),
                   .action = value.at("action").get<std::string>(),
                   .source = value.at("source").get<std::string>(),
                   .release = value.at("release").get<std::string>(),
                   .digest = value.at("digest").get<std::string>(),
                   .result = value.at("result") == "live" ? AttemptResult::Live : AttemptResult::Failed,
                   .reason = value.value("reason", ""),
                   .milliseconds = value.at("milliseconds").get<std::int64_t>()};
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

// --- looking ---

Deployment Deployment::open(const fs::path& dest) {
  std::error_code error;
  const fs::path root = fs::canonical(dest, error);
  if (error || type_of(root / kReleases) == fs::file_type::not_found)
    throw Error(ErrorKind::NoEnvironment, fmt::format("nothing was deployed to {}", quote(dest.native())),
                {fmt::format("moat deploy BUNDLE {}", dest.native())});
  check_place(root);
  return Deployment(root);
}

std::vector<DeployedRelease> Deployment::releases() const {
  std::vector<DeployedRelease> out;
  for (const std::string& name : names_in(root_ / kReleases)) {
    if (!is_folder_name(name)) continue;
    const auto text = read_file_if_exists(folder_of(name) / kReleaseFile);
    if (!text) continue;
    if (Expected<DeployedRelease> release = parse_release(*text, name)) out.push_back(std::move(*release));
  }
  std::sort(out.begin(), out.end(),
            [](const DeployedRelease& a, const DeployedRelease& b) { return a.number < b.number; });
  return out;
}

bool was_ever_live(std::string_view release, const std::vector<Attempt>& attempts) {
  return std::ranges::any_of(attempts, [&](const Attempt& attempt) {
    return attempt.release == release && attempt.result == AttemptResult::Live;
  });
}

std::vector<std::string> Deployment::incomplete() const {
  std::vector<std::string> out;
  const std::string live = live_folder();
  const std::vector<Attempt> all = attempts();
  for (const std::string& name : names_in(root_ / kReleases)) {
    // A release that was never live is being deployed, or a killed deploy left it for the next to remove.
    if (!is_folder_name(name) || (name != live && !was_ever_live(name, all))) continue;
    const auto text = read_file_if_exists(folder_of(name) / kReleaseFile);
    if (!text || !parse_release(*text, name)) out.push_back(name);
  }
  std::ranges::sort(out);
  return out;
}

std::optional<DeployedRelease> Deployment::find(int number) const {
  for (DeployedRelease& release : releases())
    if (release.number == number) return std::move(release);
  return std::nullopt;
}

std::string Deployment::live_folder() const { return folder_of_link(root_); }

std::optional<DeployedRelease> Deployment::live() const {
  const std::string folder = folder_of_link(root_);
  if (folder.empty()) return std::nullopt;
  const auto text = read_file_if_exists(folder_of(folder) / kReleaseFile);
  Expected<DeployedRelease> release = text ? parse_release(*text, folder) : parse_error("it is missing");
  if (!release)
    throw Error(
        ErrorKind::BadInput,
        fmt::format("{}: {}", quote((folder_of(folder) / kReleaseFile).native()), release.error().message),
        {fmt::format("moat deploy rollback {}", root_.native())});
  return std::move(*release);
}

std::vector<Attempt> Deployment::attempts() const {
  std::vector<Attempt> out;
  const std::string text = read_file_if_exists(root_ / kHistory).value_or("");
  for (const std::string_view line : split_lines(text))
    if (auto attempt = parse_attempt(line)) out.push_back(std::move(*attempt));
  return out;
}

std::optional<Unfinished> Deployment::unfinished() const {
  const auto text = read_file_if_exists(root_ / kUnfinished);
  if (!text) return std::nullopt;
  const json value = json::parse(*text, nullptr, false);
  try {
    return Unfinished{value.at("from").get<std::string>(), value.at("to").get<std::string>()};
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

// --- changing ---

DeploymentChange DeploymentChange::begin(const fs::path& dest, const std::string& command) {
  make_directories(dest);
  std::error_code error;
  const fs::path root = fs::canonical(dest, error);
  if (error) throw_errno("find", dest, error.value());
  const bool is_new = type_of(root / kReleases) == fs::file_type::not_found;
  // A deploy that was killed at its very beginning may have left its lock.
  if (is_new)
    for (const std::string& name : names_in(root))
      if (name != kLock) throw not_a_deployment(root, fmt::format("it holds {}", quote(name)));
  FileLock lock = FileLock::acquire({root, kLock}, FileLock::Mode::Exclusive, kPatience);
  lock.describe(fmt::format("pid {}: {}", ::getpid(), command));
  make_directories(root / kReleases);
  check_place(root);
  DeploymentChange change(root, std::move(lock));
  change.sweep();
  return change;
}

void DeploymentChange::sweep() const {
  for (const std::string& name : names_in(root_))
    if (is_leftover(name)) remove_tree(root_ / name);
  const std::string live = folder_of_link(root_);
  // Killed before the switch: the live release was confirmed before.
  if (const auto mark = unfinished(); mark && mark->to != live) set_unfinished(std::nullopt);
  for (const std::string& name : names_in(root_ / kReleases)) {
    const bool complete =
        is_folder_name(name) && type_of(folder_of(name) / kReleaseFile) == fs::file_type::regular;
    if (!complete && name != live && (name.starts_with('.') || is_folder_name(name))) remove(name);
  }
}

int DeploymentChange::next_number() const {
  int number = 0;
  for (const std::string& name : names_in(root_ / kReleases))
    if (is_folder_name(name)) number = std::max(number, release_number(name));
  for (const Attempt& attempt : attempts()) number = std::max(number, release_number(attempt.release));
  return number + 1;
}

void DeploymentChange::switch_to(const std::string& folder) const {
  if (folder.empty()) {
    std::error_code gone;
    fs::remove(root_ / kCurrent, gone);
    sync_directory(root_);
    return;
  }
  const fs::path aside = root_ / kNextCurrent;
  std::error_code error;
  fs::remove(aside, error);
  fs::create_symlink(fs::path(kReleases) / folder, aside, error);
  if (error) throw_errno("make", aside, error.value());
  rename_over(aside, root_ / kCurrent);
  sync_directory(root_);
}

void DeploymentChange::append(const Attempt& attempt) const {
  const fs::path path = root_ / kHistory;
  const UniqueFd file = open_file(path, O_RDWR | O_CREAT | O_APPEND);
  // Keeps a line that a crash cut off separate from the next one.
  char last = '\n';
  const off_t end = ::lseek(file.get(), 0, SEEK_END);
  if (end > 0 && ::pread(file.get(), &last, 1, end - 1) != 1) throw_errno("read", path, errno);
  write_all(file.get(), (last == '\n' ? "" : "\n") + format_attempt(attempt), path);
  if (::fsync(file.get()) != 0) throw_errno("sync", path, errno);
}

void DeploymentChange::set_unfinished(const std::optional<Unfinished>& unfinished) const {
  const fs::path path = root_ / kUnfinished;
  if (unfinished) {
    write_file_atomically(path, json{{"from", unfinished->from}, {"to", unfinished->to}}.dump() + "\n", 0666,
                          Durability::Synced);
    return;
  }
  std::error_code gone;
  fs::remove(path, gone);
}

void DeploymentChange::remove(const std::string& folder) const {
  fs::path path = folder_of(folder);
  if (!folder.starts_with('.')) {
    const fs::path grave = folder_of(fmt::format("{}{}", kRemoved, folder));
    remove_tree(grave);
    rename_over(path, grave);
    path = grave;
  }
  remove_tree(path);
}

bool is_in_use(const fs::path& folder) {
  std::error_code error;
  const std::string inside = folder.native() + "/";
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    if (!is_ascii_digit(it->path().filename().native().front())) continue;
    std::error_code gone;
    if (fs::read_symlink(it->path() / "exe", gone).native().starts_with(inside)) return true;
  }
  return false;
}

}  // namespace moat
