/* Runs a command and notes which files it and whatever it starts open or execute, with some places hidden:
 * `watch LIST [HIDE…] -- COMMAND…`. LIST gets the paths, each ended by a zero byte, as often as they are
 * opened. A HIDE that is a folder is an empty one for the command, any other a file that is empty; one that
 * is not there is passed over. `watch LIST [HIDE…] -- --check` tells by its status whether all of that works
 * here: 0, or 126.
 *
 * Files are told by what the kernel has opened, not by what was asked for: /proc/PID/fd/N once openat has
 * succeeded, /proc/PID/exe after an exec. A seccomp filter stops the command at those system calls alone. */
#define _GNU_SOURCE
#include "envs/launcher/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not sys/ptrace.h: it and linux/ptrace.h name the same things differently. */
static long trace(long request, pid_t process, unsigned long address, unsigned long data) {
  return syscall(SYS_ptrace, request, process, address, data);
}

enum { kStopOfACall = SIGTRAP | 0x80 };

static int hide(const char* path) {
  struct stat facts;
  if (stat(path, &facts) != 0) return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : fail(path);
  if (S_ISDIR(facts.st_mode) ? mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=4k,mode=755")
                             : mount("/dev/null", path, NULL, MS_BIND, NULL))
    return fail(path);
  return 0;
}

#define STOP_AT(call) \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)

static int install_filter(void) {
  struct sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      STOP_AT(SYS_openat),
#ifdef SYS_open
      STOP_AT(SYS_open),
#endif
#ifdef SYS_openat2
      STOP_AT(SYS_openat2),
#endif
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog filter = {sizeof steps / sizeof steps[0], steps};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail("no_new_privs");
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 ? 0 : fail("seccomp");
}

static int run_command(char** command) {
  if (trace(PTRACE_TRACEME, 0, 0, 0) != 0) return fail("ptrace");
  raise(SIGSTOP); /* until it is known what to stop at */
  const int failed = install_filter();
  if (failed != 0) return failed;
  if (strcmp(command[0], "--check") == 0) return open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 ? kCannot : 0;
  execv(command[0], command);
  return fail(command[0]);
}

/* The target of a link in /proc, if it is a path: sockets, pipes and deleted files are not. */
static void note(FILE* list, const char* link) {
  char path[4096];
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0 || path[0] != '/') return;
  path[length] = '\0';
  fwrite(path, 1, (size_t)length + 1, list);
}

/* Linux before 5.3 does not tell a call's result: a list without it would be wrong. */
static int cannot_tell;

static void note_opened(FILE* list, pid_t process) {
  struct ptrace_syscall_info info;
  if (trace(PTRACE_GET_SYSCALL_INFO, process, sizeof info, (unsigned long)&info) <= 0) {
    if (errno != ESRCH) cannot_tell = errno;
    return;
  }
  if (info.op != PTRACE_SYSCALL_INFO_EXIT || info.exit.is_error || info.exit.rval < 0) return;
  char link[64];
  snprintf(link, sizeof link, "/proc/%d/fd/%lld", (int)process, (long long)info.exit.rval);
  note(list, link);
}

/* A stopped child: how to continue it, and the signal to give it. */
static void go_on(FILE* list, pid_t process, int status) {
  long how = PTRACE_CONT;
  int signal = 0;
  const int stopped = WSTOPSIG(status);
  const int event = status >> 16;
  if (event == PTRACE_EVENT_SECCOMP) {
    how = PTRACE_SYSCALL; /* to where the call returns */
  } else if (event == PTRACE_EVENT_EXEC) {
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)process);
    note(list, link);
  } else if (stopped == kStopOfACall) {
    note_opened(list, process);
  } else if (event == 0 && stopped != SIGTRAP && stopped != SIGSTOP) {
    signal = stopped;
  }
  trace(how, process, 0, (unsigned long)signal);
}

static int watch(FILE* list, pid_t command) {
  int status = 0;
  if (waitpid(command, &status, 0) != command || !WIFSTOPPED(status)) return kCannot;
  const unsigned long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP |
                                PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                                PTRACE_O_TRACEEXEC;
  if (trace(PTRACE_SETOPTIONS, command, 0, options) != 0) return fail("ptrace");
  trace(PTRACE_CONT, command, 0, 0);
  for (;;) {
    const pid_t process = waitpid(-1, &status, __WALL);
    if (process < 0 && errno == EINTR) continue;
    if (process < 0) return kCannot;
    if (WIFSTOPPED(status)) {
      go_on(list, process, status);
    } else if (process == command) {
      /* Processes that it leaves running end with us. */
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
  }
}

int main(int count, char** arguments) {
  int end = 2;
  while (end < count && strcmp(arguments[end], "--") != 0) ++end;
  if (count < 4 || end + 1 >= count) return kCannot;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  FILE* const list = fopen(arguments[1], "we");
  if (list == NULL) return fail(arguments[1]);
  if (end > 2) {
    if (enter_namespaces(CLONE_NEWNS) != 0 || keep_mounts_private() != 0) return kCannot;
    for (int i = 2; i < end; ++i) { /* folders inside a hidden one are gone already */
      const int failed = hide(arguments[i]);
      if (failed != 0) return failed;
    }
    /* Files opened before lie under the mounts. */
    char here[4096];
    if (getcwd(here, sizeof here) != NULL && chdir(here) != 0) return fail(here);
  }
  const pid_t command = fork();
  if (command < 0) return fail("fork");
  if (command == 0) _exit(run_command(arguments + end + 1));
  const int status = watch(list, command);
  errno = cannot_tell;
  if (cannot_tell != 0) return fail("ptrace");
  return fclose(list) == 0 ? status : fail(arguments[1]);
}
