#include "envs/move_check.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <unordered_set>

namespace moat {

namespace {

using Facts = struct statx;

std::optional<Facts> look_at(const fs::path& path) {
  Facts facts{};
  constexpr unsigned kWanted = STATX_TYPE | STATX_MODE | STATX_UID | STATX_MNT_ID;
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, kWanted, &facts) == 0)
    return facts;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  throw_errno("look at", path, errno);
}

bool has(const Facts& facts, std::uint64_t attribute) { return (facts.stx_attributes & attribute) != 0; }

// A bind mount of the same file system has the same device, and renames across it fail all the same.
bool on_same_mount(const Facts& a, const Facts& b) {
  if ((a.stx_mask & b.stx_mask & STATX_MNT_ID) != 0) return a.stx_mnt_id == b.stx_mnt_id;
  return a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? std::string() : path.substr(0, slash);
}

class MoveCheck {
 public:
  explicit MoveCheck(const fs::path& environment)
      : root_(environment), home_(look_at(environment / ".moat").value_or(Facts{})) {}

  void check(const Move& move) {
    switch (move.kind) {
      case Move::Kind::MakeDirectory:
        check_parent(parent_of(move.from));
        renewed_.insert(move.from);
        return;
      case Move::Kind::RemoveDirectory:
        emptied_.insert(move.from);  // one that is not empty stays
        return;
      case Move::Kind::Out:
        check_out(move.from);
        renewed_.insert(move.from);
        return;
      case Move::Kind::In:
        check_in(move);
        return;
    }
  }

 private:
  // Will what lies there now be gone, or made by this change?
  bool is_renewed(std::string path) const {
    for (; !path.empty(); path = parent_of(path))
      if (renewed_.count(path) != 0) return true;
    return false;
  }

  // A directory that is removed once everything in it went out.
  bool will_be_gone(const std::string& path) const {
    if (emptied_.count(path) == 0) return false;
    for (const fs::directory_entry& entry : fs::directory_iterator(root_ / path)) {
      const std::string child = path + "/" + entry.path().filename().string();
      if (renewed_.count(child) == 0 && !will_be_gone(child)) return false;
    }
    return true;
  }

  void check_out(const std::string& path) {
    const auto facts = look_at(root_ / path);
    if (!facts) return;  // removed by somebody: a move of nothing
    check_parent(parent_of(path));
    check_movable(path, *facts);
  }

  void check_in(const Move& move) {
    check_parent(parent_of(move.to));
    if (is_renewed(move.to)) return;
    const auto there = look_at(root_ / move.to);
    if (!there) return;
    const auto coming = look_at(root_ / move.from);
    const bool makes_room = S_ISDIR(there->stx_mode) && will_be_gone(move.to);
    if (coming && !makes_room && S_ISDIR(coming->stx_mode) != S_ISDIR(there->stx_mode))
      throw Error(
          ErrorKind::Refused,
          fmt::format("{} is in the way: {}", quote((root_ / move.to).string()),
                      S_ISDIR(there->stx_mode) ? "a file has to be there" : "a folder has to be there"),
          {fmt::format("move it elsewhere, then try again: mv {0} {0}.old", (root_ / move.to).string())});
    check_movable(move.to, *there);
  }

  void check_movable(const std::string& path, const Facts& facts) const {
    const fs::path full = root_ / path;
    const bool is_directory = S_ISDIR(facts.stx_mode);
    if (has(facts, STATX_ATTR_MOUNT_ROOT) || (is_directory && !on_same_mount(facts, home_)))
      refuse_mount(full);
    if (has(facts, STATX_ATTR_IMMUTABLE) || has(facts, STATX_ATTR_APPEND)) refuse_immutable(full);
    // A directory that gets another parent is written to: its `..` changes.
    if (is_directory && ::faccessat(AT_FDCWD, full.c_str(), W_OK, AT_EACCESS) != 0)
      throw_errno("move", full, errno);
    check_sticky(path, facts);
  }

  // In a directory such as /tmp a file can only be moved by its owner, or the directory's.
  void check_sticky(const std::string& path, const Facts& facts) const {
    const uid_t user = ::geteuid();
    if (user == 0 || facts.stx_uid == user) return;
    const auto parent = look_at(root_ / parent_of(path));
    if (parent && (parent->stx_mode & S_ISVTX) != 0 && parent->stx_uid != user)
      throw_errno("move", root_ / path, EPERM);
  }

  void check_parent(const std::string& directory) {
    if (is_renewed(directory) || !checked_.insert(directory).second) return;
    if (!directory.empty()) check_place(parent_of(directory));
    const fs::path full = directory.empty() ? root_ : root_ / directory;
    const auto facts = check_directory(full);
    if (!facts) return;
    if (::faccessat(AT_FDCWD, full.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
      throw_errno("write in", full, errno);
    if (has(*facts, STATX_ATTR_IMMUTABLE) || has(*facts, STATX_ATTR_APPEND)) refuse_immutable(full);
  }

  // A directory on the way: real, and on our file system.
  void check_place(const std::string& directory) {
    if (directory.empty() || !places_.insert(directory).second) return;
    check_place(parent_of(directory));
    check_directory(root_ / directory);
  }

  std::optional<Facts> check_directory(const fs::path& full) const {
    const auto facts = look_at(full);
    if (!facts) return std::nullopt;
    if (!S_ISDIR(facts->stx_mode))
      throw Error(ErrorKind::Refused,
                  fmt::format("{} is {}, not a folder of this environment", quote(full.string()),
                              S_ISLNK(facts->stx_mode) ? "a link" : "a file"),
                  {fmt::format("move it elsewhere, then try again: mv {0} {0}.old", full.string())});
    if (!on_same_mount(*facts, home_)) refuse_mount(full);
    return facts;
  }

  [[noreturn]] static void refuse_mount(const fs::path& path) {
    throw Error(
        ErrorKind::Disk,
        fmt::format("cannot change {}: something is mounted there, and files cannot be moved across it",
                    quote(path.string())),
        {fmt::format("unmount it for the change: umount {}", path.string())});
  }
  [[noreturn]] static void refuse_immutable(const fs::path& path) {
    throw Error(ErrorKind::Disk,
                fmt::format("cannot change {}: it is immutable or append-only", quote(path.string())),
                {fmt::format("chattr -i -a {}", path.string())});
  }

  fs::path root_;
  Facts home_;  // of .moat, where the stage and the history are
  std::unordered_set<std::string> renewed_, emptied_, checked_, places_;
};

}  // namespace

void check_moves(const fs::path& environment, const std::vector<Move>& moves) {
  MoveCheck check(environment);
  for (const Move& move : moves) check.check(move);
}

bool is_mount_point(const fs::path& folder) {
  const auto facts = look_at(folder);
  return facts && has(*facts, STATX_ATTR_MOUNT_ROOT);
}

}  // namespace moat
