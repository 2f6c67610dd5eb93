/* Runs a command where there is no network: `seal COMMAND…`; `seal --check` tells by its status whether that
 * can be had here. A program of its own, since a user namespace can only be entered by a process of one
 * thread.
 *
 * Whoever may (root) takes a network namespace alone; everybody else a user namespace around it, in which
 * they are who they were. The new network has one interface, loopback, which is brought up: programs that
 * talk to themselves keep working. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kCannot = 126 };

static int fail(const char* what) {
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
  if (write_file("/proc/self/uid_map", text) != 0) return -1;
  if (write_file("/proc/self/setgroups", "deny") != 0 && errno != ENOENT) return -1;
  snprintf(text, sizeof text, "%u %u 1", group, group);
  return write_file("/proc/self/gid_map", text);
}

/* What needs loopback and finds it down fails by itself: no reason to give up here. */
static void bring_up_loopback(void) {
  const int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any < 0) return;
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strcpy(request.ifr_name, "lo");
  if (ioctl(any, SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP | IFF_RUNNING);
    ioctl(any, SIOCSIFFLAGS, &request);
  }
  close(any);
}

int main(int count, char** arguments) {
  if (count < 2) return kCannot;
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* a killed moat leaves no build behind */
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (unshare(CLONE_NEWNET) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return fail("unshare");
    if (keep_identity(user, group) != 0) return fail("uid_map");
  }
  bring_up_loopback();
  if (strcmp(arguments[1], "--check") == 0) return 0;
  execv(arguments[1], arguments + 1);
  return fail(arguments[1]);
}
