#include "envs/environment/remove_environment.h"

#include "envs/environment/new_place.h"
#include "envs/journal/change.h"
#include "fetch/os/file.h"
#include "fetch/os/interrupt.h"
#include "fetch/os/leftovers.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <system_error>

namespace moat {

namespace {

constexpr std::chrono::seconds kPatience{60};

fs::path beside(const fs::path& root) {
  return root.parent_path() / fmt::format(".{}.removed-{}", root.filename().native(), getpid());
}

}  // namespace

// Deleting takes a while and may be interrupted: so it is moved away first, then deleted. A folder that must
// stay (a mounted volume, one in another user's directory) is emptied; until the end it remains an
// environment that can be removed again. Files that cannot be deleted do not restore it.
void remove_environment(const fs::path& root, Reporter& reporter) {
  const fs::path aside = beside(root);
  sweep_leftovers(root.parent_path());
  // Waits for a command that is changing it. Without this file there is no such command.
  std::optional<FileLock> alone;
  if (std::error_code gone; fs::is_regular_file(fs::symlink_status(root / ".moat/lock", gone))) try {
      alone = FileLock::acquire({root, ".moat/lock"}, FileLock::Mode::Exclusive, kPatience);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::Disk) throw;  // another user's lock: removing needs only the folder
    }
  const FolderHold hold(root);
  const CommitUnderWay under_way;
  if (!must_switch_inside(root) && ::rename(root.c_str(), aside.c_str()) == 0) {
    try {
      remove_tree(aside);
    } catch (const Error& error) {
      reporter.warn(fmt::format("could not delete all of it; the rest is in {}: {}", quote(aside.native()),
                                error.what()));
    }
    return;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(root))
    if (const fs::path& name = entry.path().filename();
        name != ".moat" && name != "pyvenv.cfg" && name != "lost+found")
      remove_tree(entry.path());
  remove_tree(root / ".moat");
  remove_tree(root / "pyvenv.cfg");
  std::error_code must_stay;
  fs::remove(root, must_stay);
}

void take_back_environment(const fs::path& root) {
  const fs::path aside = beside(root);
  if (::rename(root.c_str(), aside.c_str()) == 0 ||
      ::renameat2(AT_FDCWD, root.c_str(), AT_FDCWD, aside.c_str(), RENAME_NOREPLACE) == 0)
    return remove_tree_quietly(aside);
  const int why = errno;
  // A folder that must stay is emptied.
  remove_tree_quietly(root);
  std::error_code unknown;
  if (fs::exists(root / "pyvenv.cfg", unknown) || unknown) throw_errno("remove", root, why);
}

}  // namespace moat
