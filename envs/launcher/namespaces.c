#define _GNU_SOURCE
#include "envs/launcher/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  return kCannot;
}

static int write_file(const char* path, const char* text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -1;
  const ssize_t written = write(file, text, strlen(text));
  close(file);
  return written == (ssize_t)strlen(text) ? 0 : -1;
}

static int keep_identity(uid_t user, gid_t group) {
  char text[64];
  snprintf(text, sizeof text, "%u %u 1", user, user);
  if (write_file("/proc/self/uid_map", text) != 0) return fail("uid_map");
  if (write_file("/proc/self/setgroups", "deny") != 0 && errno != ENOENT) return fail("setgroups");
  snprintf(text, sizeof text, "%u %u 1", group, group);
  return write_file("/proc/self/gid_map", text) == 0 ? 0 : fail("gid_map");
}

int enter_namespaces(int namespaces) {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (namespaces == 0 || unshare(namespaces) == 0) return 0;
  if (unshare(CLONE_NEWUSER | namespaces) != 0) return fail("unshare");
  return keep_identity(user, group);
}

int keep_mounts_private(void) {
  return mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 ? 0 : fail("mount");
}
