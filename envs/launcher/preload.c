/* libmoat-home.so of a runtime whose interpreter is executed, not loaded. Where only the process can be told
 * its home (the environment was moved to where pyvenv.cfg cannot be mended), the launcher has this loaded by
 * LD_PRELOAD. It says the home and takes back all variables before main(), so that no child inherits them.
 */
#define _GNU_SOURCE
#include "envs/launcher/home.h"

#include <stdlib.h>
#include <string.h>

/* The launcher put itself first, followed by a colon and the earlier value. */
static void take_back_preload(void) {
  const char* const all = getenv("LD_PRELOAD");
  const char* const others = all != NULL ? strchr(all, ':') : NULL;
  if (others == NULL) {
    unsetenv("LD_PRELOAD");
    return;
  }
  char* const copy = strdup(others + 1);
  if (copy != NULL) setenv("LD_PRELOAD", copy, 1);
  free(copy);
}

__attribute__((constructor)) static void set_home(void) {
  const char* const home = getenv(MOAT_HOME_VARIABLE);
  if (home == NULL) return;
  take_back_preload();
  if (*home != '\0' && !moat_set_python_home(NULL, home)) setenv("PYTHONHOME", home, 1);
  unsetenv(MOAT_ORIGIN_VARIABLE);
  unsetenv(MOAT_HOME_VARIABLE);
}
