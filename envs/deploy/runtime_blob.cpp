#include "envs/deploy/runtime_blob.h"

#include "envs/python/runtime_entry.h"
#include "envs/python/snapshot.h"
#include "fetch/archive/tar.h"
#include "fetch/bytes/gzip.h"
#include "fetch/os/paths.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <map>

namespace moat {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{2} << 30U;
constexpr std::size_t kMostFiles = 50'000;
constexpr std::uint64_t kMostTextBytes = std::uint64_t{8} << 20U;
constexpr std::string_view kFacts = "facts.json", kLinks = "links.json", kTree = "tree/";
constexpr std::size_t kPiece = std::size_t{1} << 18U;

[[noreturn]] void refuse(std::string_view why) {
  throw Error(ErrorKind::BadArchive, fmt::format("the Python in the bundle is refused: {}", why));
}

// --- writing ---

void add_file(TarWriter& tar, const StoredFile& file, const fs::path& tree) {
  const fs::path path = tree / file.path;
  const UniqueFd input = open_file(path, O_RDONLY);
  tar.begin(fmt::format("{}{}", kTree, file.path), file.size, file.executable ? 0755U : 0644U);
  std::string buffer(kPiece, '\0');
  for (;;) {
    const ssize_t count = ::read(input.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("read", path, errno);
    if (count == 0) break;
    tar.write({buffer.data(), static_cast<std::size_t>(count)});
  }
  tar.end();
}

// --- reading ---

// What a file of the archive may be called: nothing leaves the tree.
bool is_inside(std::string_view path) {
  for (const std::string_view part : split(path, '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return path.find('\0') == std::string_view::npos;
}

class Unpacking {
 public:
  Unpacking(const PassBlob& pass, const fs::path& folder) : folder_(folder) {
    const fs::path file = folder / "runtime.tar";
    file_ = open_file(file, O_RDWR | O_CREAT | O_EXCL, 0600);
    GzipReader reader(kMostBytes, [&](std::string_view bytes) { write_all(file_.get(), bytes, file); });
    Expected<void> result;
    pass([&](std::string_view bytes) {
      if (result) result = reader.write(bytes);
    });
    if (result) result = reader.finish();
    if (!result) refuse(result.error().message);
    for (TarEntry& entry : scan_tar(file_.get(), "the Python in the bundle", kMostFiles)) {
      if (entry.is_folder) refuse("it lists folders");
      entries_.emplace(entry.name, entry);
    }
  }

  std::string text(std::string_view name) const {
    const auto found = entries_.find(name);
    if (found == entries_.end()) refuse(fmt::format("it has no {}", name));
    if (found->second.size > kMostTextBytes) refuse(fmt::format("{} is too large", name));
    std::string out;
    pass(found->second, [&](std::string_view piece) { out.append(piece); });
    return out;
  }

  void unpack(const fs::path& tree) const {
    for (const auto& [name, entry] : entries_) {
      if (name == kFacts || name == kLinks) continue;
      const std::string path = name.starts_with(kTree) ? name.substr(kTree.size()) : "";
      if (!is_inside(path)) refuse(fmt::format("it holds {}", quote(name)));
      make_directories((tree / path).parent_path());
      const UniqueFd to =
          open_file(tree / path, O_WRONLY | O_CREAT | O_EXCL, (entry.mode & 0111U) != 0 ? 0555U : 0444U);
      pass(entry, [&](std::string_view piece) { write_all(to.get(), piece, tree / path); });
    }
  }

  // After the files, so that none is written through a link; and no link is made through another one. Where a
  // link leads depends on the others, and is known once all are there.
  void make_links(const fs::path& tree) const {
    const nlohmann::json links = nlohmann::json::parse(text(kLinks), nullptr, false);
    if (!links.is_object()) refuse("its links are damaged");
    const fs::path root = fs::canonical(tree);
    std::error_code error;
    for (const auto& [path, target] : links.items()) {
      const fs::path folder = (root / path).parent_path();
      if (!target.is_string() || !is_inside(path) || fs::weakly_canonical(folder, error) != folder)
        refuse(fmt::format("the link {} leaves it", quote(path)));
      make_directories(folder);
      fs::create_symlink(target.get<std::string>(), root / path, error);
      if (error) refuse(fmt::format("the link {} cannot be made: {}", quote(path), error.message()));
    }
    for (const auto& [path, target] : links.items())
      if (!is_below(fs::canonical(root / path, error), root))
        refuse(fmt::format("the link {} leaves it", quote(path)));
  }

 private:
  void pass(const TarEntry& entry, const std::function<void(std::string_view)>& sink) const {
    std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, entry.size)), '\0');
    for (std::uint64_t at = 0; at < entry.size;) {
      const ssize_t count =
          ::pread(file_.get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), entry.size - at),
                  static_cast<off_t>(entry.offset + at));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) throw_errno("read", folder_ / "runtime.tar", count < 0 ? errno : EIO);
      sink({buffer.data(), static_cast<std::size_t>(count)});
      at += static_cast<std::uint64_t>(count);
    }
  }

  fs::path folder_;
  UniqueFd file_;
  std::map<std::string, TarEntry, std::less<>> entries_;
};

