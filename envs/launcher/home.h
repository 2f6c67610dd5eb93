// The home of a Python (Py_SetPythonHome: where its standard library lies), said to the interpreter itself.
// The variable PYTHONHOME would say it to every Python that is started from it too, and -E and -I ignore it.
#ifndef MOAT_ENVS_LAUNCHER_HOME_H
#define MOAT_ENVS_LAUNCHER_HOME_H

// Between the launcher and libmoat-home.so, which takes it back before main().
#define MOAT_HOME_VARIABLE "MOAT_HOME_OF_PYTHON"
#define MOAT_ORIGIN_VARIABLE "LD_ORIGIN_PATH"  // what $ORIGIN is where there is no /proc; taken back as well
#define MOAT_HOME_LIBRARY "lib/libmoat-home.so"  // in a runtime

// `library`: a handle of dlopen(), or NULL for the program and all that was loaded with it. To be called
// once, before the interpreter is initialised. 0 where there is no such function, or the path cannot be
// decoded.
int moat_set_python_home(void* library, const char* home);

#endif
