/* What `seal` and `watch` share. Each is a program of its own, since a user namespace can only be entered by
 * a process of one thread. */
#ifndef MOAT_ENVS_LAUNCHER_NAMESPACES_H
#define MOAT_ENVS_LAUNCHER_NAMESPACES_H

enum { kCannot = 126 }; /* their exit status where the system refuses */

/* Says on standard error why `what` failed, by errno; kCannot. */
int fail(const char* what);

/* Enters these namespaces (CLONE_NEW…): alone where we may (root), otherwise inside a user namespace in which
 * we keep our user and group. 0, or kCannot after a message. */
int enter_namespaces(int namespaces);

/* In a mount namespace of our own: what we mount from here on nobody else sees. 0, or kCannot after a
 * message. */
int keep_mounts_private(void);

#endif
