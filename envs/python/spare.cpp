#include "envs/python/spare.h"

#include "envs/journal/unflushed.h"
#include "envs/python/runtime_entry.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>

namespace moat {
namespace {

constexpr std::string_view kTree = "rt";
// The list of files that it is a copy of: a runtime may be replaced by one with more bytecode.
constexpr std::string_view kList = "list";

std::optional<std::string> list_digest(const fs::path& runtime_entry) {
  const auto list = read_file_if_exists(runtime_entry / "manifest");
  return list ? std::optional(hash_bytes(*list).hex) : std::nullopt;
}

bool is_of_list(const fs::path& spare, const fs::path& runtime_entry) {
  const auto digest = list_digest(runtime_entry);
  return digest && read_file_if_exists(spare / kList) == digest;
}

// Like a folder made by us now: ours, and with the permissions that the umask gives.
bool is_as_ours(const fs::path& folder, const fs::path& made_now) {
  struct stat there {
  }, ours{};
  constexpr mode_t kPermissions = 0777;
  return ::lstat(folder.c_str(), &there) == 0 && S_ISDIR(there.st_mode) &&
         ::stat(made_now.c_str(), &ours) == 0 && there.st_uid == ours.st_uid && there.st_dev == ours.st_dev &&
         (there.st_mode & kPermissions) == (ours.st_mode & kPermissions);
}

}  // namespace

bool take_spare(const Runtime& runtime, const fs::path& to, Workers& workers) {
  if (runtime.spare.empty()) return false;
  const fs::path tree = runtime.spare / kTree;
  try {
    if (!is_as_ours(tree, to.parent_path()) || !is_of_list(runtime.spare, runtime.tree.parent_path()))
      return false;
    if (!looks_whole(tree, runtime.files, workers)) {
      ::unlink((runtime.spare / kList).c_str());  // so that make_spare() puts another in its place
      return false;
    }
  } catch (const Error&) {
    return false;  // taken by another process
  }
  // If two try at once, one gets it.
  if (::rename(tree.c_str(), to.c_str()) != 0) return false;
  ::unlink((runtime.spare / kList).c_str());
  ::rmdir(runtime.spare.c_str());
  return true;
}

bool has_spare(std::string_view fingerprint, const Store& store) {
  const fs::path spare = store.layout().spare(fingerprint);
  std::error_code none;
  return fs::is_directory(spare / kTree, none) && is_of_list(spare, store.layout().runtime(fingerprint));
}

void make_spare(std::string_view fingerprint, Store& store, Workers& workers) {
  if (has_spare(fingerprint, store)) return;
  const auto digest = list_digest(store.layout().runtime(fingerprint));
  const std::optional<Runtime> runtime = find_runtime(fingerprint, store);
  if (!digest || !runtime) return;
  const TempDir grave = store.make_temp("spares");
  std::error_code none;
  std::size_t count = 0;
  for (fs::directory_iterator old(store.layout().spare(""), none), end; !none && old != end;
       old.increment(none))
    fs::rename(old->path(), grave.path() / std::to_string(count++), none);
  TempDir work = store.make_temp("spare");
  materialise(*runtime, work.path() / kTree, LinkMode::Auto, workers);
  write_file_atomically(work.path() / kList, *digest, 0644);
  sync_file_system(work.path());
  // Unlike other entries, its files do not become read-only: they will be an environment's.
  const fs::path spare = store.layout().spare(fingerprint);
  make_directories(spare.parent_path());
  if (rename_if_absent(work.path(), spare)) work.keep();
}

}  // namespace moat
