#include "envs/deploy/runtime_blob.h"

#include "envs/place/bytecode.h"
#include "envs/python/runtime_entry.h"
#include "envs/python/snapshot.h"
#include "fetch/os/paths.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace moat {
namespace {

constexpr BlobArchive::Limits kLimits{.bytes = std::uint64_t{2} << 30U, .files = 50'000};
constexpr std::string_view kFacts = "facts.json", kLinks = "links.json", kTree = "tree/";

// --- reading ---

std::string path_in_tree(const BlobArchive& archive, std::string_view name) {
  std::string path(name.starts_with(kTree) ? name.substr(kTree.size()) : "");
  if (!is_inside(path)) archive.refuse(fmt::format("it holds {}", quote(name)));
  return path;
}

bool is_in_tree(std::string_view name) { return name != kFacts && name != kLinks; }

void unpack(const BlobArchive& archive, const fs::path& tree) {
  for (const auto& [name, entry] : archive.entries()) {
    if (!is_in_tree(name)) continue;
    const fs::path file = tree / path_in_tree(archive, name);
    make_directories(file.parent_path());
    archive.save(entry, file, (entry.mode & 0111U) != 0 ? 0555U : 0444U);
  }
}

using Links = std::map<std::string, std::string>;

Links links_of(const BlobArchive& archive) {
  const nlohmann::json json = nlohmann::json::parse(archive.text(kLinks), nullptr, false);
  if (!json.is_object()) archive.refuse("its links are damaged");
  Links out;
  for (const auto& [path, target] : json.items()) {
    if (!target.is_string()) archive.refuse(fmt::format("the link {} leaves it", quote(path)));
    out.emplace(path, target.get<std::string>());
  }
  return out;
}

// After the files, so that no file is written through a link; and no link is made through another one. The
// target of a link depends on the others, so it is known once all are there.
void make_links(const BlobArchive& archive, const fs::path& tree) {
  const Links links = links_of(archive);
  const fs::path root = fs::canonical(tree);
  std::error_code error;
  for (const auto& [path, target] : links) {
    const fs::path folder = (root / path).parent_path();
    if (!is_inside(path) || fs::weakly_canonical(folder, error) != folder)
      archive.refuse(fmt::format("the link {} leaves it", quote(path)));
    make_directories(folder);
    fs::create_symlink(target, root / path, error);
    if (error) archive.refuse(fmt::format("the link {} cannot be made: {}", quote(path), error.message()));
  }
  for (const auto& [path, target] : links)
    if (!is_below(fs::canonical(root / path, error), root))
      archive.refuse(fmt::format("the link {} leaves it", quote(path)));
}

// "glibc 2.36": the libc that the runtime uses on this machine.
std::string libc_here(const Runtime& runtime) {
  return runtime.interpreter.libc.starts_with("glibc ") ? fmt::format("glibc {}", ::gnu_get_libc_version())
                                                        : runtime.interpreter.libc;
}

// The libc is this machine's, not that of the base: it decides which wheels run here.
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

// The runtime, if the store has it for the libc of this machine.
std::optional<Runtime> usable_runtime(const std::string& fingerprint, const Store& store) {
  auto there = find_runtime(fingerprint, store);
  if (there && there->interpreter.libc != libc_here(*there)) there.reset();
  return there;
}

}  // namespace

ProcessResult try_python(const fs::path& python, const fs::path& directory) {
  return run_process({.argv = {python.native(), "-I", "-S", "-B", "-c", "import os"},
                      .environment = {{{"PATH", "/usr/bin:/bin"}, {"LC_ALL", "C.UTF-8"}}},
                      .directory = directory,
                      .input = {},
                      .merge_output = true,
                      .timeout = std::chrono::seconds(30)});
}

void refuse_bundled_runtime(const std::string& version, std::string_view output) {
  std::vector<std::string> details;
  for (const std::string_view line : split_lines(output)) details.emplace_back(line);
  throw Error(ErrorKind::NoSolution,
              fmt::format("the Python {} in the bundle does not start on this machine", version),
              {"make the bundle on a machine with an older glibc, or without --with-python"},
              std::move(details));
}

namespace {

// The name contains the digest, so no other environment uses this runtime by accident.
std::string fingerprint_of(const std::string& version, const Digest& sha256) {
  return fmt::format("{}-{}", version, sha256.hex.substr(0, 16));
}

}  // namespace

bool has_bundled_runtime(const std::string& version, const Digest& sha256, const Store& store) {
  return usable_runtime(fingerprint_of(version, sha256), store).has_value();
}

void write_runtime_blob(const Runtime& runtime, const fs::path& file) {
  BlobArchiveWriter archive(file, kRuntimeMtime);
  nlohmann::json links = nlohmann::json::object();
  for (const auto& [path, target] : runtime.links) links[path] = target;
  archive.add(kFacts, to_json(runtime.interpreter));
  archive.add(kLinks, links.dump());
  for (const StoredFile& one : runtime.files)
    archive.add_file(fmt::format("{}{}", kTree, one.path), runtime.tree / one.path, one.size, one.executable);
  archive.finish();
}

namespace {

struct RuntimeArchive {
  std::shared_ptr<const BlobArchive> archive;
  Interpreter python;
};

// Verified, except the contents of its tree.
RuntimeArchive open_archive(const std::string& version, const PassBlob& pass, const fs::path& folder) {
  auto archive = std::make_shared<const BlobArchive>("the Python in the bundle", pass, folder, kLimits);
  auto python = interpreter_from_json(archive->text(kFacts));
  if (!python) archive->refuse(fmt::format("its facts: {}", python.error().message));
  if (python->version != version)
    archive->refuse(fmt::format("it is Python {}, not {}", python->version, version));
  if (!is_bytecode_key(bytecode_key(*python)))
    archive->refuse("its facts have an invalid cache tag or magic number");
  const RuntimeLayout layout = runtime_layout(*python);
  for (const std::string& path : {layout.python, layout.stdlib, layout.libpython, layout.include})
    if (!path.empty() && !is_inside(path)) archive->refuse("its facts lead out of it");
  settle_here(*python);
  return {std::move(archive), *std::move(python)};
}

// Does each link lead to a file beside it, if need be by way of other such links, and is there nothing whose
// path goes through a link? Then they are harmless wherever they are made. moat's own bundles have no others.
bool are_plain(const Links& links, const std::set<std::string>& files) {
  const auto lies_below_link = [&](const std::string& path) {
    for (std::size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
      if (links.contains(path.substr(0, slash))) return true;
    return false;
  };
  const auto leads_to_file = [&](std::string path) {
    constexpr int kMostHops = 8;
    for (int hop = 0; hop < kMostHops; ++hop) {
      if (files.contains(path)) return true;
      const auto link = links.find(path);
      if (link == links.end() || link->second.find('/') != std::string::npos) return false;
      path = (fs::path(path).parent_path() / link->second).native();
    }
    return false;
  };
  return std::ranges::none_of(files, lies_below_link) && std::ranges::all_of(links, [&](const auto& link) {
           return is_inside(link.first) && !files.contains(link.first) && !lies_below_link(link.first) &&
                  leads_to_file(link.first);
         });
}

std::vector<StoredFile> files_of(const BlobArchive& archive, Workers& workers) {
  std::vector<StoredFile> out;
  std::vector<const TarEntry*> entries;
  for (const auto& [name, entry] : archive.entries()) {
    if (!is_in_tree(name)) continue;
    out.push_back({.path = path_in_tree(archive, name),
                   .size = entry.size,
                   .executable = (entry.mode & 0111U) != 0,
                   .mtime = kRuntimeMtime});
    entries.push_back(&entry);
  }
  workers.for_each(out.size(), [&](std::size_t i) { out[i].digest = archive.hash(*entries[i]); });
  return out;
}

}  // namespace

std::optional<Runtime> open_bundled_runtime(const std::string& version, const Digest& sha256,
                                            const PassBlob& pass, Store& store, Workers& workers) {
  Runtime runtime{.fingerprint = fingerprint_of(version, sha256)};
  if (auto there = usable_runtime(runtime.fingerprint, store)) return there;
  const TempDir folder = store.make_temp("runtime-tar");
  RuntimeArchive opened = open_archive(version, pass, folder.path());
  const Links links = links_of(*opened.archive);
  runtime.files = files_of(*opened.archive, workers);
  std::set<std::string> names;
  for (const StoredFile& file : runtime.files) names.insert(file.path);
  if (!are_plain(links, names) || !names.contains(runtime_layout(opened.python).python)) return std::nullopt;
  runtime.links.assign(links.begin(), links.end());
  runtime.packed = BlobArchive::files(std::move(opened.archive), std::string(kTree));
  runtime.interpreter = std::move(opened.python);
  return runtime;
}

Runtime obtain_bundled_runtime(const std::string& version, const Digest& sha256, const PassBlob& pass,
                               Store& store, Workers& workers) {
  const std::string fingerprint = fingerprint_of(version, sha256);
  auto there = find_runtime(fingerprint, store);
  if (there && there->interpreter.libc == libc_here(*there)) return std::move(*there);
  if (!there) drop_damaged_runtime(fingerprint, store);  // or nothing
  const TempDir work = store.make_temp("runtime");
  const fs::path tree = fs::absolute(work.path()) / "tree";
  const TempDir folder = store.make_temp("runtime-tar");
  const auto [archive, python] = open_archive(version, pass, folder.path());
  unpack(*archive, tree);
  make_links(*archive, tree);
  if (const ProcessResult started = try_python(tree / runtime_layout(python).python, folder.path());
      started.status != 0)
    refuse_bundled_runtime(python.version, started.output);
  return publish_runtime(work, python, fingerprint, store, workers);
}

}  // namespace moat
