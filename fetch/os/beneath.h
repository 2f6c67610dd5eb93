// Files below a directory, reached without following a symbolic link: a link placed in an environment or a
// store cannot lead a write out of it. Plain C without any dependency, because moat and the launcher
// (envs/launcher) must follow the very same rules.
//
// Paths are relative to an open directory, without empty, `.` and `..` components. All functions return -1
// and set errno on failure; ELOOP means that a link, or a file that is not a regular one, is in the way.
#ifndef MOAT_FETCH_OS_BENEATH_H
#define MOAT_FETCH_OS_BENEATH_H

#ifdef __cplusplus
extern "C" {
#endif

// open(), close-on-exec. Where it creates a file, its directory must exist.
int moat_open_beneath(int root, const char* path, int flags, unsigned mode);

// The directory that holds `path`, to be used with renameat() and the like; *name is the last component.
int moat_open_parent_beneath(int root, const char* path, const char** name);

// mkdir -p: the directory, opened as for moat_open_parent_beneath().
int moat_make_directories_beneath(int root, const char* path);

// Opens a file for locking: a regular one, created if `flags` hold O_CREAT, with its contents unchanged.
int moat_open_lock_beneath(int root, const char* path, int flags);

// May the open file be overwritten? Only a regular file with one name that belongs to this user or to root.
int moat_may_write_over(int file);

// strerror(), but with words of our own for ELOOP.
const char* moat_reason(int error_number);

#ifdef __cplusplus
}
#endif

#endif
