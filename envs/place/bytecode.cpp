// A .pyc records its source's hash (checked-hash, PEP 552), so it needs no times and an edit is always
// noticed. It also holds the path of its source, here relative to the wheel: Python replaces it with the real
// one on import.
//
// A package's own tests are left out: hardly anybody imports them, pytest makes its own bytecode for them,
// and they are half of what numpy, scipy and pandas would need compiled and placed. Python compiles them on
// import, as it does for any file without bytecode.
//
// The sources of all wheels are divided among as many processes as there are cores, each with a plain list of
// work. A process answers one byte per file; if one dies (deep nesting has overflowed stacks before), the
// file after the last answer is left out and the rest goes to another process.
#include "envs/place/bytecode.h"

#include "envs/place/wheel_layout.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/process.h"
#include "fetch/store/store_manifest.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

namespace moat {

namespace {

// Fields on standard input, each ended by NUL: source, target, name for co_filename.
constexpr const char* kDriver = R"(
import gc, os, sys
from importlib.util import MAGIC_NUMBER, source_hash
from marshal import dumps
gc.disable()
fields = sys.stdin.buffer.read().split(b"\0")
for i in range(0, len(fields) - 2, 3):
    try:
        with open(fields[i], "rb") as source:
            text = source.read()
        code = compile(text, os.fsdecode(fields[i + 2]), "exec", dont_inherit=True)
        with open(fields[i + 1], "wb") as target:
            target.write(MAGIC_NUMBER + b"\3\0\0\0" + source_hash(text) + dumps(code))
        answer = b"+"
    except Exception:
        answer = b"-"
    code = None
    os.write(1, answer)
    if i % 600 == 597:
        gc.collect()
)";

std::string bytecode_path(std::string_view source, std::string_view cache_tag) {
  const std::size_t slash = source.rfind('/');
  const std::string_view folder = slash == source.npos ? "" : source.substr(0, slash + 1);
  const std::string_view stem = source.substr(folder.size(), source.size() - folder.size() - 3);
  return fmt::format("{}__pycache__/{}.{}.pyc", folder, stem, cache_tag);
}

// Is the entry as it was stored?
bool is_intact(const fs::path& tree, const std::vector<StoredFile>& files) {
  return std::all_of(files.begin(), files.end(), [&](const StoredFile& file) {
    struct stat facts {};
    return ::lstat((tree / file.path).c_str(), &facts) == 0 && S_ISREG(facts.st_mode) &&
           facts.st_ino == file.inode && static_cast<std::uint64_t>(facts.st_size) == file.size &&
           facts.st_mtime == file.mtime;
  });
}

// Starting a Python costs as much as compiling about so many files.
constexpr std::size_t kLeastShare = 16;

// Largest first, always to the process with the least work; each file has a fixed cost besides its bytes.
std::vector<std::vector<SourceToCompile*>> deal_out(std::span<SourceToCompile* const> sources,
                                                    std::size_t shares) {
  std::vector<SourceToCompile*> by_size(sources.begin(), sources.end());
  std::ranges::stable_sort(by_size, [](const SourceToCompile* a, const SourceToCompile* b) {
    return a->source->size > b->source->size;
  });
  std::vector<std::vector<SourceToCompile*>> out(shares);
  std::vector<std::uint64_t> loads(shares);
  for (SourceToCompile* const source : by_size) {
    const auto least = std::ranges::min_element(loads);
    *least += source->source->size + 1000;
    out[static_cast<std::size_t>(least - loads.begin())].push_back(source);
  }
  return out;
}

void remove_what_did_not_compile(const fs::path& tree, const std::vector<StoredFile>& files) {
  std::vector<fs::path> rubbish;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(tree)) {
    const std::string path = fs::path(entry.path()).lexically_relative(tree).string();
    const auto found =
        std::lower_bound(files.begin(), files.end(), path,
                         [](const StoredFile& file, const std::string& p) { return file.path < p; });
    if (!entry.is_directory() && (found == files.end() || found->path != path))
      rubbish.push_back(entry.path());
  }
  for (const fs::path& path : rubbish) remove_tree(path);
}

}  // namespace

std::string bytecode_key(const Interpreter& interpreter) {
  return fmt::format("{}-{}", interpreter.cache_tag, interpreter.magic);
}

