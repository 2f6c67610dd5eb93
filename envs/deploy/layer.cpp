#include "envs/deploy/layer.h"

#include "envs/environment/scripts.h"
#include "envs/journal/bytecode_list.h"
#include "envs/journal/manifest.h"
#include "fetch/archive/tar.h"
#include "fetch/bytes/gzip.h"
#include "fetch/os/interrupt.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace moat {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18U;
// Of a package that has a layer of its own.
constexpr std::uint64_t kLarge = std::uint64_t{4} << 20U;
constexpr std::size_t kBuckets = 8;
static_assert(kBuckets < kMostPackageLayers);

void add_file(TarWriter& tar, const ImageMember& member, const std::stop_token& stop) {
  const UniqueFd input = open_file(member.source, O_RDONLY);
  struct stat status {};
  if (::fstat(input.get(), &status) != 0) throw_errno("look at", member.source, errno);
  tar.begin(member.path, static_cast<std::uint64_t>(status.st_size), member.mode, member.mtime);
  std::string buffer(kPiece, '\0');
  for (;;) {
    throw_if_interrupted(stop);
    const ssize_t count = ::read(input.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("read", member.source, errno);
    if (count == 0) break;
    tar.write({buffer.data(), static_cast<std::size_t>(count)});
  }
  tar.end();
}

void add_member(TarWriter& tar, const ImageMember& member, const std::stop_token& stop) {
  switch (member.kind) {
    case ImageMember::Kind::Folder:
      tar.add_folder(member.path, member.mode);
      break;
    case ImageMember::Kind::Link:
      tar.add_link(member.path, member.text);
      break;
    case ImageMember::Kind::File:
      if (member.source.empty())
        tar.add(member.path, member.text, member.mode);
      else
        add_file(tar, member, stop);
  }
}

// --- the environment ---

// Files that are specific to one machine and one moment.
bool stays_here(const std::string& path) {
  for (const char* name :
       {".moat/lock", ".moat/journal", ".moat/unflushed", ".moat/stage", ".moat/history", ".gitignore"})
    if (path == name || path.starts_with(std::string(name) + "/")) return true;
  return false;
}

// The list of packages: it changes whenever one of them does.
bool tells_of_all(const std::string& path) {
  return path == "pyvenv.cfg" || path == ".moat/manifest" || path == kBytecodeList;
}

struct Placed {
  ImageMember member;
  std::uint64_t size = 0;
};

// Rewrites a command of the environment to start without a shell, since an image may have none.
std::optional<std::string> fixed_script(const fs::path& file, const std::string& path,
                                        const std::string& place) {
  if (!path.starts_with("bin/")) return std::nullopt;
  const UniqueFd input = open_file(file, O_RDONLY);
  std::array<char, 2> begin{};
  if (::pread(input.get(), begin.data(), begin.size(), 0) != 2 || begin[0] != '#' || begin[1] != '!')
    return std::nullopt;
  return script_at(read_file(file), place + "/bin/python");
}

Placed member_of(const fs::directory_entry& entry, const std::string& path, const std::string& place,
                 const std::string& inside) {
  struct stat status {};
  if (::lstat(entry.path().c_str(), &status) != 0) throw_errno("look at", entry.path(), errno);
  Placed out{.member = {.path = inside + "/" + path}, .size = 0};
  ImageMember& member = out.member;
  if (S_ISLNK(status.st_mode)) {
    member.kind = ImageMember::Kind::Link;
    member.text = fs::read_symlink(entry.path()).native();
  } else if (S_ISDIR(status.st_mode)) {
    member.kind = ImageMember::Kind::Folder;
    member.mode = 0755;
  } else if (path == "pyvenv.cfg") {
    const std::string text = read_file(entry.path());
    for (const std::string_view line : split_lines(text))
      member.text += line.starts_with("home =") ? fmt::format("home = {}/.moat/rt/bin\n", place)
                                                : fmt::format("{}\n", line);
  } else if (const auto script = fixed_script(entry.path(), path, place)) {
    member.text = *script;
    member.mode = 0755;
  } else {
    member.source = entry.path();
    member.mode = (status.st_mode & 0111U) != 0 ? 0755 : 0644;
    out.size = static_cast<std::uint64_t>(status.st_size);
    // Bytecode contains the time of its source.
    if (path.ends_with(".py")) member.mtime = static_cast<std::int64_t>(status.st_mtime);
  }
  return out;
}

// A layer that names the folders that its files are in, each before what is in it.
ImageLayer layer_of(std::string note, std::vector<ImageMember> members, const std::string& inside) {
  std::set<std::string> folders, there;
  for (const ImageMember& member : members) {
    if (member.kind == ImageMember::Kind::Folder) there.insert(member.path);
    for (fs::path folder = fs::path(member.path).parent_path(); folder.native().size() >= inside.size();
         folder = folder.parent_path())
      if (!folders.insert(folder.native()).second) break;
  }
  for (const std::string& folder : folders)
    if (there.count(folder) == 0)
      members.push_back({.path = folder, .kind = ImageMember::Kind::Folder, .mode = 0755});
  std::sort(members.begin(), members.end(),
            [](const ImageMember& a, const ImageMember& b) { return a.path < b.path; });
  return {std::move(note), std::move(members)};
}

std::string note_of(const std::vector<std::string>& names) {
  constexpr std::size_t kNamed = 6;
  if (names.size() <= kNamed) return join(names, ", ");
  const auto end = names.begin() + kNamed;
  return fmt::format("{} and {} more", join({names.begin(), end}, ", "), names.size() - kNamed);
}

}  // namespace

