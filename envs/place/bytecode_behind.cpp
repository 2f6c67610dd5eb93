#include "envs/place/bytecode_behind.h"

#include "envs/environment/environment.h"
#include "envs/journal/state_files.h"
#include "envs/journal/unflushed.h"
#include "envs/place/bytecode.h"
#include "envs/place/import_order.h"
#include "envs/place/wheel_layout.h"
#include "envs/python/spare.h"
#include "fetch/os/beneath.h"
#include "fetch/store/link.h"
#include "fetch/store/store_jobs.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

namespace moat {

namespace {

constexpr std::string_view kCache = "__pycache__";

// Bytecode on its way into an environment.
struct MadeFile {
  BytecodeEntry entry;
  std::string source;  // in the environment
  fs::path from;
  std::int64_t mtime = 0;
};

// "foo/bar.py" for "foo/__pycache__/bar.cpython-311.pyc".
std::string source_of(std::string_view bytecode) {
  const std::size_t cache = bytecode.rfind(kCache);
  std::string out(bytecode.substr(0, cache));
  const std::string_view name = bytecode.substr(cache + kCache.size() + 1);
  return out.append(name.substr(0, name.find('.'))).append(".py");
}

// Identifies the manifest: it is different after every change.
using Identity = std::array<std::int64_t, 4>;
std::optional<Identity> identity_of(const fs::path& root) {
  struct stat facts {};
  if (::lstat((root / ".moat/manifest").c_str(), &facts) != 0) return std::nullopt;
  return Identity{static_cast<std::int64_t>(facts.st_ino), facts.st_size, facts.st_mtim.tv_sec,
                  facts.st_mtim.tv_nsec};
}

// Places files in an environment as long as it has not changed since this was made.
class Placing {
 public:
  Placing(const Environment& environment, const Manifest& manifest, Identity identity,
          const std::function<bool()>& may_go_on)
      : root_(environment.root()), state_(manifest.state), identity_(identity), may_go_on_(may_go_on) {}

  // Returns false if the environment has changed, or work is to stop.
  bool place(const std::vector<MadeFile>& files) {
    if (files.empty()) return true;
    const std::optional<FileLock> lock = lock_it();
    if (!lock) return false;
    const UniqueFd root = open_file(root_, O_RDONLY | O_DIRECTORY);
    const UniqueFd stage = open_stage(root);
    if (!is_marked_) mark_unflushed(root_ / ".moat", state_, static_cast<std::int64_t>(std::time(nullptr)));
    is_marked_ = true;
    try {
      std::vector<const MadeFile*> placed;
      for (const MadeFile& file : files)
        if (place_one(file, root, stage)) placed.push_back(&file);
      list(placed, root, stage);
    } catch (...) {
      remove_tree_quietly(root_ / ".moat/stage");
      throw;
    }
    remove_tree_quietly(root_ / ".moat/stage");
    return true;
  }

  // Files that Python has overwritten since they were placed.
  std::vector<MadeFile> overwritten(const std::vector<MadeFile>& files) const {
    std::vector<MadeFile> out;
    for (const MadeFile& file : files) {
      struct stat facts {};
      const auto placed = inodes_.find(file.entry.path);
      if (placed != inodes_.end() && ::lstat((root_ / file.entry.path).c_str(), &facts) == 0 &&
          facts.st_ino != placed->second)
        out.push_back(file);
    }
    return out;
  }

