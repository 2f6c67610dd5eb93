/* Runs a command so that nothing of it stays behind: `seal MODES COMMAND…`. What the letters of MODES mean:
 *
 *   n  there is no network but loopback
 *
 *   p  its processes are a world of their own, with their own /proc: they see no others, and end with the
 *      command
 *
 *   r  without such a world: what outlives the command is found by its descent, and killed
 *
 * `seal MODES --check` tells by its status whether all of that can be had here. The new network has one
 * interface, loopback, which is brought up: programs that talk to themselves keep working.
 *
 * moat ends a command by killing its process group, this process among it. The process between this one and
 * the command (the first of its world, or the reaper) learns of that by PR_SET_PDEATHSIG. */
#define _GNU_SOURCE
#include "envs/launcher/namespaces.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Programs that need loopback and find it down fail by themselves: no reason to give up here. */
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

static int status_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Waits for this child; reaps others that end meanwhile. */
static int wait_for(pid_t child) {
  int status = 0;
  for (;;) {
    const pid_t ended = waitpid(-1, &status, 0);
    if (ended == child) return status_of(status);
    if (ended < 0 && errno != EINTR) return kCannot;
  }
}

/* The parent of a process, by /proc/PID/stat: "123 (a name) S 45 …"; the name may hold anything. 0: it is
 * gone. */
static pid_t parent_of(const char* pid) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%s/stat", pid);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length > 0 ? length : 0] = '\0';
  const char* const end = strrchr(text, ')');
  int parent = 0;
  return end != NULL && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* Orphans become children of ours: so killing children again and again reaches everything. */
static void kill_descendants(void) {
  for (int rounds = 0; rounds < 1000; ++rounds) {
    DIR* const all = opendir("/proc");
    if (all == NULL) return;
    const struct dirent* entry = NULL;
    while ((entry = readdir(all)) != NULL)
      if (isdigit((unsigned char)entry->d_name[0]) && parent_of(entry->d_name) == getpid())
        kill((pid_t)atoi(entry->d_name), SIGKILL);
    closedir(all);
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD) return;
    usleep(1000);
  }
}

static void on_end(int signal) {
  (void)signal;
  kill_descendants();
  _exit(kCannot);
}

static int run_command(char** arguments) {
  if (strcmp(arguments[0], "--check") == 0) return 0;
  signal(SIGTERM, SIG_DFL);
  execv(arguments[0], arguments);
  return fail(arguments[0]);
}

/* The first process of a new world. When it ends, the kernel ends all others in it. */
static int be_first(char** arguments) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (keep_mounts_private() != 0) return kCannot;
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) return fail("mount /proc");
  const pid_t command = fork();
  if (command < 0) return fail("fork");
  if (command == 0) return run_command(arguments);
  return wait_for(command);
}

/* Leave the process group: it may be killed before there is time to look for processes that left it. */
static int be_reaper(char** arguments) {
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGTERM, on_end);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  const pid_t command = fork();
  if (command < 0) return fail("fork");
  if (command == 0) return run_command(arguments);
  const int status = wait_for(command);
  kill_descendants();
  return status;
}

int main(int count, char** arguments) {
  if (count < 3) return kCannot;
  const int closes_network = strchr(arguments[1], 'n') != NULL;
  const int has_own_world = strchr(arguments[1], 'p') != NULL;
  const int reaps = strchr(arguments[1], 'r') != NULL;
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* a killed moat leaves no build behind */
  const int entered = enter_namespaces((closes_network ? CLONE_NEWNET : 0) |
                                       (has_own_world ? CLONE_NEWPID | CLONE_NEWNS : 0));
  if (entered != 0) return entered;
  if (closes_network) bring_up_loopback();
  if (!has_own_world && !reaps) return run_command(arguments + 2);
  if (reaps && !has_own_world) prctl(PR_SET_CHILD_SUBREAPER, 1); /* of those whose reaper was killed */
  const pid_t child = fork();
  if (child < 0) return fail("fork");
  if (child == 0) return has_own_world ? be_first(arguments + 2) : be_reaper(arguments + 2);
  const int status = wait_for(child);
  if (reaps && !has_own_world) kill_descendants();
  return status;
}