bool is_bytecode_key(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.+";
  const std::size_t dash = text.rfind('-');
  return dash != text.npos && dash > 0 && dash + 1 < text.size() &&
         text.find_first_not_of(kPlain) == text.npos && text.find("..") == text.npos;
}

std::map<std::string, const StoredFile*> sources_by_bytecode(const StoredWheel& wheel,
                                                             const Interpreter& interpreter) {
  std::map<std::string, const StoredFile*> out;
  for (const StoredFile& file : wheel.files)
    if (is_importable_source(file.path, wheel.dist_info) && !is_of_tests(file.path))
      out.emplace(bytecode_path(file.path, interpreter.cache_tag), &file);
  return out;
}

std::optional<StoredBytecode> find_bytecode(const StoredWheel& wheel, const std::string& key, Store& store) {
  const fs::path entry = store.layout().pycs(wheel.digest, key);
  const auto text = read_file_if_exists(entry / "manifest");
  if (!text) return std::nullopt;
  refuse_newer_entry(*text, entry);
  Expected<StoredWheel> parsed = parse_wheel_manifest(*text);
  if (parsed && is_intact(entry / "tree", parsed->files)) {
    store.mark_used(entry);
    return StoredBytecode{entry / "tree", std::move(parsed->files)};
  }
  const TempDir grave = store.make_temp("dropped");
  rename_if_absent(entry, grave.path() / "entry");
  return std::nullopt;
}

// It gets the time of its source.
StoredFile describe_bytecode(const fs::path& file, std::string path, const StoredFile& source) {
  const UniqueFd open = open_file(file, O_RDONLY);
  const timespec time{.tv_sec = source.mtime, .tv_nsec = 0};
  const timespec times[2] = {time, time};
  struct stat facts {};
  if (::futimens(open.get(), times) != 0 || ::fstat(open.get(), &facts) != 0)
    throw_errno("set the time of", file, errno);
  StoredFile out{.path = std::move(path)};
  out.digest = hash_file(file);
  out.size = static_cast<std::uint64_t>(facts.st_size);
  out.mtime = facts.st_mtime;
  out.inode = facts.st_ino;
  return out;
}

StoredBytecode publish_bytecode(const TempDir& folder, const StoredWheel& wheel, const std::string& key,
                                std::vector<StoredFile> files, Store& store) {
  StoredWheel manifest{.filename = wheel.filename,
                       .dist_info = wheel.dist_info,
                       .root_is_purelib = wheel.root_is_purelib,
                       .files = std::move(files)};
  std::ranges::sort(manifest.files, {}, &StoredFile::path);
  remove_what_did_not_compile(folder.path() / "tree", manifest.files);
  write_file_atomically(folder.path() / "manifest", format_wheel_manifest(manifest));
  const fs::path place = store.layout().pycs(wheel.digest, key);
  store.publish(folder.path(), place);

  // Another process may have been first; then its files are the entry.
  Expected<StoredWheel> published = parse_wheel_manifest(read_file(place / "manifest"));
  if (!published)
    throw Error(ErrorKind::Disk,
                fmt::format("{} is damaged: {}", quote(place.string()), published.error().message));
  return {place / "tree", std::move(published->files)};
}

Compilation::Compilation(const Runtime& runtime, Store& store)
    : runtime_(runtime), store_(store), key_(bytecode_key(runtime.interpreter)) {}

bool Compilation::is_possible(const Interpreter& interpreter) {
  return interpreter.major > 3 || (interpreter.major == 3 && interpreter.minor >= 7);
}

std::optional<StoredBytecode> Compilation::find(const StoredWheel& wheel) const {
  return find_bytecode(wheel, key_, store_);
}

void Compilation::add(const StoredWheel& wheel) {
  entries_.push_back({&wheel, store_.make_temp("bytecode")});
  const fs::path tree = entries_.back().folder.path() / "tree";
  std::set<fs::path> folders = {tree};
  for (const auto& [target, source] : sources_by_bytecode(wheel, runtime_.interpreter)) {
    folders.insert((tree / target).parent_path());
    sources_.push_back({.wheel = entries_.size() - 1, .source = source, .bytecode = {.path = target}});
  }
  for (const fs::path& folder : folders) make_directories(folder);
}

