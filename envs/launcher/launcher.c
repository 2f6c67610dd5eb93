/* The `bin/python` of an environment: a program of its own, because what Python reads before its first line
 * of Python (PYTHONHOME, the name it was called by, pyvenv.cfg) is what leads it out of an environment.
 *
 * In order: find the environment this file belongs to; finish a change that a killed moat left behind; mend
 * pyvenv.cfg where the environment was moved or copied; drop the variables that redirect an interpreter and
 * the entries of PYTHONPATH that belong to another Python; then run the private interpreter, in this process
 * where it is a shared library (no exec: 0.3 ms), else by exec. Everything that is checked on the way costs
 * about ten system calls. It refuses, with a sentence and status 127, rather than run another Python than its
 * own.
 *
 * docs/environment-format.md says what it reads from pyvenv.cfg. */
#define _GNU_SOURCE
#include "envs/launcher/home.h"
#include "envs/launcher/journal.h"
#include "envs/launcher/python_path.h"
#include "envs/launcher/recover.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { kRefused = 127, kWaitForWriter = 30000 /* ms */ };

typedef char Path[PATH_MAX];

/* The settings in pyvenv.cfg. */
typedef struct {
  Path home;
  char python[64];   /* bin/<python>: the private binary */
  char stdlib[128];  /* lib/python3.11, relative to the runtime */
  char library[256]; /* lib/libpython3.11.so.1.0; "" : exec */
  int is_ours;       /* the key `moat` is there */
} Settings;

/* A copy that is safe for a terminal: a folder's name must not control it. Control characters, marks for text
 * direction and invalid UTF-8 become `?`. */
