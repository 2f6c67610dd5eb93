/* A file system of one file, `disk`, whose every write is kept in a log: a loop device on it is a disk whose
 * power can be cut between any two of its writes, again and again.
 *
 *     write_log IMAGE LOG MOUNTPOINT
 *
 * LOG: for each write two 64-bit numbers, offset and size, and the bytes; a flush is a write of size 0. */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int image, log_file;

static int is_disk(const char* path) { return strcmp(path, "/disk") == 0; }

static int disk_getattr(const char* path, struct stat* facts, struct fuse_file_info* info) {
  (void)info;
  memset(facts, 0, sizeof *facts);
  if (strcmp(path, "/") == 0) {
    facts->st_mode = S_IFDIR | 0755;
    facts->st_nlink = 2;
    return 0;
  }
  if (!is_disk(path)) return -ENOENT;
  struct stat real;
  if (fstat(image, &real) != 0) return -errno;
  facts->st_mode = S_IFREG | 0600;
  facts->st_nlink = 1;
  facts->st_size = real.st_size;
  return 0;
}

static int disk_readdir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t offset,
                        struct fuse_file_info* info, enum fuse_readdir_flags flags) {
  (void)path, (void)offset, (void)info, (void)flags;
  fill(buffer, "disk", NULL, 0, 0);
  return 0;
}

static int disk_open(const char* path, struct fuse_file_info* info) {
  (void)info;
  return is_disk(path) ? 0 : -ENOENT;
}

static int disk_read(const char* path, char* to, size_t size, off_t offset, struct fuse_file_info* info) {
  (void)path, (void)info;
  const ssize_t got = pread(image, to, size, offset);
  return got < 0 ? -errno : (int)got;
}

static int keep(uint64_t offset, const char* from, uint64_t size) {
  const uint64_t head[2] = {offset, size};
  const struct iovec parts[2] = {{(void*)head, sizeof head}, {(void*)from, size}};
  return writev(log_file, parts, 2) == (ssize_t)(sizeof head + size) ? 0 : -EIO;
}

static int disk_write(const char* path, const char* from, size_t size, off_t offset,
                      struct fuse_file_info* info) {
  (void)path, (void)info;
  if (keep((uint64_t)offset, from, size) != 0) return -EIO;
  const ssize_t put = pwrite(image, from, size, offset);
  return put < 0 ? -errno : (int)put;
}

static int disk_fsync(const char* path, int data_only, struct fuse_file_info* info) {
  (void)path, (void)data_only, (void)info;
  return keep(0, "", 0);
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  image = open(argv[1], O_RDWR);
  log_file = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (image < 0 || log_file < 0) return perror("write_log"), 1;
  static const struct fuse_operations operations = {.getattr = disk_getattr,
                                                    .readdir = disk_readdir,
                                                    .open = disk_open,
                                                    .read = disk_read,
                                                    .write = disk_write,
                                                    .fsync = disk_fsync};
  char* arguments[] = {argv[0], "-f", "-s", argv[3], NULL};
  return fuse_main(4, arguments, &operations, NULL);
}
