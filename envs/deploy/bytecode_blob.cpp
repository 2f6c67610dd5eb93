#include "envs/deploy/bytecode_blob.h"

#include "fetch/archive/archive.h"
#include "resolver/base/base64.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {
namespace {

// Of one wheel; the largest that are known have a tenth.
constexpr BlobArchive::Limits kLimits{.bytes = std::uint64_t{1} << 30U, .files = 100'000};

// The bytecode's key, then the first 16 digits of the blob's hash.
std::string key_of(std::string_view key, const Digest& sha256) {
  return fmt::format("{}-{}", key, sha256.hex.substr(0, 16));
}

// PEP 552: the magic number, then the flags: a hash of the source follows, and is compared on import.
std::string expected_header(const Interpreter& interpreter) {
  return from_hex(interpreter.magic) + std::string("\3\0\0\0", 4);
}

void check_header(const BlobArchive& archive, const TarEntry& entry, const Interpreter& interpreter) {
  const std::string expected = expected_header(interpreter);
  if (!archive.bytes(entry).starts_with(expected))
    archive.refuse(fmt::format("{} is not bytecode for {} that is checked by its source", quote(entry.name),
                               bytecode_key(interpreter)));
}

}  // namespace

void write_bytecode_blob(const StoredBytecode& bytecode, const fs::path& file) {
  BlobArchiveWriter archive(file, kEarliestTime);
  for (const StoredFile& one : bytecode.files)
    archive.add_file(one.path, bytecode.tree / one.path, one.size, false);
  archive.finish();
}

bool has_bundled_bytecode(const Digest& wheel, std::string_view key, const Digest& sha256,
                          const Store& store) {
  return fs::exists(store.layout().pycs(wheel, key_of(key, sha256)) / "manifest");
}

namespace {

// Calls `take` with the name of each member, the member, and the source that it belongs to. Error(BadArchive)
// for one that is not bytecode of this wheel for this Python, checked by its source.
template <class F>
void for_each_member(const BlobArchive& archive, const StoredWheel& wheel, const Interpreter& interpreter,
                     F&& take) {
  const std::map<std::string, const StoredFile*> sources = sources_by_bytecode(wheel, interpreter);
  for (const auto& [name, entry] : archive.entries()) {
    const auto source = sources.find(name);
    if (source == sources.end())
      archive.refuse(fmt::format("{} belongs to no module of the wheel", quote(name)));
    check_header(archive, entry, interpreter);
    take(name, entry, *source->second);
  }
}

std::string bytecode_of(const StoredWheel& wheel) {
  return fmt::format("the bytecode of {} in the bundle", quote(wheel.filename));
}

}  // namespace

StoredBytecode open_bundled_bytecode(const StoredWheel& wheel, const Interpreter& interpreter,
                                     const Digest& sha256, const PassBlob& pass, Store& store) {
  if (auto there = find_bytecode(wheel, key_of(bytecode_key(interpreter), sha256), store))
    return *std::move(there);
  const TempDir folder = store.make_temp("bytecode-tar");
  auto archive = std::make_shared<const BlobArchive>(bytecode_of(wheel), pass, folder.path(), kLimits);
  StoredBytecode out;
  for_each_member(
      *archive, wheel, interpreter,
      [&](const std::string& name, const TarEntry& entry, const StoredFile& source) {
        out.files.push_back(
            {.path = name, .digest = archive->hash(entry), .size = entry.size, .mtime = source.mtime});
      });
  out.packed = BlobArchive::files(std::move(archive), "");
  return out;
}

StoredBytecode obtain_bundled_bytecode(const StoredWheel& wheel, const Interpreter& interpreter,
                                       const Digest& sha256, const PassBlob& pass, Store& store) {
  const std::string key = key_of(bytecode_key(interpreter), sha256);
  if (auto there = find_bytecode(wheel, key, store)) return *std::move(there);
  const TempDir folder = store.make_temp("bytecode"), archive_folder = store.make_temp("bytecode-tar");
  const BlobArchive archive(bytecode_of(wheel), pass, archive_folder.path(), kLimits);
  const fs::path tree = folder.path() / "tree";
  make_directories(tree);
  std::vector<StoredFile> files;
  for_each_member(archive, wheel, interpreter,
                  [&](const std::string& name, const TarEntry& entry, const StoredFile& source) {
                    make_directories((tree / name).parent_path());
                    archive.save(entry, tree / name, 0666);
                    files.push_back(describe_bytecode(tree / name, name, source));
                  });
  return publish_bytecode(folder, wheel, key, std::move(files), store);
}

}  // namespace moat