static const char* shown(const char* text) {
  const unsigned char* in = (const unsigned char*)text;
  char* const copy = malloc(strlen(text) + 1);
  if (copy == NULL) return "?";
  char* out = copy;
  while (*in != 0) {
    const size_t length = *in < 0x80                  ? 1
                          : *in >= 0xc2 && *in < 0xe0 ? 2
                          : *in >= 0xe0 && *in < 0xf0 ? 3
                          : *in >= 0xf0 && *in < 0xf5 ? 4
                                                      : 0;
    unsigned long code = length <= 1 ? *in : *in & (0xffU >> (length + 1));
    size_t have = 1;
    for (; have < length && (in[have] & 0xc0) == 0x80; ++have) code = code << 6 | (in[have] & 0x3fU);
    const int is_whole = length != 0 && have == length;
    const int steers = code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
                       (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                       (code >= 0x2066 && code <= 0x2069) || (code >= 0xfff9 && code <= 0xfffb) ||
                       (code >= 0xe0000 && code <= 0xe007f);
    if (is_whole && !steers) {
      memcpy(out, in, length);
      out += length;
    } else {
      *out++ = '?';
    }
    in += is_whole ? length : 1;
  }
  *out = 0;
  return copy;
}

static void refuse(const char* format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void refuse(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("python (moat): ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(kRefused);
}

/* snprintf into a path, or exit: a truncated path would be another path. */
static void join(char* out, size_t size, const char* format, ...) __attribute__((format(printf, 3, 4)));
static void join(char* out, size_t size, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(out, size, format, arguments);
  va_end(arguments);
  if (length < 0 || (size_t)length >= size) refuse("a path is too long");
}

/* Cuts the last component off; 0 where there is none. */
static int cut(char* path) {
  char* slash = strrchr(path, '/');
  if (slash == NULL || slash == path) return 0;
  *slash = '\0';
  return 1;
}

static int same_file(const char* a, const char* b) {
  struct stat x, y;
  return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static char* trimmed(char* text) {
  while (*text == ' ' || *text == '\t') ++text;
  size_t length = strlen(text);
  while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL) text[--length] = '\0';
  return text;
}

/* 0 where there is no such file; errno says why. */
static int read_settings(const char* file, Settings* out) {
  memset(out, 0, sizeof *out);
  FILE* lines = fopen(file, "re");
  if (lines == NULL) return 0;
  static char line[PATH_MAX + 64];
  while (fgets(line, sizeof line, lines) != NULL) {
    char* value = strchr(line, '=');
    if (value == NULL) continue;
    *value++ = '\0';
    const char* key = trimmed(line);
    value = trimmed(value);
    if (strcmp(key, "home") == 0) join(out->home, sizeof out->home, "%s", value);
    if (strcmp(key, "moat-python") == 0) join(out->python, sizeof out->python, "%s", value);
    if (strcmp(key, "moat-stdlib") == 0) join(out->stdlib, sizeof out->stdlib, "%s", value);
    if (strcmp(key, "moat-libpython") == 0) join(out->library, sizeof out->library, "%s", value);
    if (strcmp(key, "moat") == 0) out->is_ours = 1;
  }
  fclose(lines);
  return 1;
}

/* Is `folder` one of our environments? Then its settings are read. */
static int is_environment(const char* folder, Settings* settings) {
  static char config[PATH_MAX + 16];
  join(config, sizeof config, "%s/pyvenv.cfg", folder);
  return read_settings(config, settings) && settings->is_ours;
}

/* The environment below a venv made inside it: the venv's home is our bin, or our runtime's. */
static int below_nested(const char* home, char* environment, Settings* settings) {
  static Path real;
  static const char runtime[] = "/.moat/rt";
  if (realpath(home, real) == NULL || !cut(real)) return 0;
  const size_t length = strlen(real), tail = sizeof runtime - 1;
  if (length > tail && strcmp(real + length - tail, runtime) == 0) real[length - tail] = '\0';
  join(environment, PATH_MAX, "%s", real);
  return is_environment(environment, settings);
}

/* Is the file this program? By its first bytes, which the loader keeps in memory. */
static int is_this_program(const char* file) {
  extern const char __ehdr_start[] __attribute__((visibility("hidden")));
  char begin[256];
  const int in = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (in < 0) return 0;
  const ssize_t length = read(in, begin, sizeof begin);
  close(in);
  return length == (ssize_t)sizeof begin && memcmp(begin, __ehdr_start, sizeof begin) == 0;
}

/* The next file of this name on PATH; 0 where there is none. `*rest` begins as the value of PATH. */
static int next_on_path(const char** rest, const char* name, char* file, size_t size) {
  while (*rest != NULL && **rest != '\0') {
    const char* const folder = *rest;
    const size_t length = strcspn(folder, ":");
    *rest += length + (folder[length] == ':');
    if (length == 0 || length + strlen(name) + 2 > size) continue;
    snprintf(file, size, "%.*s/%s", (int)length, folder, name);
    if (access(file, X_OK) == 0) return 1;
  }
  return 0;
}

static int is_at(const char* file, char* exe) {
  return file != NULL && strchr(file, '/') != NULL && is_this_program(file) && realpath(file, exe) != NULL;
}

/* /proc/self/exe and not argv[0], because links and names looked up on PATH lead elsewhere. Only if that file
 * is missing (no /proc in a chroot) or is another program (started as `ld.so bin/python`, which has no loader
 * at AT_BASE), use the names from the kernel and the caller, if this program is there. 0 without /proc. */
static int find_self(const char* name, char* exe) {
  const ssize_t length = readlink("/proc/self/exe", exe, PATH_MAX - 1);
  const int reason = errno;
  if (length > 0) exe[length] = '\0';
  if (length > 0 && getauxval(AT_BASE) != 0) return 1;
  const char* const started = (const char*)getauxval(AT_EXECFN); /* NOLINT(performance-no-int-to-ptr) */
  if (is_at(started, exe) || is_at(name, exe)) return length > 0;
  static char file[2 * PATH_MAX];
  const char* path = getenv("PATH");
  while (*name != '\0' && strchr(name, '/') == NULL && next_on_path(&path, name, file, sizeof file))
    if (is_at(file, exe)) return length > 0;
  if (length > 0) refuse("cannot find myself; start me by my path, not by another program");
  refuse("cannot find myself: /proc/self/exe: %s; start me by my path", strerror(reason));
}

/* The environment: the nearest folder above this file that holds a pyvenv.cfg of ours, or one of a venv on
 * top of ours (`venv --copies` takes this file along). */
static void find_environment(const char* exe, char* environment, Settings* settings) {
  static Path folder;
  strcpy(folder, exe);
  int is_hidden = 0;
  while (cut(folder)) {
    join(environment, PATH_MAX, "%s", folder);
    errno = 0;
    if (is_environment(environment, settings)) return;
    is_hidden = is_hidden || errno == EACCES;
    static Path home;
    join(home, sizeof home, "%s", settings->home);
    if (home[0] != '\0' && below_nested(home, environment, settings)) return;
  }
  if (is_hidden)
    refuse("this user may not read pyvenv.cfg above %s, or a folder on the way to it", shown(exe));
  refuse(
      "%s must be inside an environment, and there is none (no pyvenv.cfg above); "
      "it does not run by itself",
      shown(exe));
}

/* Writes pyvenv.cfg again with the right home; 0 if that is impossible, or if the file belongs to another
 * user (root would take it over, with paths as root sees them), or if nobody may write it: a deployed release
 * does not change, not even for root. Several processes may do so at once. */
static int mend_home(const char* environment, const char* home) {
  char config[PATH_MAX + 16], aside[PATH_MAX + 48];
  join(config, sizeof config, "%s/pyvenv.cfg", environment);
  join(aside, sizeof aside, "%s/.pyvenv.cfg.%ld", environment, (long)getpid());
  FILE* in = fopen(config, "re");
  struct stat facts;
  const int is_own = in != NULL && fstat(fileno(in), &facts) == 0 && facts.st_uid == geteuid() &&
                     (facts.st_mode & 0222) != 0;
  FILE* out = is_own ? fopen(aside, "wxe") : NULL;
  int done = 0;
  if (out != NULL) {
    static char line[PATH_MAX + 64];
    while (fgets(line, sizeof line, in) != NULL) {
      const size_t key = strcspn(line, " \t=");
      if (key == 4 && strncmp(line, "home", 4) == 0)
        fprintf(out, "home = %s\n", home);
      else
        fputs(line, out);
    }
    done = ferror(out) == 0 && fchmod(fileno(out), facts.st_mode & 07777) == 0;
    done = fclose(out) == 0 && done && rename(aside, config) == 0;
    if (!done) unlink(aside);
  }
  if (in != NULL) fclose(in);
  return done;
}

/* Shown only on a terminal; programs must not get unexpected lines on stderr. `moat doctor` always reports
 * it. */
static void tell_left_out(const char* entry) {
  if (isatty(STDERR_FILENO))
    fprintf(stderr, "python (moat): left out of PYTHONPATH: %s belongs to another Python\n", shown(entry));
}

static void filter_python_path(const char* environment, const char* stdlib) {
  const char* path = getenv("PYTHONPATH");
  if (path == NULL || *path == '\0') return;
  const char* version = strrchr(stdlib, '/') != NULL ? strrchr(stdlib, '/') + 1 : stdlib;
  char* rest = strdup(path);
  char* kept = malloc(strlen(path) + 1);
  if (rest == NULL || kept == NULL) refuse("out of memory");
  size_t size = 0;
  int entries = 0, dropped = 0;
  for (char* entry; (entry = strsep(&rest, ":")) != NULL;) {
    if (*entry != '\0' && moat_belongs_to_another_python(entry, environment, version, getenv("HOME"))) {
      tell_left_out(entry);
      ++dropped;
      continue;
    }
    if (entries++ > 0) kept[size++] = ':';
    memcpy(kept + size, entry, strlen(entry));
    size += strlen(entry);
  }
  kept[size] = '\0';
  if (dropped > 0) {
    if (size > 0)
      setenv("PYTHONPATH", kept, 1);
    else
      unsetenv("PYTHONPATH");
  }
  free(kept);
}

/* All of them lead an interpreter to another standard library, name, or packages; none is meant for an
 * environment. */
static void drop_variables(void) {
  static const char* const names[] = {"PYTHONHOME",     "PYTHONPLATLIBDIR",           "PYTHONEXECUTABLE",
                                      "PYTHONUSERBASE", "_PYTHON_SYSCONFIGDATA_NAME", "__PYVENV_LAUNCHER__"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) unsetenv(names[i]);
}

/* The folder of the name this process was called by, without resolving that name's own link; 0 where unknown.
 */
static int called_from(const char* name, const char* exe, char* folder) {
  static char file[2 * PATH_MAX];
  if (name == NULL || *name == '\0') return 0;
  if (strchr(name, '/') != NULL) {
    join(file, sizeof file, "%s", name);
    if (strrchr(file, '/') == file) return 0;
    *strrchr(file, '/') = '\0';
    return realpath(file, folder) != NULL;
  }
  const char* path = getenv("PATH");
  while (next_on_path(&path, name, file, sizeof file)) {
    if (!same_file(file, exe)) continue;
    *strrchr(file, '/') = '\0';
    return realpath(file, folder) != NULL;
  }
  return 0;
}

/* The original name of a venv made inside an environment: up to 3.10 its home is our bin, and Python would
 * take that for a base; from 3.11 on it is the private runtime's, which is right. */
enum Nesting { kNotNested, kNestedOnEnvironment, kNestedOnRuntime };

static enum Nesting nesting_of(const char* folder, const char* environment, const char* runtime) {
  static char config[PATH_MAX + 16], bin[PATH_MAX + 8];
  static Settings settings;
  join(config, sizeof config, "%s", folder);
  if (!cut(config) || strcmp(config, environment) == 0) return kNotNested;
  join(config + strlen(config), sizeof config - strlen(config), "/pyvenv.cfg");
  if (!read_settings(config, &settings) || settings.is_ours) return kNotNested;
  join(bin, sizeof bin, "%s/bin", environment);
  if (same_file(settings.home, bin)) return kNestedOnEnvironment;
  join(bin, sizeof bin, "%s/bin", runtime);
  return same_file(settings.home, bin) ? kNestedOnRuntime : kNotNested;
}

typedef int (*Main)(int, char**);

/* ISO C has no cast from an object pointer to a function pointer; POSIX promises that the bytes are the same.
 */
#define MOAT_LOOK_UP(library, name, function)    \
  do {                                           \
    void* found_ = dlsym(library, name);         \
    memcpy(&(function), &found_, sizeof found_); \
  } while (0)

/* Runs the interpreter of the shared library in this process; returns only if that is impossible. */
static void run_library(const char* runtime, const char* library, const char* home, int argc, char** argv) {
  static char file[PATH_MAX + 256];
  join(file, sizeof file, "%s/%s", runtime, library);
  void* handle = dlopen(file, RTLD_NOW | RTLD_GLOBAL);
  if (handle == NULL) refuse("cannot load the runtime: %s", shown(dlerror()));
  Main run = NULL;
  MOAT_LOOK_UP(handle, "Py_BytesMain", run);
  if (run == NULL) MOAT_LOOK_UP(handle, "_Py_UnixMain", run); /* 3.7 */
  if (run == NULL) return;
  if (home != NULL && !moat_set_python_home(handle, home)) setenv("PYTHONHOME", home, 1);
  exit(run(argc, argv));
}

/* For an interpreter that is executed: a library loaded before its main() sets its home (preload.c). Without
 * that library PYTHONHOME does, which its children inherit. "": it finds its home itself. Without /proc the
 * loader must also be told where the interpreter is. */
static void announce_home(const char* runtime, const char* home, int has_proc) {
  static char library[PATH_MAX + 64], bin[PATH_MAX + 8];
  join(library, sizeof library, "%s/" MOAT_HOME_LIBRARY, runtime);
  if (getauxval(AT_SECURE) != 0 || access(library, R_OK) != 0) {
    if (*home != '\0') setenv("PYTHONHOME", home, 1);
    return;
  }
  join(bin, sizeof bin, "%s/bin", runtime);
  if (!has_proc) setenv(MOAT_ORIGIN_VARIABLE, bin, 1);
  /* These are separators or have a meaning in LD_PRELOAD; $ORIGIN is the folder of the interpreter. */
  const char* const name = strpbrk(library, " :$") != NULL ? "$ORIGIN/../" MOAT_HOME_LIBRARY : library;
  const char* const others = getenv("LD_PRELOAD");
  const size_t size = strlen(name) + (others != NULL ? strlen(others) : 0) + 2;
  char* const all = malloc(size);
  if (all == NULL) refuse("out of memory");
  snprintf(all, size, "%s%s%s", name, others != NULL ? ":" : "", others != NULL ? others : "");
  setenv("LD_PRELOAD", all, 1);
  setenv(MOAT_HOME_VARIABLE, home, 1);
  free(all);
}

/* File capabilities end at the exec of a file that has none. */
static void tell_lost_capabilities(const char* file) {
  if (getauxval(AT_SECURE) != 0 && getuid() == geteuid() && getgid() == getegid() &&
      getxattr(file, "security.capability", NULL, 0) <= 0)
    fprintf(stderr,
            "python (moat): the capabilities of this file do not reach the interpreter; set them on %s\n",
            shown(file));
}

/* Finishes what a killed moat left or, if that is impossible, takes it back: both are whole states. */
static void finish_change(const char* environment) {
  const int result = moat_journal_roll_forward(environment, kWaitForWriter);
  if (result == MOAT_RECOVERY_DAMAGED)
    refuse("%s is damaged: %s; `moat doctor --repair --env %s` repairs it", shown(environment),
           shown(moat_journal_error()), shown(environment));
  if (result < 0)
    refuse("%s is in the middle of a change: %s; `moat env rollback --force --env %s` abandons the change",
           shown(environment), shown(moat_journal_error()), shown(environment));
  if (result == MOAT_JOURNAL_TAKEN_BACK)
    fprintf(stderr, "python (moat): an unfinished change of %s could not be completed and was undone: %s\n",
            shown(environment), shown(moat_journal_error()));
  if (result == MOAT_JOURNAL_WENT_BACK)
    fprintf(stderr,
            "python (moat): a power failure cut the last change of %s short; it is as it was before that "
            "change\n",
            shown(environment));
}

int main(int argc, char** argv) {
  static Path exe, environment, folder, runtime;
  static char home[PATH_MAX + 8], file[PATH_MAX + 256], self[PATH_MAX + 256];
  static Settings settings;
  const int has_proc = find_self(argc > 0 && argv[0] != NULL ? argv[0] : "", exe);
  find_environment(exe, environment, &settings);
  finish_change(environment);

  join(runtime, sizeof runtime, "%s/.moat/rt", environment);
  join(file, sizeof file, "%s/%s/os.py", runtime, settings.stdlib);
  if (settings.python[0] == '\0' || settings.stdlib[0] == '\0' || access(file, R_OK) != 0)
    refuse("the runtime %s is missing or damaged; `moat doctor --repair --env %s` repairs it", shown(runtime),
           shown(environment));

  /* Not asked of Python: home has to be absolute, and a wrong one makes it look at the base again. */
  join(home, sizeof home, "%s/bin", runtime);
  int forced = strcmp(home, settings.home) != 0 && !mend_home(environment, home);

  drop_variables();
  filter_python_path(environment, settings.stdlib);

  /* If the user called it as bin/python, bin/python3, …: that name, as an absolute path. With any other name
   * (a link somewhere): the name of this file. */
  const char* name = argc > 0 && argv[0] != NULL ? argv[0] : "";
  const char* base = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name;
  join(self, sizeof self, "%s/bin/%s", environment, base);
  if (*base == '\0' || !same_file(self, exe)) join(self, sizeof self, "%s", exe);
  const enum Nesting nesting =
      called_from(name, exe, folder) ? nesting_of(folder, environment, runtime) : kNotNested;
  if (nesting != kNotNested) join(self, sizeof self, "%s/%s", folder, base);
  if (nesting == kNestedOnEnvironment) forced = 1;
  char* no_arguments[] = {self, NULL};
  if (argc < 1) {
    argc = 1;
    argv = no_arguments;
  }
  argv[0] = self;

  if (settings.library[0] != '\0')
    run_library(runtime, settings.library, forced ? runtime : NULL, argc, argv);
  /* PyPy reads only pyvenv.cfg, and without it uses the folders of the system. */
  if (forced && strncmp(settings.python, "pypy", 4) == 0)
    refuse("%s was moved, or another venv stands on top of it, and its pyvenv.cfg cannot be repaired here",
           shown(environment));
  if (forced || !has_proc) announce_home(runtime, forced ? runtime : "", has_proc);
  join(file, sizeof file, "%s/bin/%s", runtime, settings.python);
  tell_lost_capabilities(file);
  execv(file, argv);
  const int reason = errno;
  refuse("cannot run %s: %s", shown(file), strerror(reason));
}