// "glibc 2.36": what the runtime runs on here.
std::string libc_here(const Runtime& runtime) {
  return runtime.interpreter.libc.starts_with("glibc ") ? fmt::format("glibc {}", ::gnu_get_libc_version())
                                                        : runtime.interpreter.libc;
}

// The libc is this machine's, whatever the base ran on: it decides which wheels run here.
void settle_here(Interpreter& python) {
  if (!python.libc.starts_with("glibc ") || python.tags.platforms.empty()) return;
  const std::string version = ::gnu_get_libc_version();
  const std::size_t dot = version.find('.');
  unsigned major = 0, minor = 0;
  std::from_chars(version.data(), version.data() + std::min(dot, version.size()), major);
  if (dot != std::string::npos)
    std::from_chars(version.data() + dot + 1, version.data() + version.size(), minor);
  const std::string& first = python.tags.platforms.front();  // linux_x86_64
  python.tags.platforms = linux_platforms(first.substr(first.find('_') + 1), Libc::Glibc, major, minor);
  python.libc = "glibc " + version;
}

// Before anything is built of it.
void require_that_it_starts(const Interpreter& python, const fs::path& tree, const fs::path& directory) {
  const ProcessResult result = run_process(
      {.argv = {(tree / runtime_layout(python).python).native(), "-I", "-S", "-B", "-c", "import os"},
       .environment = {{{"PATH", "/usr/bin:/bin"}, {"LC_ALL", "C.UTF-8"}}},
       .directory = directory,
       .input = {},
       .merge_output = true,
       .timeout = std::chrono::seconds(30)});
  if (result.status == 0) return;
  std::vector<std::string> details;
  for (const std::string_view line : split_lines(result.output)) details.emplace_back(line);
  throw Error(ErrorKind::NoSolution,
              fmt::format("the Python {} in the bundle does not start on this machine", python.version),
              {"make the bundle on a machine with an older glibc, or without --with-python"},
              std::move(details));
}

}  // namespace

namespace {

// Named by its bytes, so that nobody's environment is made of it by chance.
std::string fingerprint_of(const std::string& version, const Digest& sha256) {
  return fmt::format("{}-{}", version, sha256.hex.substr(0, 16));
}

}  // namespace

bool has_bundled_runtime(const std::string& version, const Digest& sha256, const Store& store) {
  const auto there = find_runtime(fingerprint_of(version, sha256), store);
  return there && there->interpreter.libc == libc_here(*there);
}

void write_runtime_blob(const Runtime& runtime, const fs::path& file) {
  const UniqueFd fd = open_file(file, O_WRONLY | O_CREAT | O_EXCL);
  GzipWriter gzip([&](std::string_view bytes) { write_all(fd.get(), bytes, file); });
  TarWriter tar([&](std::string_view bytes) { gzip.write(bytes); }, kRuntimeMtime);
  nlohmann::json links = nlohmann::json::object();
  for (const auto& [path, target] : runtime.links) links[path] = target;
  tar.add(kFacts, to_json(runtime.interpreter));
  tar.add(kLinks, links.dump());
  for (const StoredFile& one : runtime.files) add_file(tar, one, runtime.tree);
  tar.finish();
  gzip.finish();
}

Runtime obtain_bundled_runtime(const std::string& version, const Digest& sha256, const PassBlob& pass,
                               Store& store, Workers& workers, Reporter& reporter) {
  const std::string fingerprint = fingerprint_of(version, sha256);
  auto there = find_runtime(fingerprint, store);
  if (there && there->interpreter.libc == libc_here(*there)) return std::move(*there);
  if (!there) drop_damaged_runtime(fingerprint, store);  // or nothing
  const Phase phase(reporter, "unpack");
  const TempDir work = store.make_temp("runtime");
  const fs::path tree = fs::absolute(work.path()) / "tree";
  const TempDir folder = store.make_temp("runtime-tar");
  const Unpacking archive(pass, folder.path());
  auto python = interpreter_from_json(archive.text(kFacts));
  if (!python) refuse(fmt::format("its facts: {}", python.error().message));
  if (python->version != version) refuse(fmt::format("it is Python {}, not {}", python->version, version));
  const RuntimeLayout layout = runtime_layout(*python);
  for (const std::string& path : {layout.python, layout.stdlib, layout.libpython, layout.include})
    if (!path.empty() && !is_inside(path)) refuse("its facts lead out of it");
  settle_here(*python);
  archive.unpack(tree);
  archive.make_links(tree);
  require_that_it_starts(*python, tree, folder.path());
  return publish_runtime(work, *python, fingerprint, store, workers);
}

}  // namespace moat
