// openat2() does this in one call. Where the kernel does not have it (before 5.6), or a seccomp filter
// answers for it (EPERM, ENOSYS), the path is walked component by component.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fetch/os/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kFolder = O_PATH | O_DIRECTORY };

static void close_quietly(int file) {
  const int saved = errno;
  close(file);
  errno = saved;
}

// openat() of one component. A link is told from a file by ELOOP, as openat2() does.
static int open_component(int folder, const char* name, int flags, unsigned mode) {
  const int file = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC, (mode_t)mode);
  if (file >= 0 || errno != ENOTDIR) return file;
  struct stat facts;
  errno = fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(facts.st_mode) ? ELOOP : ENOTDIR;
  return -1;
}

// Copies the first component of a path; its length, or 0 with errno where it is not one that may be followed.
static size_t first_component(const char* path, char name[NAME_MAX + 1]) {
  const size_t length = strcspn(path, "/");
  if (length > NAME_MAX) {
    errno = ENAMETOOLONG;
    return 0;
  }
  memcpy(name, path, length);
  name[length] = '\0';
  if (length > 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) return length;
  errno = EXDEV;
  return 0;
}

enum Missing { kLeaveMissing, kMakeMissing };

static int walk(int root, const char* path, int flags, unsigned mode, enum Missing missing) {
  char name[NAME_MAX + 1];
  int folder = root;
  while (1) {
    const size_t length = first_component(path, name);
    const int is_last = path[length] == '\0';
    int next = length == 0 ? -1 : open_component(folder, name, is_last ? flags : kFolder, is_last ? mode : 0);
    if (length > 0 && next < 0 && errno == ENOENT && missing == kMakeMissing &&
        (mkdirat(folder, name, 0777) == 0 || errno == EEXIST))
      next = open_component(folder, name, kFolder, 0);
    if (folder != root) close_quietly(folder);
    if (next < 0 || is_last) return next;
    folder = next;
    path += length + 1;
  }
}

int moat_open_beneath(int root, const char* path, int flags, unsigned mode) {
  const struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC),
                               .mode = (flags & O_CREAT) != 0 ? mode : 0,
                               .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
  const long file = syscall(SYS_openat2, root, path, &how, sizeof how);
  if (file >= 0) return (int)file;
  if (errno != ENOSYS && errno != EPERM && errno != EAGAIN) return -1;
  return walk(root, path, flags, mode, kLeaveMissing);
}

int moat_open_parent_beneath(int root, const char* path, const char** name) {
  const char* const slash = strrchr(path, '/');
  char parent[PATH_MAX];
  if (!slash) {
    *name = path;
    return openat(root, ".", kFolder | O_CLOEXEC);
  }
  const size_t length = (size_t)(slash - path);
  if (length >= sizeof parent) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(parent, path, length);
  parent[length] = '\0';
  *name = slash + 1;
  return moat_open_beneath(root, parent, kFolder, 0);
}

int moat_make_directories_beneath(int root, const char* path) {
  const int there = moat_open_beneath(root, path, kFolder, 0);
  return there >= 0 || errno != ENOENT ? there : walk(root, path, kFolder, 0, kMakeMissing);
}

int moat_open_lock_beneath(int root, const char* path, int flags) {
  // O_NONBLOCK: a FIFO in its place must not make us wait.
  const int file = moat_open_beneath(root, path, flags | O_NONBLOCK | O_NOCTTY, 0666);
  struct stat facts;
  if (file < 0) return -1;
  if (fstat(file, &facts) == 0 && S_ISREG(facts.st_mode)) return file;
  close(file);
  errno = ELOOP;
  return -1;
}

int moat_may_write_over(int file) {
  struct stat facts;
  return fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_nlink == 1 &&
         (facts.st_uid == geteuid() || facts.st_uid == 0);
}

const char* moat_reason(int error_number) {
  return error_number == ELOOP ? "a symbolic link or a special file is in the way" : strerror(error_number);
}
