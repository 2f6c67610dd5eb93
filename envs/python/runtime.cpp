#include "envs/python/runtime.h"

#include "envs/journal/manifest.h"
#include "envs/python/runtime_entry.h"
#include "envs/python/runtime_pack.h"
#include "envs/python/snapshot.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <set>

namespace moat {

namespace {

constexpr unsigned kLinkMode = 0120777;
constexpr std::string_view kPack = "pack";
constexpr std::string_view kUncompiled = "uncompiled";

struct TreeEntries {
  std::vector<std::string> files, links;  // relative, sorted
};

TreeEntries list_tree(const fs::path& tree) {
  TreeEntries out;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(tree)) {
    if (entry.is_symlink())
      out.links.push_back(entry.path().lexically_relative(tree).string());
    else if (entry.is_regular_file())
      out.files.push_back(entry.path().lexically_relative(tree).string());
  }
  std::ranges::sort(out.files);
  std::ranges::sort(out.links);
  return out;
}

StoredFile describe(const fs::path& tree, const std::string& path) {
  const fs::path file = tree / path;
  const timespec times[2] = {{kRuntimeMtime, 0}, {kRuntimeMtime, 0}};
  if (::utimensat(AT_FDCWD, file.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    throw_errno("set the time of", file, errno);
  struct stat s {};
  if (::stat(file.c_str(), &s) != 0) throw_errno("read", file, errno);
  return {.path = path,
          .digest = hash_file(file),
          .size = static_cast<std::uint64_t>(s.st_size),
          .executable = (s.st_mode & 0100) != 0,
          .mtime = kRuntimeMtime};
}

Manifest manifest_of(const Runtime& runtime) {
  Manifest manifest;
  manifest.runtime = runtime.fingerprint;
  for (const StoredFile& file : runtime.files)
    manifest.entries.push_back({file.path, file.digest.hex, file.size, file.executable ? 0755U : 0644U, ""});
  for (const auto& [path, target] : runtime.links)
    manifest.entries.push_back({path, hash_bytes(target).hex, target.size(), kLinkMode, ""});
  return manifest;
}

// Is it unchanged? By size and time: every file of a runtime has the same time, so an edit shows.
bool looks_whole(const UniqueFd& tree, const StoredFile& file) {
  struct stat s {};
  return ::fstatat(tree.get(), file.path.c_str(), &s, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(s.st_mode) &&
         static_cast<std::uint64_t>(s.st_size) == file.size && s.st_mtim.tv_sec == kRuntimeMtime;
}

// As the store says; its files are not looked at.
std::optional<Runtime> read_runtime(std::string_view fingerprint, const Store& store) {
  const fs::path entry = store.layout().runtime(fingerprint);
  std::error_code failure;
  // Before the list: the entry may be replaced by a compiled one meanwhile, never the other way round.
  const bool is_compiled = !fs::exists(entry / kUncompiled, failure);
  const auto facts = read_file_if_exists(entry / "facts.json");
  const auto text = read_file_if_exists(entry / "manifest");
  if (!facts || !text) return std::nullopt;
  auto interpreter = interpreter_from_json(*facts);
  const auto manifest = parse_manifest(*text);
  if (!interpreter || !manifest || manifest->runtime != fingerprint) return std::nullopt;

  Runtime runtime;
  runtime.fingerprint = fingerprint;
  runtime.tree = entry / "tree";
  runtime.spare = store.layout().spare(fingerprint);
  runtime.interpreter = std::move(*interpreter);
  runtime.is_compiled = is_compiled;
  runtime.files.reserve(manifest->entries.size());
  for (const ManifestEntry& file : manifest->entries) {
    if (file.mode == kLinkMode) {
      const std::string target = fs::read_symlink(runtime.tree / file.path, failure).string();
      if (failure || hash_bytes(target).hex != file.sha256) return std::nullopt;
      runtime.links.emplace_back(file.path, target);
      continue;
    }
    runtime.files.push_back({.path = file.path,
                             .digest = {"sha256", file.sha256},
                             .size = file.size,
                             .executable = (file.mode & 0100) != 0,
                             .mtime = kRuntimeMtime});
  }
  if (is_runtime_pack(entry / kPack, runtime.files)) runtime.pack = entry / kPack;
  return runtime;
}

// Makes the runtime whose tree is in `work`, a folder of the store's tmp/, with the other files of an entry.
Runtime describe_runtime(const fs::path& work, const Interpreter& interpreter, std::string_view fingerprint,
                         Workers& workers) {
  const fs::path tree = work / "tree";
  Runtime runtime;
  runtime.fingerprint = fingerprint;
  runtime.interpreter = interpreter;
  const TreeEntries entries = list_tree(tree);
  runtime.files.resize(entries.files.size());
  workers.for_each(entries.files.size(),
                   [&](std::size_t i) { runtime.files[i] = describe(tree, entries.files[i]); });
  for (const std::string& link : entries.links)
    runtime.links.emplace_back(link, fs::read_symlink(tree / link).string());
  if (!clones_files(work)) {
    write_runtime_pack(work / kPack, tree, runtime.files);
    runtime.pack = kPack;
  }
  write_file_atomically(work / "manifest", format_manifest(manifest_of(runtime)), 0644);
  write_file_atomically(work / "facts.json", to_json(interpreter), 0644);
  return runtime;
}

Runtime at_entry(Runtime runtime, const Store& store) {
  const fs::path entry = store.layout().runtime(runtime.fingerprint);
  runtime.tree = entry / "tree";
  if (!runtime.pack.empty()) runtime.pack = entry / kPack;
  return runtime;
}

bool is_enough(const Runtime& runtime, Compile compile) {
  return runtime.is_compiled || compile != Compile::Now;
}

Runtime make_runtime(const Interpreter& interpreter, const std::vector<SnapshotSource>& sources,
                     const std::string& fingerprint, Store& store, Workers& workers, Reporter& reporter,
                     Compile compile) {
  const Phase phase(reporter, "snapshot");
  reporter.note("copying " + interpreter.executable.string() + " (" + interpreter.version +
                ") into the store, once");
  const TempDir work = store.make_temp("runtime");
  const fs::path folder = fs::absolute(work.path());  // it is run from another folder
  make_snapshot(interpreter, sources, folder / "tree", workers);
  if (compile == Compile::Now) compile_snapshot(interpreter, folder / "tree", workers);
  Runtime runtime = describe_runtime(folder, interpreter, fingerprint, workers);
  runtime.is_compiled = compile == Compile::Now;
  if (!runtime.is_compiled) write_file_atomically(folder / kUncompiled, "", 0644);
  store.publish(work.path(), store.layout().runtime(fingerprint));
  // Another process may have been first, and its entry may hold less than ours.
  auto there = read_runtime(fingerprint, store);
  if (there && !is_enough(*there, compile)) there = complete_runtime(fingerprint, store, workers);
  return there ? std::move(*there) : at_entry(std::move(runtime), store);
}

// Files of one folder, few enough that the pool shares the work evenly.
struct Slice {
  fs::path folder;                 // relative to the tree
  std::vector<std::size_t> files;  // by their place in the runtime's list
};

// The first slices of all folders, then the second ones: creating in one folder from two threads is slow.
std::vector<Slice> slices_of(const std::vector<StoredFile>& files) {
  constexpr std::size_t kFilesASlice = 64;
  std::map<std::string_view, std::vector<std::size_t>> by_folder;
  for (std::size_t i = 0; i < files.size(); ++i)
    by_folder[std::string_view(files[i].path).substr(0, files[i].path.rfind('/'))].push_back(i);
  std::vector<Slice> out;
  for (std::size_t begin = 0, added = 1; added > 0; begin += kFilesASlice) {
    added = 0;
    for (const auto& [folder, all] : by_folder) {
      if (begin >= all.size()) continue;
      const auto end = std::min(all.size(), begin + kFilesASlice);
      out.push_back({fs::path(folder), {&all[begin], &all[begin] + (end - begin)}});
      ++added;
    }
  }
  return out;
}

// The store has the runtime of this base, or of the base before it changed.
std::optional<Runtime> read_likely_runtime(const Interpreter& interpreter, const Store& store) {
  std::error_code failure;
  std::string found;
  for (fs::directory_iterator it(store.layout().runtime(""), failure), end; !failure && it != end;
       it.increment(failure)) {
    std::string name = it->path().filename().string();
    if (!name.starts_with(interpreter.version + "-")) continue;
    if (!found.empty()) return std::nullopt;  // two of one version: the walk will tell
    found = std::move(name);
  }
  return found.empty() ? std::nullopt : read_runtime(found, store);
}

// The file that a link of a packed runtime leads to, in `tree`. Such links lead to files beside them, or to
// other links.
fs::path target_of(std::pair<std::string, std::string> link, const Runtime& runtime, const fs::path& tree) {
  const std::map<std::string, std::string> links(runtime.links.begin(), runtime.links.end());
  for (;;) {
    const std::string target = (fs::path(link.first).parent_path() / link.second).native();
    const auto next = links.find(target);
    if (next == links.end()) return tree / target;
    link = *next;
  }
}

}  // namespace

bool looks_whole(const fs::path& tree, const std::vector<StoredFile>& files, Workers& workers) {
  constexpr std::size_t kFilesAShare = 100;
  const UniqueFd folder = open_file(tree, O_RDONLY | O_DIRECTORY);
  std::atomic<bool> whole = true;
  workers.for_each((files.size() + kFilesAShare - 1) / kFilesAShare, [&](std::size_t share) {
    const std::size_t end = std::min(files.size(), (share + 1) * kFilesAShare);
    for (std::size_t i = share * kFilesAShare; i < end; ++i)
      if (!looks_whole(folder, files[i])) whole = false;
  });
  return whole;
}

Runtime publish_runtime(const TempDir& work, const Interpreter& interpreter, const std::string& fingerprint,
                        Store& store, Workers& workers) {
  Runtime runtime = describe_runtime(fs::absolute(work.path()), interpreter, fingerprint, workers);
  store.publish(work.path(), store.layout().runtime(fingerprint));
  return at_entry(std::move(runtime), store);
}

void drop_damaged_runtime(std::string_view fingerprint, Store& store) {
  const fs::path entry = store.layout().runtime(fingerprint);
  const TempDir grave = store.make_temp("damaged");
  std::error_code failure;
  fs::rename(entry, grave.path() / "entry", failure);
  if (failure && failure != std::errc::no_such_file_or_directory)
    throw_errno("remove the damaged runtime", entry, failure.value());
}

Runtime obtain_runtime(const Interpreter& interpreter, Store& store, Workers& workers, Reporter& reporter,
                       Compile compile) {
  // While the base is walked, the most likely entry of the store is checked.
  std::vector<SnapshotSource> sources;
  auto walk = begin_async([&] {
    sources = snapshot_sources(interpreter);
    return snapshot_fingerprint(interpreter, sources);
  });
  auto runtime = read_likely_runtime(interpreter, store);
  bool whole = runtime && looks_whole(runtime->tree, runtime->files, workers);
  const std::string fingerprint = walk.get();
  if (!runtime || runtime->fingerprint != fingerprint) {
    runtime = read_runtime(fingerprint, store);
    whole = runtime && looks_whole(runtime->tree, runtime->files, workers);
  }
  if (whole && is_enough(*runtime, compile)) return std::move(*runtime);
  // One thread makes it, and those that want it meanwhile (an environment, and one for a build) take its
  // result.
  static std::mutex making;
  const std::lock_guard guard(making);
  const fs::path entry = store.layout().runtime(fingerprint);
  std::error_code ignored;
  const bool was_there = fs::exists(entry, ignored);  // what another process publishes now is complete
  runtime = read_runtime(fingerprint, store);
  whole = runtime && looks_whole(runtime->tree, runtime->files, workers);
  if (whole && is_enough(*runtime, compile)) return std::move(*runtime);
  if (whole) {
    const Phase phase(reporter, "snapshot");
    if (auto completed = complete_runtime(fingerprint, store, workers)) return std::move(*completed);
  }
  // Missing, or damaged: then it is renamed away first, so that nobody finds half of it.
  if (was_there) {
    reporter.warn("the runtime " + fingerprint + " in the store was modified; recreating it");
    drop_damaged_runtime(fingerprint, store);
  }
  return make_runtime(interpreter, sources, fingerprint, store, workers, reporter, compile);
}

std::optional<Runtime> find_runtime(std::string_view fingerprint, const Store& store) {
  auto runtime = read_runtime(fingerprint, store);
  if (!runtime) return std::nullopt;
  const UniqueFd tree = open_file(runtime->tree, O_RDONLY | O_DIRECTORY);
  const bool whole =
      std::ranges::all_of(runtime->files, [&](const StoredFile& file) { return looks_whole(tree, file); });
  return whole ? std::move(runtime) : std::nullopt;
}

std::optional<Runtime> complete_runtime(std::string_view fingerprint, Store& store, Workers& workers) {
  auto bare = find_runtime(fingerprint, store);
  if (!bare || bare->is_compiled) return bare;
  TempDir work = store.make_temp("runtime");
  const fs::path folder = fs::absolute(work.path());
  materialise(*bare, folder / "tree", LinkMode::Copy, workers);
  compile_snapshot(bare->interpreter, folder / "tree", workers);
  Runtime runtime = describe_runtime(folder, bare->interpreter, fingerprint, workers);
  // A process that copies from the old one can continue: it is swept from tmp/ later.
  store.replace(work.path(), store.layout().runtime(fingerprint));
  work.keep();
  return at_entry(std::move(runtime), store);
}

void materialise(const Runtime& runtime, const fs::path& to, LinkMode mode, Workers& workers) {
  const std::vector<Slice> slices = slices_of(runtime.files);
  std::set<fs::path> folders = {to / runtime_layout(runtime.interpreter).stdlib / "site-packages"};
  for (const Slice& slice : slices) folders.insert(to / slice.folder);
  for (const fs::path& folder : folders) make_directories(folder);
  std::vector<const std::pair<std::string, std::string>*> copies;  // where there are no links
  for (const auto& link : runtime.links) {
    make_directories((to / link.first).parent_path());
    if (!make_symbolic_link(link.second, to / link.first)) copies.push_back(&link);
  }
  std::optional<RuntimePack> pack;
  if ((mode == LinkMode::Auto || mode == LinkMode::Copy) && !runtime.pack.empty())
    pack.emplace(runtime.pack, runtime.files);
  // The files of the list are in the tree as well.
  if (pack && !pack->fits()) pack.reset();
  workers.for_each(slices.size(), [&](std::size_t i) {
    const Slice& slice = slices[i];
    const auto packed = runtime.packed ? runtime.packed->reader() : nullptr;
    const UniqueFd from =
        pack || packed ? UniqueFd() : open_file(runtime.tree / slice.folder, O_RDONLY | O_DIRECTORY);
    const UniqueFd folder = open_file(to / slice.folder, O_RDONLY | O_DIRECTORY);
    Linker linker(mode);
    for (const std::size_t place : slice.files) {
      const StoredFile& file = runtime.files[place];
      const NewFile copy = {.directory = folder.get(),
                            .name = file.path.c_str() + file.path.rfind('/') + 1,
                            .mode = file.executable ? 0755U : 0644U,
                            .mtime = file.mtime};
      if (packed)
        write_new_file(copy, *packed, file.path);
      else if (pack)
        write_new_file(copy, pack->bytes_of(place));
      else
        linker.place({.from_directory = from.get(), .from = copy.name, .to = copy});
    }
  });
  for (const auto* const link : copies)
    fs::copy(runtime.packed ? target_of(*link, runtime, to) : fs::canonical(runtime.tree / link->first),
             to / link->first, fs::copy_options::recursive);
}

}  // namespace moat
