#include "fetch/store/store.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/disk_usage.h"
#include "fetch/os/interrupt.h"
#include "fetch/os/roomy_directory.h"
#include "fetch/store/store_manifest.h"
#include "fetch/store/wheel_addition.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <utility>

namespace moat {

namespace {

constexpr std::chrono::seconds kPatienceWithPrune{300};
constexpr std::chrono::hours kRubbishAge{24};

std::int64_t unix_now() { return static_cast<std::int64_t>(::time(nullptr)); }

constexpr std::string_view kCacheTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This directory is a cache of moat; it may be deleted, and comes back as needed.\n"
    "# For information about cache directory tags see https://bford.info/cachedir/\n";

// The structure of each part of the store, for usage() and prune().
enum class Shape {
  Entries,        // one directory each:            wheels/<sha256>/
  NestedEntries,  // one directory each, one below: pycs/<sha256>/<key>/
  Files,          // files at any depth
};
struct Part {
  std::string_view name;
  Shape shape;
};
constexpr std::array kParts = {
    Part{"wheels", Shape::Entries}, Part{"pycs", Shape::NestedEntries}, Part{"runtimes", Shape::Entries},
    Part{"spares", Shape::Entries}, Part{"interpreters", Shape::Files}, Part{"links", Shape::Files},
    Part{"index", Shape::Files},    Part{"metadata", Shape::Files},     Part{"builds", Shape::Files},
    Part{"logs", Shape::Files},     Part{"originals", Shape::Files},    Part{"sources", Shape::Entries},
    Part{"git", Shape::Entries},    Part{"jobs", Shape::Files},         Part{"tmp", Shape::Entries},
};

// Entries of the store may vanish at any time: an error while reading one counts as "no longer there".
std::vector<fs::path> children(const fs::path& directory) {
  std::vector<fs::path> found;
  std::error_code gone;
  for (fs::directory_iterator it(directory, gone), end; !gone && it != end; it.increment(gone))
    found.push_back(it->path());
  return found;
}

std::vector<fs::path> files_below(const fs::path& directory) {
  std::vector<fs::path> found;
  std::error_code gone;
  for (fs::recursive_directory_iterator it(directory, gone), end; !gone && it != end; it.increment(gone))
    if (it->symlink_status(gone).type() != fs::file_type::directory) found.push_back(it->path());
  return found;
}

std::vector<fs::path> entries_of(const fs::path& root, const Part& part) {
  const fs::path directory = root / part.name;
  switch (part.shape) {
    case Shape::Entries:
      return children(directory);
    case Shape::Files:
      return files_below(directory);
    case Shape::NestedEntries:
      break;
  }
  std::vector<fs::path> found;
  for (const fs::path& outer : children(directory))
    for (fs::path& inner : children(outer)) found.push_back(std::move(inner));
  return found;
}

// Directories: when they were marked or made. Files: also when they were read.
std::int64_t last_use(const fs::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return 0;
  return S_ISDIR(status.st_mode) ? status.st_mtime : std::max(status.st_mtime, status.st_atime);
}

bool looks_untouched(const struct stat& status, const StoredFile& file) {
  return S_ISREG(status.st_mode) && static_cast<std::uint64_t>(status.st_size) == file.size &&
         status.st_mtim.tv_sec == file.mtime && status.st_mtim.tv_nsec == 0 && status.st_ino == file.inode &&
         ((status.st_mode & S_IXUSR) != 0) == file.executable;
}

// The paths of files that no longer look as they did when they were added.
std::vector<StoredFile*> touched_files(StoredWheel& wheel) {
  std::vector<StoredFile*> touched;
  const UniqueFd tree(::open(wheel.tree.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (StoredFile& file : wheel.files) {
    struct stat status {};
    if (!tree || ::fstatat(tree.get(), file.path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !looks_untouched(status, file))
      touched.push_back(&file);
  }
  return touched;
}

// Does the file have the right contents? If so, records how it looks now.
bool holds(const fs::path& tree, StoredFile& file) {
  const fs::path path = tree / file.path;
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  if (((status.st_mode & S_IXUSR) != 0) != file.executable) return false;
  try {
    if (hash_file(path) != file.digest) return false;
  } catch (const Error&) {
    return false;  // unreadable, so unusable
  }
  file.mtime = status.st_mtim.tv_sec;
  file.inode = status.st_ino;
  return true;
}

// Prevents accidental writes into an entry. Directories stay writable, so that `rm -rf` works.
void make_files_read_only(const fs::path& tree) {
  for (const fs::path& path : files_below(tree)) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) throw_errno("look at", path, errno);
    constexpr mode_t kWrite = S_IWUSR | S_IWGRP | S_IWOTH;
    if (S_ISREG(status.st_mode) && (status.st_mode & kWrite) != 0 &&
        ::chmod(path.c_str(), status.st_mode & 07777U & ~kWrite) != 0)
      throw_errno("change the mode of", path, errno);
  }
}

}  // namespace

// --- the store itself ---

namespace {

// HOME may be `/`, or belong to another user: the default place does not suit everybody.
void make_root(const fs::path& root) {
  std::error_code failure;
  fs::create_directories(root, failure);
  if (!failure) return;
  throw Error(ErrorKind::Disk,
              fmt::format("cannot create the store {}: {}", quote(root.native()), failure.message()),
              {"choose a folder you can write to: MOAT_STORE_DIR=/path/to/store moat …",
               "MOAT_HOME=/path/to/folder moat … also moves named environments and settings there"});
}

}  // namespace

Store::Store(fs::path root) : layout_{std::move(root)}, urls_(layout_.links()) {
  make_root(layout_.root);
  lock_ = FileLock::acquire(layout_.lock(), FileLock::Mode::Shared, kPatienceWithPrune);
  prepare();
}

void Store::prepare() const {
  refuse_links();
  const fs::path format = layout_.root / "format";
  const std::string ours = fmt::format("{}\n", kStoreFormat);
  auto found = read_file_if_exists(format);
  if (found && trim(*found).empty()) found.reset();  // what a power failure leaves of one that was not synced
  if (found && *found != ours)
    throw Error(ErrorKind::BadInput,
                fmt::format("the store {} has format {}, and this moat knows format {}",
                            quote(layout_.root.native()), quote(trim(*found)), kStoreFormat),
                {"use the newer moat, or choose another store with --store-dir or MOAT_STORE_DIR"});
  if (!found) {
    std::error_code ignored;
    // Entries are made in tmp/, so they are in its part of the disk.
    if (!fs::exists(layout_.tmp(), ignored)) make_roomy_directory(layout_.tmp());
    write_file_atomically(layout_.root / "CACHEDIR.TAG", kCacheTag);
    write_file_atomically(format, ours, 0666, Durability::Synced);
  }
  for (const char* part : {"wheels", "links", "tmp"}) make_directories(layout_.root / part);
  const std::int64_t oldest = unix_now() - std::chrono::seconds(kRubbishAge).count();
  for (const fs::path& rubbish : children(layout_.tmp()))
    if (last_use(rubbish) < oldest) remove_tree_quietly(rubbish);
}

// Writes into a part of the store must not land elsewhere. A store on a larger disk is a link itself; and
// stores may share the runtimes, the largest part, by a link that this user or root made.
void Store::refuse_links() const {
  const UniqueFd root = open_file(layout_.root, O_PATH | O_DIRECTORY);
  const auto refuse_link = [&](std::string_view part) {
    struct stat status {};
    if (::fstatat(root.get(), part.data(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(status.st_mode))
      return;
    if (part == "runtimes" && (status.st_uid == ::geteuid() || status.st_uid == 0)) return;
    throw Error(ErrorKind::Refused,
                fmt::format("{} is a symbolic link, and nothing of a store may lead out of it",
                            quote((layout_.root / part).native())),
                {"remove the link; to keep the store on another disk, set MOAT_STORE_DIR"});
  };
  for (const Part& part : kParts) refuse_link(part.name);
  for (const char* part : {"index/http", "index/pages", "index/locks", "environments"}) refuse_link(part);
}

void Store::mark_used(const fs::path& entry) const noexcept {
  ::utimensat(AT_FDCWD, entry.c_str(), nullptr,
              0);  // only a hint for prune; may fail for another user's store
}

TempDir Store::make_temp(std::string_view prefix) const { return TempDir(layout_.tmp(), prefix); }

void Store::publish(const fs::path& from, const fs::path& entry) const {
  make_files_read_only(from);
  const fs::path folder = entry.parent_path().lexically_relative(layout_.root), part = *folder.begin();
  make_directories(layout_.root / part);
  if (folder != part) make_directories_beneath({layout_.root / part, folder.lexically_relative(part)});
  mark_used(from);
  if (!rename_if_absent(from, entry)) remove_tree_quietly(from);
}

void Store::replace(const fs::path& from, const fs::path& entry) const {
  make_files_read_only(from);
  mark_used(from);
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, entry.c_str(), RENAME_EXCHANGE) == 0) return;
  // The file system cannot exchange, or the entry was pruned meanwhile.
  const TempDir grave = make_temp("replaced");
  if (::rename(entry.c_str(), (grave.path() / "entry").c_str()) != 0 && errno != ENOENT)
    throw_errno("replace", entry, errno);
  if (!rename_if_absent(from, entry)) remove_tree_quietly(from);
}

void Store::drop(const fs::path& entry) const {
  const TempDir grave = make_temp("dropped");
  if (::rename(entry.c_str(), (grave.path() / "entry").c_str()) != 0 && errno != ENOENT)
    throw_errno("remove the damaged entry", entry, errno);
}

// --- wheels ---

std::optional<StoredWheel> Store::read_entry(const Digest& sha256) const {
  const fs::path entry = layout_.wheel(sha256);
  const auto text = read_file_if_exists(entry / "manifest");
  if (!text) return std::nullopt;
  refuse_newer_entry(*text, entry);
  auto wheel = parse_wheel_manifest(*text);
  if (!wheel) return std::nullopt;
  wheel->digest = sha256;
  wheel->tree = entry / "tree";
  return std::move(*wheel);
}

std::optional<StoredWheel> Store::find_wheel(const Digest& sha256) const {
  const fs::path entry = layout_.wheel(sha256);
  auto wheel = read_entry(sha256);
  if (!wheel) {
    std::error_code unknown;
    if (fs::exists(entry, unknown)) drop(entry);
    return std::nullopt;
  }
  const auto touched = touched_files(*wheel);
  if (!std::all_of(touched.begin(), touched.end(),
                   [&](StoredFile* file) { return holds(wheel->tree, *file); })) {
    drop(entry);
    return std::nullopt;
  }
  // In a copied or restored store every file looks different: the new state is recorded, so that it is hashed
  // only once.
  if (!touched.empty() && ::access(entry.c_str(), W_OK) == 0)
    write_file_atomically(entry / "manifest", format_wheel_manifest(*wheel));
  mark_used(entry);
  return wheel;
}

StoredWheel Store::admit(const fs::path& entry, StoredWheel wheel) const {
  return admit_wheel(entry, std::move(wheel), *this);
}

StoredWheel Store::add_wheel(const fs::path& wheel_file, const WheelFilename& name, std::string_view filename,
                             const Digest& sha256, Workers& workers) {
  WheelAddition addition(layout_, {wheel_file, name, std::string(filename), sha256}, unix_now());
  addition.begin();
  workers.for_each(addition.slices(), [&](std::size_t slice) { addition.unpack(slice); });
  StoredWheel stored = addition.finish();
  return admit(addition.entry(), std::move(stored));
}

namespace {

// The state of one begin_add_wheel(). The last unit to end reports the result.
class SharedAddition {
 public:
  SharedAddition(const StoreLayout& layout, WheelToAdd wheel, std::stop_token stop,
                 std::function<StoredWheel(WheelAddition&)> admit, std::function<void(Store::Added)> done)
      : addition_(std::in_place, layout, std::move(wheel), unix_now()),
        stop_(std::move(stop)),
        admit_(std::move(admit)),
        done_(std::move(done)) {}