void Compilation::compile(std::span<SourceToCompile* const> sources, Workers& workers) const {
  if (sources.empty()) return;
  const auto shares =
      deal_out(sources, std::clamp<std::size_t>(workers.size(), 1, 1 + sources.size() / kLeastShare));
  const TempDir elsewhere = store_.make_temp("empty");  // `-c` puts the working directory on sys.path
  workers.for_each(shares.size(), [&](std::size_t i) {
    compile_share(shares[i], elsewhere.path());
    for (SourceToCompile* const source : shares[i])
      if (source->compiled)
        source->bytecode = describe_bytecode(path_of(*source), source->bytecode.path, *source->source);
  });
}

fs::path Compilation::path_of(const SourceToCompile& source) const {
  return entries_[source.wheel].folder.path() / "tree" / source.bytecode.path;
}

void Compilation::compile_share(std::vector<SourceToCompile*> left, const fs::path& directory) const {
  while (!left.empty()) {
    Command command{.argv = {(runtime_.tree / runtime_layout(runtime_.interpreter).python).string(), "-S",
                             "-s", "-B", "-W", "ignore", "-c", kDriver},
                    .environment = {{{"PYTHONHASHSEED", "0"}, {"LC_ALL", "C.UTF-8"}}},
                    .directory = directory};
    for (const SourceToCompile* const source : left) {
      for (const std::string& field : {(entries_[source->wheel].wheel->tree / source->source->path).string(),
                                       path_of(*source).string(), source->source->path})
        command.input.append(field).push_back('\0');
    }
    const ProcessResult result = run_process(command);
    const std::size_t answers = std::min(result.output.size(), left.size());
    if (answers == 0 && left.size() == sources_.size() && result.status != 0)
      throw Error(
          ErrorKind::Interpreter,
          fmt::format("cannot compile with {}: {}", quote(command.argv.front()), quote(trim(result.errors))));
    for (std::size_t i = 0; i < answers; ++i) left[i]->compiled = result.output[i] == '+';
    left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(std::min(answers + 1, left.size())));
  }
}

std::vector<StoredBytecode> Compilation::publish(Workers& workers) const {
  std::vector<StoredBytecode> out(entries_.size());
  std::vector<std::vector<StoredFile>> compiled(entries_.size());
  for (const SourceToCompile& source : sources_)
    if (source.compiled) compiled[source.wheel].push_back(source.bytecode);
  workers.for_each(entries_.size(), [&](std::size_t i) {
    out[i] = publish_bytecode(entries_[i].folder, *entries_[i].wheel, key_, std::move(compiled[i]), store_);
  });
  return out;
}

std::vector<StoredBytecode> obtain_bytecode(const std::vector<StoredWheel>& wheels, const Runtime& runtime,
                                            Store& store, Workers& workers, Reporter& reporter) {
  std::vector<StoredBytecode> out(wheels.size());
  if (!Compilation::is_possible(runtime.interpreter)) return out;
  Compilation compilation(runtime, store);
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < wheels.size(); ++i) {
    if (auto found = compilation.find(wheels[i]))
      out[i] = std::move(*found);
    else
      missing.push_back(i);
  }
  if (missing.empty()) return out;

  const Phase phase(reporter, "compile");
  for (const std::size_t i : missing) compilation.add(wheels[i]);
  std::vector<SourceToCompile*> sources;
  for (SourceToCompile& source : compilation.sources()) sources.push_back(&source);
  compilation.compile(sources, workers);
  std::vector<StoredBytecode> compiled = compilation.publish(workers);
  for (std::size_t i = 0; i < missing.size(); ++i) out[missing[i]] = std::move(compiled[i]);
  return out;
}

std::optional<StoredBytecode> find_bytecode(const StoredWheel& wheel, const Runtime& runtime, Store& store) {
  const auto is_source = [&](const StoredFile& file) {
    return is_importable_source(file.path, wheel.dist_info) && !is_of_tests(file.path);
  };
  if (!Compilation::is_possible(runtime.interpreter) || std::ranges::none_of(wheel.files, is_source))
    return StoredBytecode{};
  return Compilation(runtime, store).find(wheel);
}

}  // namespace moat
