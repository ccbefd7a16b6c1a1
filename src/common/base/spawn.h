/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fork and exec with everything said explicitly: an argument vector, an environment, which descriptors the
 * child gets, who it is. No shell. Everything else is closed in the child, and those of 0, 1 and 2 that are
 * not handed over are /dev/null; signals are back to default and unblocked. */
#ifndef ISTHMUS_BASE_SPAWN_H
#define ISTHMUS_BASE_SPAWN_H

#include "base/util.h"

struct spawn_fd {
    int parent; /* descriptor in this process */
    int child;  /* its number in the child */
};

struct spawn_options {
    const char *path; /* file to execute; NULL: search argv[0] in PATH */
    int exe_fd; /* execute this descriptor instead when > 0 (reaches a binary the account cannot; no scripts)
                 */
    char *const *argv; /* NULL-terminated */
    char *const *envp; /* NULL-terminated; NULL: this process's own */
    const char *cwd;   /* NULL: unchanged */
    const struct spawn_fd *fds;
    size_t fd_count;
    const char *user; /* account to become, with its own groups only; NULL: stay. Needs root */
    int death_signal; /* sent to the child when the calling thread dies, which has to be the main one; 0: none
                       */
    bool new_session; /* setsid */
    bool no_new_privs;
};

/* Returns once the exec has succeeded or failed (its errno is the result, negative). */
int spawn(const struct spawn_options *options, pid_t *ret_pid);

#endif