 private:
  // nullopt: it has changed.
  std::optional<FileLock> lock_it() const {
    for (;;) {
      if (!may_go_on_() || identity_of(root_) != identity_) return std::nullopt;
      if (auto lock = FileLock::try_acquire({root_, ".moat/lock"}, FileLock::Mode::Exclusive)) {
        const bool is_same =
            identity_of(root_) == identity_ && ::access((root_ / ".moat/journal").c_str(), F_OK) != 0;
        if (!is_same) return std::nullopt;
        lock->describe(fmt::format("pid {}: moat store jobs", ::getpid()));
        return lock;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  // The next change sweeps it if this process dies.
  UniqueFd open_stage(const UniqueFd& root) const {
    remove_tree(root_ / ".moat/stage");
    UniqueFd stage(moat_make_directories_beneath(root.get(), ".moat/stage/bytecode"));
    if (!stage) throw_errno("make", root_ / ".moat/stage/bytecode", errno);
    return stage;
  }

  // Next to its source, which must exist; one rename, even over a file that Python has written.
  bool place_one(const MadeFile& file, const UniqueFd& root, const UniqueFd& stage) {
    const char* source = nullptr;
    const UniqueFd folder(moat_open_parent_beneath(root.get(), file.source.c_str(), &source));
    struct stat facts {};
    if (!folder || ::fstatat(folder.get(), source, &facts, AT_SYMLINK_NOFOLLOW) != 0) return false;
    const std::string cache_name(kCache);
    if (::mkdirat(folder.get(), cache_name.c_str(), 0777) != 0 && errno != EEXIST)
      throw_errno("make", root_ / fs::path(file.entry.path).parent_path(), errno);
    const UniqueFd cache(
        ::openat(folder.get(), cache_name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!cache) return false;
    const std::string name = fs::path(file.entry.path).filename();
    linker_.place(
        {.from_directory = AT_FDCWD,
         .from = file.from.c_str(),
         .to = {.directory = stage.get(), .name = name.c_str(), .mode = 0644, .mtime = file.mtime}});
    if (::fstatat(stage.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0 ||
        ::renameat(stage.get(), name.c_str(), cache.get(), name.c_str()) != 0) {
      ::unlinkat(stage.get(), name.c_str(), 0);
      return false;
    }
    inodes_[file.entry.path] = facts.st_ino;
    return true;
  }

  void list(const std::vector<const MadeFile*>& placed, const UniqueFd& root, const UniqueFd& stage) const {
    std::unordered_set<std::string_view> paths;
    std::vector<BytecodeEntry> entries;
    for (const MadeFile* const file : placed) {
      paths.insert(file->entry.path);
      entries.push_back(file->entry);
    }
    const auto text = read_file_if_exists(root_ / kBytecodeList);
    if (auto before = parse_bytecode_list(text.value_or("")))
      for (BytecodeEntry& entry : *before)
        if (!paths.contains(entry.path)) entries.push_back(std::move(entry));
    const std::string list(kBytecodeList);
    write_file_atomically(root_ / ".moat/stage/bytecode/list", format_bytecode_list(entries), 0644);
    if (::renameat(stage.get(), "list", root.get(), list.c_str()) != 0)
      throw_errno("write", root_ / list, errno);
  }

  fs::path root_;
  int state_;
  Identity identity_;
  const std::function<bool()>& may_go_on_;
  Linker linker_{LinkMode::Auto};
  bool is_marked_ = false;
  std::map<std::string, ino_t> inodes_;  // of the placed files
};

// One environment, as it was when this was made.
class Filling {
 public:
  Filling(Environment environment, Environment::Placed placed, Identity identity, Store& store,
          Workers& workers, const std::function<bool()>& may_go_on)
      : environment_(std::move(environment)),
        manifest_(std::move(placed.manifest)),
        store_(store),
        workers_(workers),
        may_go_on_(may_go_on),
        runtime_{.tree = environment_.private_folder() / "rt", .interpreter = environment_.interpreter()},
        placing_(environment_, manifest_, identity, may_go_on) {
    for (BytecodeEntry& entry : placed.bytecode) listed_.insert(std::move(entry.path));
  }

  // Returns false if the environment has changed, or work is to stop.
  bool run() {
    if (!placing_.place(files_of_runtime())) return false;
    read_wheels();
    return fill_from_store() && compile_the_rest();
  }

 private:
  struct Wheel {
    const ManifestPackage* package;
    PackageName name;
    StoredWheel stored;
  };

  std::vector<MadeFile> files_of_runtime() {
    std::vector<MadeFile> out;
    const auto runtime = complete_runtime(manifest_.runtime, store_, workers_);
    if (!runtime) return out;
    std::unordered_set<std::string_view> known;
    for (const ManifestEntry& entry : manifest_.entries)
      if (entry.owner.empty()) known.insert(entry.path);
    for (const StoredFile& file : runtime->files) {
      const std::string path = ".moat/rt/" + file.path;
      if (!is_bytecode(path) || known.contains(path) || listed_.contains(path)) continue;
      out.push_back(
          {{path, file.digest.hex, file.size, ""}, source_of(path), runtime->tree / file.path, file.mtime});
    }
    return out;
  }

  void read_wheels() {
    if (!Compilation::is_possible(environment_.interpreter())) return;
    for (const ManifestPackage& package : manifest_.packages) {
      const auto name = PackageName::parse(package.name);
      const auto digest = Digest::parse("sha256", package.wheel_sha256);
      if (!name || !digest) continue;
      if (auto stored = store_.find_wheel(*digest)) wheels_.push_back({&package, *name, std::move(*stored)});
    }
  }

  // Those of a wheel's bytecode files that the environment lacks. If another package's file is at the path of
  // the source, its bytecode would be useless.
  std::vector<MadeFile> lacking(const Wheel& wheel, const std::vector<StoredFile>& bytecode,
                                const std::function<fs::path(const StoredFile&)>& place_of) const {
    std::vector<MadeFile> out;
    for (const Placement& placement :
         lay_out_bytecode(wheel.stored, wheel.name, environment_.scheme(), bytecode)) {
      if (listed_.contains(placement.path)) continue;
      std::string source = source_of(placement.path);
      const auto entry = std::ranges::lower_bound(manifest_.entries, source, {}, &ManifestEntry::path);
      if (entry == manifest_.entries.end() || entry->path != source || entry->owner != wheel.package->name)
        continue;
      out.push_back({{placement.path, placement.file.digest.hex, placement.file.size, wheel.package->name},
                     std::move(source),
                     place_of(placement.file),
                     placement.file.mtime});
    }
    return out;
  }

  bool fill_from_store() {
    Compilation compilation(runtime_, store_);
    for (std::size_t i = 0; i < wheels_.size(); ++i) {
      const auto found = compilation.find(wheels_[i].stored);
      if (!found) {
        missing_.push_back(i);
        continue;
      }
      const auto in_tree = [&](const StoredFile& file) { return found->tree / file.path; };
      if (!placing_.place(lacking(wheels_[i], found->files, in_tree))) return false;
    }
    return true;
  }

  // The first files are listed soon, and later the list is not written too often.
  bool compile_the_rest() {
    constexpr std::size_t kFirst = 64, kMost = 1024;
    Compilation compilation(runtime_, store_);
    for (const std::size_t i : missing_) compilation.add(wheels_[i].stored);
    const std::vector<SourceToCompile*> sources = in_order(compilation);
    for (std::size_t begin = 0, length = kFirst; begin < sources.size();
         begin += length, length = std::min(2 * length, kMost)) {
      if (!may_go_on_()) return false;
      const std::span some(sources.begin() + static_cast<std::ptrdiff_t>(begin),
                           std::min(length, sources.size() - begin));
      compilation.compile(some, workers_);
      if (!placing_.place(made(compilation, some))) return false;
    }
    const std::vector<StoredBytecode> stored = compilation.publish(workers_);
    return settle(stored);
  }

  std::vector<MadeFile> made(const Compilation& compilation,
                             std::span<SourceToCompile* const> sources) const {
    std::map<std::size_t, std::vector<StoredFile>> by_wheel;
    std::map<std::string_view, const SourceToCompile*> by_path;
    std::vector<MadeFile> out;
    for (const SourceToCompile* const source : sources)
      if (source->compiled) by_wheel[source->wheel].push_back(source->bytecode);
    for (const auto& [wheel, files] : by_wheel) {
      by_path.clear();
      for (const SourceToCompile* const source : sources)
        if (source->wheel == wheel) by_path.emplace(source->bytecode.path, source);
      const auto aside = [&](const StoredFile& file) { return compilation.path_of(*by_path.at(file.path)); };
      std::ranges::move(lacking(wheels_[missing_[wheel]], files, aside), std::back_inserter(out));
    }
    return out;
  }

  // If Python compiled a module itself while ours was being placed, its file has replaced ours.
  bool settle(const std::vector<StoredBytecode>& stored) {
    std::vector<MadeFile> all;
    for (std::size_t i = 0; i < stored.size(); ++i) {
      const auto in_tree = [&](const StoredFile& file) { return stored[i].tree / file.path; };
      std::ranges::move(lacking(wheels_[missing_[i]], stored[i].files, in_tree), std::back_inserter(all));
    }
    return placing_.place(placing_.overwritten(all));
  }

  std::vector<SourceToCompile*> in_order(Compilation& compilation) const {
    std::vector<SourceToCompile*> sources;
    std::vector<ImportableFile> files;
    for (SourceToCompile& source : compilation.sources()) {
      const Wheel& wheel = wheels_[missing_[source.wheel]];
      std::string path = importable_path(source.source->path);
      const bool is_top = std::ranges::count(path, '/') == (path.ends_with("/__init__.py") ? 1 : 0);
      files.push_back({std::move(path), wheel.package->requested && is_top});
      sources.push_back(&source);
    }
    const auto read = [&](std::size_t i) {
      return read_file(wheels_[missing_[sources[i]->wheel]].stored.tree / sources[i]->source->path);
    };
    std::vector<SourceToCompile*> out;
    for (const std::size_t i : import_order(files, read)) out.push_back(sources[i]);
    return out;
  }

  // As it lies in site-packages: without NAME.data/purelib.
  static std::string importable_path(const std::string& path) {
    for (const std::string_view folder : {".data/purelib/", ".data/platlib/"})
      if (const std::size_t at = path.find(folder); at != path.npos && path.find('/') > at)
        return path.substr(at + folder.size());
    return path;
  }

  Environment environment_;
  Manifest manifest_;
  Store& store_;
  Workers& workers_;
  const std::function<bool()>& may_go_on_;
  Runtime runtime_;  // the environment's own: it is there even when the store's has been pruned
  Placing placing_;
  std::unordered_set<std::string> listed_;
  std::vector<Wheel> wheels_;
  std::vector<std::size_t> missing_;  // those of which the store has no bytecode
};

}  // namespace

bool make_bytecode_behind(const fs::path& root, Store& store, Workers& workers,
                          const std::function<bool()>& may_go_on) {
  while (may_go_on()) {
    if (!Environment::exists_at(root)) return true;
    try {
      Environment environment = Environment::open(root, Environment::Foreign::Allowed);
      const auto identity = identity_of(root);
      if (environment.is_foreign() || !identity) return true;
      Environment::Placed placed = environment.placed();
      if (placed.manifest.format != kEnvironmentFormat) return true;
      Filling filling(std::move(environment), std::move(placed), *identity, store, workers, may_go_on);
      if (filling.run()) return true;
    } catch (const Error& error) {
      // Removed, moved or changed in the meantime: that is not a failure.
      if (error.kind() == ErrorKind::Interrupted) return false;
      if (Environment::exists_at(root)) throw;
    }
  }
  return false;
}

bool work_off_jobs(const fs::path& root, const std::stop_token& stop,
                   const std::function<void(const Error&)>& failed) {
  const StoreJobs jobs(root);
  std::optional<FileLock> lock = jobs.begin_work();
  if (!lock) return false;
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  Workers workers(std::max(1U, cores / 2));
  Store store(root);
  const auto may_go_on = [&] { return !stop.stop_requested() && !store.is_to_be_pruned(); };
  while (lock && may_go_on()) {
    for (const StoreJob& job : jobs.list()) {
      try {
        if (!job.spare_of.empty())
          make_spare(job.spare_of, store, workers);
        else if (!make_bytecode_behind(job.environment, store, workers, may_go_on))
          return true;
      } catch (const Error& error) {
        failed(error);  // a full disk, most likely: Python compiles what it imports all the same
      }
      jobs.remove(job);
    }
    // A job that arrived while we stopped is ours, unless its maker has found another worker.
    lock.reset();
    if (!jobs.list().empty()) lock = jobs.begin_work();
  }
  return true;
}

}  // namespace moat
