#include "envs/journal/move_check.h"

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

// A bind mount of the same file system has the same device, but renames across it still fail.
bool on_same_mount(const Facts& a, const Facts& b) {
  if ((a.stx_mask & b.stx_mask & STATX_MNT_ID) != 0) return a.stx_mnt_id == b.stx_mnt_id;
  return a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor;
}

// proc_pid_mountinfo(5): blanks, line ends and backslashes of a path are three octal digits.
std::string unescape_mount_point(std::string_view field) {
  std::string out;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size()) {
      out += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0'));
      i += 3;
    } else {
      out += field[i];
    }
  }
  return out;
}

// Mount points below a folder, relative to it. Empty if the system does not tell.
std::vector<std::string> mount_points_below(const fs::path& folder) {
  std::error_code failure;
  const std::string prefix = fs::canonical(folder, failure).string() + "/";
  const auto table = failure ? std::nullopt : read_file_if_exists("/proc/self/mountinfo");
  std::vector<std::string> out;
  for (const std::string_view line : split(table.value_or(""), '\n')) {
    const std::vector<std::string_view> fields = split(line, ' ');
    if (fields.size() < 5) continue;
    const std::string place = unescape_mount_point(fields[4]);
    if (place.starts_with(prefix)) out.push_back(place.substr(prefix.size()));
  }
  return out;
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
  // Will the existing entry be gone, or replaced by this change?
  bool is_renewed(std::string path) const {
    for (; !path.empty(); path = parent_of(path))
      if (renewed_.count(path) != 0) return true;
    return false;
  }

  // A directory that is removed once everything in it has been moved out.
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
    if (!facts) return;  // somebody removed it: the move has nothing to do
    check_parent(parent_of(path));
    check_movable(path, *facts);
    if (S_ISDIR(facts->stx_mode)) check_no_mount_below(path);
  }

  // The system would let the folder go, and the mounted files would end among the old ones.
  void check_no_mount_below(const std::string& path) {
    if (!mount_points_) mount_points_ = mount_points_below(root_);
    for (const std::string& place : *mount_points_)
      if (place.starts_with(path + "/")) refuse_mount(root_ / place);
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
    // A directory that gets another parent is itself modified: its `..` changes.
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
  std::optional<std::vector<std::string>> mount_points_;  // below root_; asked for once it matters
};

}  // namespace

void check_moves(const fs::path& environment, const std::vector<Move>& moves) {
  MoveCheck check(environment);
  for (const Move& move : moves) check.check(move);
}

void refuse_mounts_below(const fs::path& folder) {
  const std::vector<std::string> places = mount_points_below(folder);
  if (places.empty()) return;
  const fs::path place = folder / places.front();
  throw Error(ErrorKind::Disk,
              fmt::format("cannot delete {}: something is mounted at {}, and its files would be deleted too",
                          quote(folder.string()), quote(place.string())),
              {fmt::format("unmount it first: umount {}", place.string())});
}

bool is_mount_point(const fs::path& folder) {
  const auto facts = look_at(folder);
  return facts && has(*facts, STATX_ATTR_MOUNT_ROOT);
}

}  // namespace moat