PackedLayer pack_layer(const ImageLayer& layer, std::int64_t created, const fs::path& file,
                       const std::stop_token& stop) {
  const UniqueFd fd = open_file(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
  Hasher packed, unpacked;
  std::uint64_t size = 0;
  GzipWriter gzip([&](std::string_view bytes) {
    packed.update(bytes);
    size += bytes.size();
    write_all(fd.get(), bytes, file);
  });
  TarWriter tar(
      [&](std::string_view bytes) {
        unpacked.update(bytes);
        gzip.write(bytes);
      },
      created);
  for (const ImageMember& member : layer.members) add_member(tar, member, stop);
  tar.finish();
  gzip.finish();
  return {
      .blob = {.media_type = std::string(oci::kLayerType) + "+gzip", .digest = packed.finish(), .size = size},
      .unpacked = unpacked.finish()};
}

std::vector<std::vector<std::string>> group_packages(const std::map<std::string, std::uint64_t>& sizes) {
  std::vector<std::pair<std::uint64_t, std::string>> large;
  for (const auto& [name, size] : sizes)
    if (size >= kLarge) large.emplace_back(size, name);
  std::sort(large.begin(), large.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  if (large.size() > kMostPackageLayers - kBuckets) large.resize(kMostPackageLayers - kBuckets);
  std::set<std::string> alone;
  for (const auto& [size, name] : large) alone.insert(name);
  std::vector<std::vector<std::string>> out, buckets(kBuckets);
  for (const std::string& name : alone) out.push_back({name});
  for (const auto& [name, size] : sizes)
    if (alone.count(name) == 0)
      buckets[std::strtoul(hash_bytes(name).hex.substr(0, 4).c_str(), nullptr, 16) % kBuckets].push_back(
          name);
  for (auto& bucket : buckets)
    if (!bucket.empty()) out.push_back(std::move(bucket));
  return out;
}

std::vector<ImageLayer> environment_layers(const Environment& environment, const std::string& place,
                                           const std::set<std::string>& own) {
  const std::string inside = place.substr(1);
  const Environment::Placed placed = environment.placed();
  std::map<std::string, std::string> owners;
  for (const ManifestEntry& entry : placed.manifest.entries) owners.emplace(entry.path, entry.owner);
  for (const BytecodeEntry& entry : placed.bytecode) owners.emplace(entry.path, entry.owner);
  std::map<std::string, std::vector<ImageMember>> by_owner;
  std::map<std::string, std::uint64_t> sizes;
  std::vector<ImageMember> runtime, last;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(environment.root())) {
    const std::string path = entry.path().lexically_relative(environment.root()).native();
    if (stays_here(path)) continue;
    Placed one = member_of(entry, path, place, inside);
    const auto owner = owners.find(path);
    const bool of_package = owner != owners.end() && !owner->second.empty();
    if (one.member.kind == ImageMember::Kind::Folder && !of_package) continue;  // with what is in it
    if (tells_of_all(path) || (of_package && own.count(owner->second) != 0)) {
      last.push_back(std::move(one.member));
    } else if (of_package) {
      sizes[owner->second] += one.size;
      by_owner[owner->second].push_back(std::move(one.member));
    } else {
      runtime.push_back(std::move(one.member));
    }
  }
  std::vector<ImageLayer> out;
  out.push_back(layer_of("Python " + environment.interpreter().version, std::move(runtime), inside));
  for (const std::vector<std::string>& group : group_packages(sizes)) {
    std::vector<ImageMember> members;
    for (const std::string& name : group)
      std::move(by_owner[name].begin(), by_owner[name].end(), std::back_inserter(members));
    out.push_back(layer_of(note_of(group), std::move(members), inside));
  }
  out.push_back(layer_of("the program", std::move(last), inside));
  return out;
}

}  // namespace moat
