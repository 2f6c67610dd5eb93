#include "envs/install/earlier_lock.h"

#include "envs/install/read_goal.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/files/toml.h"
#include "resolver/lock/lock_merge.h"
#include "resolver/lock/requirements_lock.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

namespace moat {

EarlierLock versions_of(const Pylock& lock) {
  EarlierLock out{.versions = {}, .pylock = lock, .groups = lock.locked_groups};
  for (const LockedPackage& package : lock.packages)
    if (package.version) out.versions.emplace(package.name, *package.version);
  return out;
}

namespace {

// Of a requirements file.
EarlierLock earlier_pins(const fs::path& path, const std::string& text, const FileTerms& terms,
                         Reporter& reporter) {
  EarlierLock out;
  for (const RootRequirement& root :
       read_goal({.requirement_files = {path.native()}}, terms, reporter).requirements)
    if (const std::optional<Version> version = root.requirement.specifier.pinned_version())
      out.versions.emplace(root.requirement.name, *version);
  out.groups = groups_of_requirements(text);
  return out;
}

// Is it a lock of a newer version? Then it is not damaged, and this moat must not judge its contents.
bool is_of_other_version(const std::string& text) {
  const Expected<TomlTable> table = parse_toml(text);
  const TomlValue* version = table ? find_key(*table, "lock-version") : nullptr;
  return version != nullptr && version->string() != nullptr && !version->string()->starts_with("1.");
}

// One side of a conflict: if git mixed lines of two packages, only the entries that are whole.
std::optional<Pylock> read_side(const std::string& text) {
  Expected<Pylock> lock = parse_pylock(text, "");
  return lock ? std::optional(std::move(*lock)) : readable_packages(text);
}

// A lock with conflicts or damage, as far as its locked versions can be read.
std::optional<Pylock> salvaged(const fs::path& path, const std::string& text, const std::string& why,
                               Reporter& reporter) {
  if (const auto sides = conflict_sides(text)) {
    const std::optional<Pylock> ours = read_side(sides->ours), theirs = read_side(sides->theirs);
    if (ours && theirs) {
      reporter.warn(
          fmt::format("{} has merge conflicts; keeping the versions of both sides, the "
                      "newer one where they differ",
                      path.native()));
      return merge_locks(nullptr, *ours, *theirs);
    }
  }
  if (is_of_other_version(text)) return std::nullopt;
  std::optional<Pylock> lock = readable_packages(text);
  if (!lock) return std::nullopt;
  const std::size_t count = lock->packages.size();
  reporter.warn(fmt::format("{}: {}; keeping the versions of {} {} that can be read", path.native(), why,
                            count, count == 1 ? "package" : "packages"));
  return lock;
}

EarlierLock earlier_pylock(const fs::path& path, const std::string& text, bool upgrade, Reporter& reporter) {
  std::vector<std::string> warnings;
  Expected<Pylock> lock = parse_pylock(text, path.filename().native(), &warnings);
  if (!lock) {
    const std::string why = lock.error().message;
    // A new lock needs nothing from the old one.
    if (!upgrade) {
      if (const auto kept = salvaged(path, text, why, reporter)) return versions_of(*kept);
      throw Error(ErrorKind::BadInput, fmt::format("{}: {}", path.native(), why),
                  {"`moat lock -U` recreates it"});
    }
    reporter.warn(fmt::format("{}: {}; recreating it", path.native(), why));
    return {};
  }
  for (const std::string& warning : warnings) reporter.warn(warning);
  EarlierLock out = versions_of(*lock);
  out.whole = std::make_shared<const Pylock>(std::move(*lock));
  return out;
}

}  // namespace

EarlierLock earlier_lock(const fs::path& path, LockForm form, bool upgrade, const FileTerms& terms,
                         Reporter& reporter) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return {};  // not for /dev/stdout
  std::string text = read_file(path);
  EarlierLock out = form == LockForm::Requirements ? earlier_pins(path, text, terms, reporter)
                                                   : earlier_pylock(path, text, upgrade, reporter);
  out.text = std::move(text);
  return out;
}

}  // namespace moat
