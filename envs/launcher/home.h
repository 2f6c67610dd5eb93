// Sets the home of a Python (Py_SetPythonHome: where its standard library is) in the interpreter itself. The
// variable PYTHONHOME would also affect every Python started from it, and -E and -I ignore it.
#ifndef MOAT_ENVS_LAUNCHER_HOME_H
#define MOAT_ENVS_LAUNCHER_HOME_H

// Passed from the launcher to libmoat-home.so, which removes it before main().
#define MOAT_HOME_VARIABLE "MOAT_HOME_OF_PYTHON"
#define MOAT_ORIGIN_VARIABLE "LD_ORIGIN_PATH"    // what $ORIGIN is without /proc; taken back as well
#define MOAT_HOME_LIBRARY "lib/libmoat-home.so"  // in a runtime

// `library`: a handle of dlopen(), or NULL for the program and everything loaded with it. Call it once,
// before the interpreter is initialised. Returns 0 if there is no such function, or the path cannot be
// decoded.
int moat_set_python_home(void* library, const char* home);

#endif