  static void begin(const std::shared_ptr<SharedAddition>& self, Workers& workers) {
    self->guarded([&] { self->addition_->begin(); });
    const std::size_t slices = self->failed_ ? 0 : self->addition_->slices();
    // One more than slices: this unit counts too, so that no slice is the last one before all are submitted.
    self->left_ = slices + 1;
    for (std::size_t slice = 0; slice < slices; ++slice)
      workers.submit([self, slice] {
        self->guarded([&] { self->addition_->unpack(slice); });
        self->one_ended();
      });
    self->one_ended();
  }

 private:
  template <class F>
  void guarded(F&& work) {
    if (failed_) return;
    try {
      if (stop_.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
      work();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      failed_ = true;
    }
  }

  void one_ended() {
    if (--left_ != 0) return;
    std::optional<StoredWheel> stored;
    guarded([&] { stored = admit_(*addition_); });
    addition_.reset();  // removes its files before anybody is told of the end
    done_(stored ? Store::Added(std::move(*stored)) : Store::Added(error_));
  }

  std::optional<WheelAddition> addition_;
  std::stop_token stop_;
  std::function<StoredWheel(WheelAddition&)> admit_;
  std::function<void(Store::Added)> done_;
  std::atomic<std::size_t> left_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace

void Store::begin_add_wheel(WheelToAdd wheel, Workers& workers, std::stop_token stop,
                            std::function<void(Added)> done) {
  auto shared = std::make_shared<SharedAddition>(
      layout_, std::move(wheel), std::move(stop),
      [this](WheelAddition& addition) {
        StoredWheel stored = addition.finish();
        return admit(addition.entry(), std::move(stored));
      },
      std::move(done));
  workers.submit([shared, &workers] { SharedAddition::begin(shared, workers); });
}

// --- links ---

std::optional<Digest> Store::linked(std::string_view key) const {
  const auto text = read_file_if_exists(layout_.links() / hash_bytes(key).hex);
  if (!text) return std::nullopt;
  auto digest = Digest::parse(trim(*text));
  return digest && digest->algorithm == "sha256" ? std::optional(std::move(*digest)) : std::nullopt;
}

void Store::link(std::string_view key, const Digest& sha256) const {
  write_file_atomically(layout_.links() / hash_bytes(key).hex, sha256.to_string() + "\n");
}

// --- house-keeping ---

std::vector<StoreUsage> Store::usage() const {
  std::vector<StoreUsage> usage;
  for (const Part& part : kParts) {
    StoreUsage use{.kind = std::string(part.name)};
    for (const fs::path& entry : entries_of(layout_.root, part)) {
      ++use.entries;
      use.bytes += disk_bytes(entry);
    }
    usage.push_back(std::move(use));
  }
  return usage;
}

std::vector<StoredWheel> Store::list_wheels() const {
  std::vector<StoredWheel> wheels;
  for (const fs::path& entry : children(layout_.root / "wheels"))
    if (const auto digest = Digest::parse("sha256", entry.filename().string()))
      if (auto wheel = read_entry(*digest)) wheels.push_back(std::move(*wheel));
  std::sort(wheels.begin(), wheels.end(), [](const StoredWheel& a, const StoredWheel& b) {
    return std::tie(a.filename, a.digest) < std::tie(b.filename, b.digest);
  });
  return wheels;
}

std::vector<Store::Damage> Store::verify_wheels(Workers& workers, bool repair) const {
  const std::vector<fs::path> entries = children(layout_.root / "wheels");
  std::vector<std::optional<Damage>> found(entries.size());
  workers.for_each(entries.size(), [&](std::size_t i) {
    const auto digest = Digest::parse("sha256", entries[i].filename().string());
    auto wheel = digest ? read_entry(*digest) : std::nullopt;
    if (!wheel) {
      found[i] = Damage{entries[i], "its manifest is damaged"};
      return;
    }
    std::vector<std::string> changed;
    for (StoredFile& file : wheel->files)
      if (!holds(wheel->tree, file)) changed.push_back(file.path);
    if (!changed.empty())
      found[i] = Damage{entries[i], fmt::format("{} of {}: changed", listing(changed), wheel->filename)};
  });
  std::vector<Damage> damages;
  for (auto& damage : found)
    if (damage) damages.push_back(std::move(*damage));
  if (repair)
    for (const Damage& damage : damages) drop(damage.entry);
  return damages;
}

namespace {

class SharedAgain {
 public:
  SharedAgain(std::optional<FileLock>& lock, const fs::path& path) : lock_(lock), path_(path) {}
  SharedAgain(const SharedAgain&) = delete;
  SharedAgain& operator=(const SharedAgain&) = delete;
  ~SharedAgain() {
    lock_.reset();
    try {
      lock_ = FileLock::acquire(path_, FileLock::Mode::Shared, kPatienceWithPrune);
    } catch (const Error&) {
      // Without the lock another process may prune entries; but pruning is what others would be waiting
      // for.
    }
  }

 private:
  std::optional<FileLock>& lock_;
  const fs::path& path_;
};

// Wheels that a build made, or that came from a URL without a hash: no index has them.
std::set<std::string> linked_wheels(const fs::path& root) {
  std::set<std::string> out;
  for (const fs::path& link : children(root / "links")) {
    const auto text = read_file_if_exists(link);
    if (const auto digest = Digest::parse(trim(text.value_or("")))) out.insert(digest->hex);
  }
  return out;
}

// Can an index provide it again, as fast as a CI cache would?
bool is_fetched(const Part& part, const fs::path& entry, const std::set<std::string>& linked) {
  if (part.name == "wheels") return !linked.contains(entry.filename().native());
  if (part.name == "pycs") return !linked.contains(entry.parent_path().filename().native());
  return part.name == "originals" || part.name == "sources" || part.name == "logs";
}

struct StoreEntry {
  fs::path path;
  std::int64_t last_use = 0;
  std::uint64_t bytes = 0;
};

// Moves the least recently used entries from `kept` to `out`.
void take_oldest(std::vector<StoreEntry> kept, std::uint64_t most_bytes, std::vector<fs::path>& out) {
  std::uint64_t total = 0;
  for (StoreEntry& entry : kept) total += entry.bytes = disk_bytes(entry.path);
  std::sort(kept.begin(), kept.end(), [](const StoreEntry& a, const StoreEntry& b) {
    return std::tie(a.last_use, a.path) < std::tie(b.last_use, b.path);
  });
  for (auto entry = kept.begin(); entry != kept.end() && total > most_bytes; ++entry) {
    total -= entry->bytes;
    out.push_back(entry->path);
  }
}

std::vector<fs::path> unused_entries(const fs::path& root, const PruneRule& rule) {
  const std::int64_t oldest = unix_now() - rule.older_than.count();
  const std::set<std::string> linked = rule.fetched ? linked_wheels(root) : std::set<std::string>();
  std::vector<fs::path> out;
  std::vector<StoreEntry> kept;
  for (const Part& part : kParts)
    for (const fs::path& entry : entries_of(root, part)) {
      const std::int64_t used = last_use(entry);
      const bool goes_first = part.name == "tmp" || part.name == "spares";
      if (goes_first || used <= oldest || (rule.fetched && is_fetched(part, entry, linked)))
        out.push_back(entry);
      else if (rule.most_bytes)
        kept.push_back({entry, used});
    }
  if (rule.most_bytes) take_oldest(std::move(kept), *rule.most_bytes, out);
  return out;
}

}  // namespace

Store::Pruned Store::prunable(const PruneRule& rule) const {
  Pruned pruned;
  for (const fs::path& entry : unused_entries(layout_.root, rule)) {
    pruned.bytes += disk_bytes(entry);
    ++pruned.entries;
  }
  return pruned;
}

FileLock Store::announce_pruning(std::chrono::milliseconds patience) const {
  return FileLock::acquire(layout_.pruning(), FileLock::Mode::Exclusive, patience);
}

bool Store::is_to_be_pruned() const {
  return !FileLock::try_acquire(layout_.pruning(), FileLock::Mode::Shared).has_value();
}

Store::Pruned Store::prune(const PruneRule& rule, std::chrono::milliseconds patience) {
  const fs::path path = layout_.lock();
  // An exclusive lock and our own shared one exclude each other.
  const FileLock announced = announce_pruning(patience);
  const SharedAgain shared_again(lock_, path);
  lock_.reset();
  lock_ = FileLock::acquire(path, FileLock::Mode::Exclusive, patience);
  lock_->describe(fmt::format("pid {}: moat store prune", ::getpid()));

  Pruned pruned;
  const std::vector<fs::path> unused = unused_entries(layout_.root, rule);
  // Moved away first: an entry exists completely or not at all, even if this process is killed.
  const TempDir grave = make_temp("pruned");
  for (const fs::path& entry : unused) {
    throw_if_interrupted();
    pruned.bytes += disk_bytes(entry);
    rename_over(entry, grave.path() / std::to_string(pruned.entries));
    ++pruned.entries;
  }
  std::error_code not_empty;
  for (const fs::path& outer : children(layout_.root / "pycs")) fs::remove(outer, not_empty);
  return pruned;
}

Store::Pruned Store::remove_wheels(const std::vector<StoredWheel>& wheels,
                                   std::chrono::milliseconds patience) {
  const fs::path path = layout_.lock();
  const FileLock announced = announce_pruning(patience);
  const SharedAgain shared_again(lock_, path);
  lock_.reset();
  lock_ = FileLock::acquire(path, FileLock::Mode::Exclusive, patience);
  lock_->describe(fmt::format("pid {}: moat pip cache remove", ::getpid()));
  Pruned pruned;
  const TempDir grave = make_temp("removed");
  for (const StoredWheel& wheel : wheels)
    for (const fs::path& entry : {layout_.wheel(wheel.digest), layout_.root / "pycs" / wheel.digest.hex}) {
      std::error_code gone;
      if (!fs::exists(entry, gone)) continue;
      pruned.bytes += disk_bytes(entry);
      rename_over(entry, grave.path() / fmt::format("{}-{}", wheel.digest.hex, pruned.entries));
      ++pruned.entries;
    }
  return pruned;
}

}  // namespace moat
