// The place of a folder of packages, P/lib/pythonX.Y/site-packages, shows which Python it is for. It
// belongs to one if X.Y is another version, or if there is a Python in P: an interpreter, a standard
// library, a virtual environment; and the user's site (P = ~/.local) belongs to all but environments. The
// others were made to be named in PYTHONPATH: by `pip install --prefix P`, ROS, Spack, layers of a function
// service.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "envs/launcher/python_path.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_below(const char* path, const char* folder) {
  const size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

// Where the path has a component of this name: the slash before it. NULL: nowhere.
static const char* find_component(const char* path, const char* name) {
  const size_t length = strlen(name);
  for (const char* at = path; (at = strstr(at, name)) != NULL; at += length)
    if (at != path && at[-1] == '/' && (at[length] == '/' || at[length] == '\0')) return at - 1;
  return NULL;
}

static int contains(const char* folder, const char* name) {
  char file[PATH_MAX];
  const int length = snprintf(file, sizeof file, "%s/%s", folder, name);
  return length > 0 && (size_t)length < sizeof file && access(file, F_OK) == 0;
}

static int starts_with(const char* text, const char* start) {
  return strncmp(text, start, strlen(start)) == 0;
}

// Cuts the last component off, and returns it.
static const char* cut_last(char* path) {
  char* const slash = strrchr(path, '/');
  if (slash == NULL) return "";
  *slash = '\0';
  return slash + 1;
}

static int is_user_site(const char* prefix, const char* home) {
  char local[PATH_MAX], real[PATH_MAX];
  if (home == NULL || *home != '/') return 0;
  const int length = snprintf(local, sizeof local, "%s/.local", home);
  return length > 0 && (size_t)length < sizeof local && realpath(local, real) != NULL &&
         strcmp(real, prefix) == 0;
}

// `version` is python3.11 here; the question is about P/lib/python3.11.
static int holds_python(const char* prefix, const char* version) {
  static const char* const pythons[] = {"bin/python3", "bin/python", "bin/pypy3", "pyvenv.cfg"};
  char name[NAME_MAX + 16];
  // The system's own, whose interpreter may lie in the other of the two.
  if (*prefix == '\0' || strcmp(prefix, "/usr") == 0 || strcmp(prefix, "/usr/local") == 0) return 1;
  for (size_t i = 0; i < sizeof pythons / sizeof *pythons; ++i)
    if (contains(prefix, pythons[i])) return 1;
  snprintf(name, sizeof name, "bin/%s", version);
  if (contains(prefix, name)) return 1;
  snprintf(name, sizeof name, "lib/%s/os.py", version);
  return contains(prefix, name);
}

// Debian's Python in P also has P/local.
static int has_python_around(char* prefix, const char* version) {
  if (holds_python(prefix, version)) return 1;
  char* const slash = strrchr(prefix, '/');
  if (slash == NULL || strcmp(slash, "/local") != 0) return 0;
  *slash = '\0';
  const int holds = holds_python(prefix, version);
  *slash = '/';
  return holds;
}

// `packages` ends before site-packages.
static int is_packages_of_another(char* packages, const char* version, const char* home) {
  const char* const theirs = cut_last(packages);
  if (!starts_with(theirs, "python") && !starts_with(theirs, "pypy")) return 0;
  const char* const lib = cut_last(packages);
  if (strcmp(lib, "lib") != 0 && strcmp(lib, "lib64") != 0) return 0;
  const int any_version = strcmp(theirs, "python3") == 0;
  if (!any_version && strcmp(theirs, version) != 0) return 1;
  return has_python_around(packages, version) || is_user_site(packages, home);
}

static int is_standard_library(const char* real) {
  const char* const name = strrchr(real, '/');
  const size_t length = strlen(real);
  if (find_component(real, "lib-dynload") != NULL) return 1;
  if (name != NULL && starts_with(name, "/python3") && length > 4 && strcmp(real + length - 4, ".zip") == 0)
    return 1;
  return contains(real, "site.py") && contains(real, "os.py");
}

int moat_belongs_to_another_python(const char* entry, const char* environment, const char* version,
                                   const char* home) {
  static const char* const folders[] = {"site-packages", "dist-packages"};
  char real[PATH_MAX];
  if (is_below(entry, environment)) return 0;
  if (realpath(entry, real) == NULL) return 0;  // nothing there to be imported
  if (is_below(real, environment)) return 0;
  if (is_standard_library(real)) return 1;
  for (size_t i = 0; i < sizeof folders / sizeof *folders; ++i) {
    const char* const at = find_component(real, folders[i]);
    if (at == NULL) continue;
    real[at - real] = '\0';
    return is_packages_of_another(real, version, home);
  }
  return 0;
}
