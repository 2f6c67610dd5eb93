// Which entries of PYTHONPATH, or of sys.path, belong to another Python than an environment's own. Plain C
// without any dependency, because the launcher, which leaves them out, and `moat doctor` must judge alike.
#ifndef MOAT_ENVS_LAUNCHER_PYTHON_PATH_H
#define MOAT_ENVS_LAUNCHER_PYTHON_PATH_H

#ifdef __cplusplus
extern "C" {
#endif

// `environment`: its root, without links. `version`: what its Python calls its folder in lib, "python3.11".
// `home`: HOME, may be NULL. Looks at the disk. 0: the user's own folder, or nothing at all.
int moat_belongs_to_another_python(const char* entry, const char* environment, const char* version,
                                   const char* home);

#ifdef __cplusplus
}
#endif

#endif
