#include "envs/environment/new_place.h"

#include "envs/journal/file_plan.h"
#include "envs/journal/history.h"
#include "envs/journal/move_check.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <set>

namespace moat {

namespace {

using Names = std::set<std::string>;

Names names_in(const fs::path& folder) {
  Names out;
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; !failure && it != end; it.increment(failure))
    out.insert(it->path().filename().string());
  if (failure && failure != std::errc::no_such_file_or_directory)
    throw_errno("list", folder, failure.value());
  return out;
}

// ext4 puts it into the root of every file system.
bool is_of_the_file_system(const std::string& name) { return name == "lost+found"; }

// 0, or an errno. Both names must exist; nobody ever sees one of them missing.
int exchange(const fs::path& a, const fs::path& b) {
  constexpr unsigned kExchange = 2;  // RENAME_EXCHANGE
  return ::syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), kExchange) == 0 ? 0 : errno;
}

// The kernel's errors for a folder that cannot be renamed: a mount point, another file system or layer, a
// directory of another user.
bool is_no_to_the_folder(int error_number) {
  return error_number == EBUSY || error_number == EXDEV || error_number == EACCES || error_number == EPERM ||
         error_number == EROFS;
}

bool exchange_folders(const fs::path& staged, const fs::path& root) {
  const int failure = exchange(staged, root);
  if (failure == 0) return true;
  if (is_no_to_the_folder(failure)) return false;
  if (failure != EINVAL && failure != ENOSYS) throw_errno("replace", root, failure);
  const fs::path aside = staged.parent_path() / "old";  // file systems without the exchange: two renames
  if (::rename(root.c_str(), aside.c_str()) != 0) {
    if (is_no_to_the_folder(errno)) return false;
    throw_errno("replace", root, errno);
  }
  try {
    rename_over(staged, root);
  } catch (const Error&) {
    rename_over(aside, root);
    throw;
  }
  return true;
}

// Moves everything out except what the change itself needs: directories whole, or file by file if they cannot
// be renamed.
class EverythingOut {
 public:
  EverythingOut(const fs::path& root, const Change& change)
      : root_(root), history_(change.history_relative() + "/"), single_files_(needs_single_files(root)) {}

  std::vector<Move> moves() {
    for (const std::string& name : names_in(root_))
      if (name != ".moat" && !is_of_the_file_system(name)) take_out(name);
    for (const std::string& name : names_in(root_ / ".moat"))
      if (!kOfTheChange.contains(name)) take_out(".moat/" + name);
    moves_.insert(moves_.end(), emptied_.begin(), emptied_.end());
    return std::move(moves_);
  }

  // Of `.moat`; the manifest is moved by every commit.
  static inline const Names kOfTheChange = {"lock", "journal", "stage", "history", "manifest", "unflushed"};

 private:
  void take_out(const std::string& path) {
    struct stat facts {};
    if (single_files_ && ::lstat((root_ / path).c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) {
      for (const std::string& name : names_in(root_ / path)) take_out(path + "/" + name);
      emptied_.push_back({Move::Kind::RemoveDirectory, path, {}});
    } else {
      moves_.push_back({Move::Kind::Out, path, history_ + path});
    }
  }

  fs::path root_;
  std::string history_;
  bool single_files_;
  std::vector<Move> moves_, emptied_;
};

}  // namespace

bool is_vacant(const fs::path& root) {
  struct stat facts {};
  if (::lstat(root.c_str(), &facts) != 0) return errno == ENOENT || errno == ENOTDIR;
  std::error_code ignored;
  if (!fs::is_directory(root, ignored)) return false;
  static const Names kOfAKilledCreate = {"lock", "stage"};
  const auto is_trace = [&](const std::string& name) {
    if (name == ".moat") return std::ranges::includes(kOfAKilledCreate, names_in(root / ".moat"));
    return is_of_the_file_system(name) && is_mount_point(root);
  };
  return std::ranges::all_of(names_in(root), is_trace);
}

bool must_switch_inside(const fs::path& root) {
  struct stat folder {
  }, parent{};
  if (::lstat(root.c_str(), &folder) != 0 || !S_ISDIR(folder.st_mode)) return false;
  if (is_mount_point(root)) return true;
  // Not empty, so no rename replaces it; remains of a killed `create` are swept from it.
  if (fs::exists(root / ".moat/stage") && !fs::exists(root / "pyvenv.cfg")) return true;
  const fs::path above = root.parent_path();
  if (::faccessat(AT_FDCWD, above.c_str(), W_OK | X_OK, AT_EACCESS) != 0) return true;
  const uid_t user = ::geteuid();
  return ::stat(above.c_str(), &parent) == 0 && (parent.st_mode & S_ISVTX) != 0 && user != 0 &&
         user != parent.st_uid && user != folder.st_uid;
}

bool switch_folders(const fs::path& staged, const fs::path& root, bool replace) {
  std::error_code ignored;
  const bool is_there = fs::exists(fs::symlink_status(root, ignored));
  if (is_there && replace) return exchange_folders(staged, root);
  // Replaces an empty folder, but not one that another process has filled in the meantime.
  if (is_there ? ::rename(staged.c_str(), root.c_str()) == 0 : rename_if_absent(staged, root)) return true;
  if (is_there && is_no_to_the_folder(errno)) return false;
  if (is_there && errno != ENOTEMPTY && errno != EEXIST) throw_errno("replace", root, errno);
  throw Error(ErrorKind::Exists, quote(root.string()) + ": another process created it meanwhile");
}

void switch_inside(Change& change, const fs::path& root, Durable durable,
                   const std::optional<std::string>& as_change) {
  const fs::path stage = change.stage();
  const fs::path file = stage / ".moat/manifest";
  auto manifest = parse_manifest(read_file(file));
  if (!manifest)
    throw Error(ErrorKind::BadInput, quote(file.string()) + " is damaged: " + manifest.error().message);

  std::vector<Move> moves = EverythingOut(root, change).moves();
  const auto bring = [&](const std::string& path) {
    moves.push_back({Move::Kind::In, change.stage_relative() + "/" + path, path});
  };
  for (const std::string& name : names_in(stage / ".moat"))
    if (!EverythingOut::kOfTheChange.contains(name)) bring(".moat/" + name);
  // The file that makes it an environment comes last.
  for (const std::string& name : names_in(stage))
    if (name != ".moat" && name != "pyvenv.cfg") bring(name);
  bring("pyvenv.cfg");
  std::vector<std::string> summary;
  if (as_change)
    if (const auto before = parse_manifest(read_file(root / ".moat/manifest")))
      summary = summarize(*before, *manifest);
  change.commit(moves, *std::move(manifest), as_change.value_or("moat create"), summary, durable);
  // The environment that a new one replaced cannot be restored.
  if (!as_change) remove_tree_quietly(root / ".moat/history");
}

}  // namespace moat
